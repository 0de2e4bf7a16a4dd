using System.Numerics;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Ops;

/// <summary>
/// The common part of ops on signals: each row of the last axis is one signal, or one frame of it, and gives one row of the output.
/// </summary>
public abstract class SignalOp : KernelOp
{
    private Shape input;

    private protected SignalOp()
    {
    }

    /// <inheritdoc/>
    public override BackwardReads BackwardReads => BackwardReads.Nothing;

    /// <summary>Elements of a row of the input.</summary>
    private protected int Length => input[input.Rank - 1];

    /// <summary>Rows of a sample.</summary>
    private protected int RowCount => input.Length / Length;

    /// <summary>Elements of a row of the output; an input that does not fit ends in an exception.</summary>
    private protected virtual int OutputLength(string name, int length, Node from) => length;

    /// <inheritdoc/>
    public override Shape InferShape(string name, ReadOnlySpan<Node> inputs)
    {
        Shape shape = Shapes.Single(name, inputs, ref input);
        int length = OutputLength(name, Length, inputs[0]);
        return shape.Rank switch { 1 => new Shape(length), 2 => new Shape(shape[0], length), _ => new Shape(shape[0], shape[1], length) };
    }

    /// <inheritdoc/>
    internal override TimeRule AlongTime(ReadOnlySpan<Node> inputs, int axis) =>
        axis == inputs[0].Shape.Rank - 1
            ? TimeRule.Refused("reads the whole window as one signal (frames before it make rows of it)")
            : TimeRule.Each(axis);

    /// <summary>The rows of one sample.</summary>
    private protected Matrix<T> RowsOf<T>(in Matrix<T> values, int sample) where T : unmanaged =>
        new(values.Row(sample), RowCount, values.Columns / RowCount, values.Columns / RowCount);

    /// <summary>The gradient of the input begins with +0, unless another reader of it wrote before; false where nobody wants it.</summary>
    private protected static bool BeginsGradient<T>(in OpContext<T> c) where T : unmanaged
    {
        if (!c.WantsInputGradient(0))
        {
            return false;
        }

        if (!c.ContinueInputGradient(0))
        {
            c.InputGradient(0).Clear();
        }

        return true;
    }
}
