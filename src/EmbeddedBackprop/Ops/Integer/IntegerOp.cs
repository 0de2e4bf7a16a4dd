using System.Numerics;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Sets;

namespace EmbeddedBackprop.Ops.Integer;

/// <summary>
/// An op that makes integers. On the host a value is the float q - zero point: 0 is 0, and sums below 2^24 are exact in any order. The twins compute
/// in int and long; the two share nothing but the constants.
/// </summary>
/// <remarks>
/// Scale and zero point of the output are the op's first state, NAME.range, unless the output shares those of an earlier value.
/// </remarks>
internal abstract class IntegerOp : Op
{
    protected IntegerOp(int bits, IntegerValue? tied)
    {
        if (bits is not (8 or 16))
        {
            Errors.OutOfRange(nameof(bits), bits, "8 or 16");
        }

        Result = tied ?? new IntegerValue(bits, this);
    }

    /// <summary>What the output's integers share with others.</summary>
    public IntegerValue Result { get; }

    /// <inheritdoc/>
    public override string Detail => Result.Bits == 8 ? "int8" : "int16";

    /// <summary>Exported C has constant integers in tables, and takes one sum at a time.</summary>
    public override int ExportScratchLength(Layout layout) => 0;

    /// <summary>Whether the output's scale and zero point are this op's state.</summary>
    protected bool OwnsRange => Result.Owner == this;

    /// <inheritdoc/>
    public override void DescribeState(StateLayout layout)
    {
        ArgumentNullException.ThrowIfNull(layout);
        if (OwnsRange)
        {
            // [scale, zero point]; until a quantiser sets them a step is 1.
            layout.Add(Name + ".range", 2, 1f);
        }
    }

    /// <summary>How files hold a parameter, counted as the op describes them; null where as float32.</summary>
    public virtual StoredIntegers? Stored(int parameter) => null;

    /// <inheritdoc/>
    internal override bool FollowsParameters => OwnsRange && Graph is { FollowsRanges: true };

    /// <summary>
    /// Whether the step notes how far its values reach: ranges follow training, and the values depend on something that is trained. Those of data
    /// keep the range of the calibration.
    /// </summary>
    private protected static bool Observes<T>(in OpContext<T> c) where T : unmanaged
    {
        bool trained = c.Training && c.ParameterCount > 0;
        for (int i = 0; i < c.InputCount && !trained; i++)
        {
            trained = c.Training && c.WantsInputGradient(i);
        }

        return trained && !c.OutputExtremes.IsEmpty;
    }

    /// <inheritdoc/>
    internal override void FollowParameters(in OpContext<float> c, bool keepRanges)
    {
        if (!OwnsRange || c.OutputExtremes.IsEmpty)
        {
            return;
        }

        Span<IntegerType> inputs = stackalloc IntegerType[c.InputCount];
        for (int i = 0; i < inputs.Length; i++)
        {
            inputs[i] = c.HasIntegers(i) ? c.InputType(i) : default;
        }

        if (FixedType(inputs) is { } type)
        {
            Extremes.Write(c.State(0), type);
        }
        else if (Extremes.Follow(c.OutputExtremes, c.OutputType, keepRanges))
        {
            Extremes.Write(c.State(0), IntegerType.Of(Result.Bits, c.OutputExtremes[0], c.OutputExtremes[1]));
        }
    }

    /// <inheritdoc/>
    internal override IntegerValue? IntegersOf(string name, ReadOnlySpan<Node> inputs)
    {
        RequireIntegers(name, inputs);
        return Result;
    }

    /// <summary>
    /// The type that the output has by the op's definition, given those of its inputs; null where the values of a calibration choose it. The state
    /// NAME.range holds it.
    /// </summary>
    public virtual IntegerType? FixedType(ReadOnlySpan<IntegerType> inputs) => null;

    /// <summary>Ends in an exception where an input holds floats, or where a mask or indices (inputs without gradient) hold integers.</summary>
    protected void RequireIntegers(string name, ReadOnlySpan<Node> inputs)
    {
        for (int i = 0; i < inputs.Length; i++)
        {
            if (IsData(i) && inputs[i].Integers is null)
            {
                GraphErrors.NeedsIntegers(name, Kind, inputs[i].Name);
            }

            if (!IsData(i) && inputs[i].Integers is not null)
            {
                GraphErrors.ReadsIntegers(name, Kind, inputs[i].Name);
            }
        }
    }

    /// <summary>The real values of integers, x = s (q - z), in the given memory.</summary>
    private protected static Matrix<T> RealValues<T, K>(scoped in Matrix<T> integers, IntegerType type, Span<T> values)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where K : struct, IKernels<T>
    {
        K.Scale(T.CreateTruncating(type.Scale), integers.Values, values);
        return new(values, integers.Rows, integers.Columns, integers.Stride, integers.Width);
    }

    /// <summary>The elements of a row as integers, for a twin.</summary>
    private protected static int[] Integers<T>(Span<T> row) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int[] integers = new int[row.Length];
        for (int i = 0; i < integers.Length; i++)
        {
            integers[i] = int.CreateChecked(row[i]);
        }

        return integers;
    }

    /// <summary>Parameters or state as floats, for a twin: integers are made from floats in every reading.</summary>
    private protected static float[] Floats<T>(Span<T> values) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        float[] floats = new float[values.Length];
        for (int i = 0; i < floats.Length; i++)
        {
            floats[i] = float.CreateTruncating(values[i]);
        }

        return floats;
    }
}
