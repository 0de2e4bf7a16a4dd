using System.Numerics;
using System.Runtime.InteropServices;
using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Integers;
using EmbeddedBackprop.Kernels.Scalar;
using EmbeddedBackprop.Kernels.Sets;

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

    /// <summary>The table.</summary>
    public override int ScratchLength(int batch, Layout layout) => IntegerActivation.TableLength;

    /// <inheritdoc/>
    internal override int MadeLength(Layout layout) => IntegerActivation.TableLength;

    /// <inheritdoc/>
    public override void Forward(in OpContext<float> c)
    {
        Matrix<float> x = c.InputRows(0), y = c.OutputRows;
        IntegerType from = c.InputType(0), to = c.OutputType;
        if (Observes(in c))
        {
            Observe(in c, Extremes.Of(x));
        }

        if (HasTable(from))
        {
            bool isMade = c.Made(IntegerActivation.TableLength, out Span<float> made, out _);
            Span<int> table = MemoryMarshal.Cast<float, int>(made);
            if (!isMade)
            {
                IntegerActivation.Fill(Activation, c.Arithmetic, Entries(from), to, table);
            }

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

    /// <inheritdoc/>
    public override BackwardReads BackwardReads => BackwardReads.Inputs;

    /// <inheritdoc/>
    public override bool MayOverlayGradient(int input) => true;

    /// <summary>The real values of the input, and f of them.</summary>
    public override int BackwardScratchLength(int batch, Layout layout) => 2 * batch * layout.Stride(input.Length);

    /// <inheritdoc/>
    public override void Backward(in OpContext<float> c) => Backward<float, SimdKernels>(in c);

    /// <inheritdoc/>
    public override void BackwardScalar(in OpContext<float> c) => Backward<float, ScalarKernels<float>>(in c);

    /// <inheritdoc/>
    public override void BackwardScalar(in OpContext<double> c) => Backward<double, ScalarKernels<double>>(in c);

    // Straight through the rounding of the entries: dx = dy f'(x) at x = s_x (q_x - z_x).
    private void Backward<T, K>(in OpContext<T> c)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where K : struct, IKernels<T>
    {
        Matrix<T> x = c.InputRows(0);
        Matrix<T> z = RealValues<T, K>(x, c.InputType(0), c.Scratch[..x.Values.Length]);
        Matrix<T> a = new(c.Scratch.Slice(x.Values.Length, x.Values.Length), x.Rows, x.Columns, x.Stride, x.Width);
        Activation.Forward<T, K>(c.Arithmetic, z, a);
        Activation.Backward<T, K>(c.Arithmetic, z, a, c.OutputGradientRows);
        Gradients.PassOn<T, K>(c.OutputGradient, c.InputGradient(0), c.ContinueInputGradient(0));
    }

    private void Observe<T>(in OpContext<T> c, (float Low, float High) x) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        float scale = c.InputType(0).Scale;
        (float low, float high) = IntegerActivation.Extremes(Activation, c.Arithmetic, scale * x.Low, scale * x.High);
        Extremes.Widen(c.OutputExtremes, low, high);
    }

    private void Twin<T>(in OpContext<T> c) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        Matrix<T> x = c.InputRows(0), y = c.OutputRows;
        if (Observes(in c))
        {
            Observe(in c, Extremes.OfScalar(x));
        }

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
