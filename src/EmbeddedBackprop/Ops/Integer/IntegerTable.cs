using System.Numerics;
using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Integers;
using EmbeddedBackprop.Kernels.Scalar;

namespace EmbeddedBackprop.Ops.Integer;

/// <summary>
/// An activation by itself, y = f(x): for 8 bits a table of 256 over x; for 16 bits 257 entries and the straight line between two of them, or, where
/// f is a clamp, R(x; s_x / s_y) and the clamp.
/// </summary>
internal sealed class IntegerTable : IntegerOp
{
    private Shape input;

    /// <summary>A function of one element.</summary>
    public IntegerTable(Activation activation, int bits, IntegerValue? tied)
        : base(bits, tied) => Activation = activation;

    /// <summary>f.</summary>
    public Activation Activation { get; }

    /// <inheritdoc/>
    public override string Kind => "activate";

    /// <inheritdoc/>
    public override string Detail => $"{base.Detail} {Activation.Name}";

    /// <inheritdoc/>
    public override string? ActivationName => Activation.Name;

    /// <inheritdoc/>
    public override bool MayOverlay(int input) => true;

    /// <inheritdoc/>
    public override Shape InferShape(string name, ReadOnlySpan<Node> inputs) => Shapes.Single(name, inputs, ref input);

    /// <summary>Whether the op is a table, and not R and a clamp.</summary>
    public bool HasTable(IntegerType x) => x.Bits == 8 || !IntegerActivation.IsClamp(Activation);

    /// <summary>The table's index as 8 bits: x itself, or its upper byte.</summary>
    public static IntegerType Entries(IntegerType x) => x.Bits == 8 ? x : new IntegerType(8, 256f * x.Scale, 0);

    /// <inheritdoc/>
    public override void Forward(in OpContext<float> c)
    {
        Matrix<float> x = c.InputRows(0), y = c.OutputRows;
        IntegerType from = c.InputType(0), to = c.OutputType;
        if (HasTable(from))
        {
            Span<int> table = stackalloc int[IntegerActivation.TableLength];
            IntegerActivation.Fill(Activation, c.Arithmetic, Entries(from), to, table);
            IntegerActivation.LookUp(table, from, x, y);
            return;
        }

        Multiplier factor = Multiplier.Of((double)from.Scale / to.Scale);
        (int lowest, int highest) = IntegerActivation.Clamp(Activation, to);
        for (int row = 0; row < x.Rows; row++)
        {
            Requantize.Run(x.Row(row), 0, factor, lowest, highest, y.Row(row));
        }
    }

    /// <inheritdoc/>
    public override void ForwardScalar(in OpContext<float> c) => Twin(in c);

    /// <inheritdoc/>
    public override void ForwardScalar(in OpContext<double> c) => Twin(in c);

    private void Twin<T>(in OpContext<T> c) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        Matrix<T> x = c.InputRows(0), y = c.OutputRows;
        IntegerType from = c.InputType(0), to = c.OutputType;
        bool hasTable = HasTable(from);
        int[] table = new int[IntegerActivation.TableLength];
        if (hasTable)
        {
            IntegerActivation.Fill(Activation, c.Arithmetic, Entries(from), to, table);
        }

        Multiplier factor = hasTable ? default : Multiplier.Of((double)from.Scale / to.Scale);
        (int lowest, int highest) = IntegerActivation.Clamp(Activation, to);
        for (int row = 0; row < x.Rows; row++)
        {
            for (int i = 0; i < x.Columns; i++)
            {
                int q = int.CreateChecked(x.Row(row)[i]);
                y.Row(row)[i] = T.CreateChecked(
                    hasTable ? IntegerActivation.Read(table, from, q) : Rounding.R(q, factor.M, factor.Shift, lowest, highest));
            }
        }
    }
}
