using System.Globalization;
using System.Numerics;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Ops;

/// <summary>
/// Cuts a signal into frames that may overlap: frame t has the samples t hop ... t hop + length - 1. [samples] or [1, samples] becomes [frames,
/// length] with frames = 1 + (samples - length) / hop, rounded down; the samples after the last whole frame are not read.
/// </summary>
public sealed class Frames : KernelOp, IPasses<Frames>
{
    private Shape input;

    /// <summary>Frames of so many samples, one every <paramref name="hop"/> samples.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A number is not positive.</exception>
    public Frames(int length, int hop)
    {
        Length = Errors.RequirePositive(nameof(length), length);
        Hop = Errors.RequirePositive(nameof(hop), hop);
    }

    /// <summary>Samples of a frame.</summary>
    public int Length { get; }

    /// <summary>Samples from the beginning of a frame to that of the next.</summary>
    public int Hop { get; }

    /// <inheritdoc/>
    public override string Kind => "frames";

    /// <inheritdoc/>
    public override string Settings => string.Create(CultureInfo.InvariantCulture, $"{Length} hop {Hop}");

    /// <inheritdoc/>
    public override BackwardReads BackwardReads => BackwardReads.Nothing;

    private int Count => 1 + ((input.Length - Length) / Hop);

    /// <inheritdoc/>
    public override Shape InferShape(string name, ReadOnlySpan<Node> inputs)
    {
        Shape shape = Shapes.Single(name, inputs, ref input);
        if (shape.Length != shape[shape.Rank - 1])
        {
            OpErrors.NotOneChannel(name, shape, inputs[0].Name);
        }

        if (shape.Length < Length)
        {
            OpErrors.FrameTooLong(name, Length, shape.Length, inputs[0].Name);
        }

        return new Shape(Count, Length);
    }

    /// <inheritdoc/>
    internal override TimeRule AlongTime(ReadOnlySpan<Node> inputs, int axis) => TimeRule.Rows(Length, Hop, axis: 0);

    /// <inheritdoc/>
    protected override Passes Passes => Passes.Of<Frames>();

    static void IPasses<Frames>.Forward<T, K>(Frames op, in OpContext<T> c)
    {
        for (int b = 0; b < c.Batch; b++)
        {
            Span<T> x = c.InputRows(0).Row(b), y = c.OutputRows.Row(b);
            for (int t = 0; t < op.Count; t++)
            {
                x.Slice(t * op.Hop, op.Length).CopyTo(y[(t * op.Length)..]);
            }
        }
    }

    // dx[i] = +0 + the gradients of its copies, frames ascending.
    static void IPasses<Frames>.Backward<T, K>(Frames op, in OpContext<T> c)
    {
        if (!c.WantsInputGradient(0))
        {
            return;
        }

        if (!c.ContinueInputGradient(0))
        {
            c.InputGradient(0).Clear();
        }

        for (int b = 0; b < c.Batch; b++)
        {
            Span<T> dx = c.InputGradientRows(0).Row(b), dy = c.OutputGradientRows.Row(b);
            for (int t = 0; t < op.Count; t++)
            {
                Span<T> part = dx.Slice(t * op.Hop, op.Length);
                K.Add(part, dy.Slice(t * op.Length, op.Length), part);
            }
        }
    }
}
