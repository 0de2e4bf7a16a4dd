using EmbeddedBackprop.Graphs;

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

    /// <inheritdoc/>
    public override BackwardReads BackwardReads => BackwardReads.Nothing;

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

    /// <inheritdoc/>
    internal override IntegerValue? IntegersOf(string name, ReadOnlySpan<Node> inputs)
    {
        RequireIntegers(name, inputs);
        return Result;
    }

    /// <summary>Ends in an exception where an input holds floats.</summary>
    protected void RequireIntegers(string name, ReadOnlySpan<Node> inputs)
    {
        foreach (Node input in inputs)
        {
            if (input.Integers is null)
            {
                GraphErrors.NeedsIntegers(name, Kind, input.Name);
            }
        }
    }

    /// <inheritdoc/>
    public override void Backward(in OpContext<float> c) => OpErrors.NoIntegerBackward(Name);

    /// <inheritdoc/>
    public override void BackwardScalar(in OpContext<float> c) => OpErrors.NoIntegerBackward(Name);

    /// <inheritdoc/>
    public override void BackwardScalar(in OpContext<double> c) => OpErrors.NoIntegerBackward(Name);
}
