using System.Numerics;
using EmbeddedBackprop.Graphs;

namespace EmbeddedBackprop.Ops;

/// <summary>Joins values along their first axis (features, channels, time), in the order of the inputs. All other axes must be equal.</summary>
public sealed class Concat : Op
{
    /// <inheritdoc/>
    public override string Kind => "concat";

    /// <inheritdoc/>
    public override BackwardReads BackwardReads => BackwardReads.Nothing;

    /// <inheritdoc/>
    public override Shape InferShape(string name, ReadOnlySpan<Node> inputs)
    {
        if (inputs.Length < 2)
        {
            Errors.InputCount(name, 2, inputs.Length);
        }

        Shape shape = inputs[0].Shape;
        long first = 0;
        foreach (Node input in inputs)
        {
            bool fits = input.Shape.Rank == shape.Rank;
            for (int axis = 1; fits && axis < shape.Rank; axis++)
            {
                fits = input.Shape[axis] == shape[axis];
            }

            if (!fits)
            {
                Errors.AxesDiffer(name, inputs[0].Name, shape, input.Name, input.Shape);
            }

            first += input.Shape[0];
        }

        if (first * (shape.Length / shape[0]) > int.MaxValue)
        {
            Errors.TooLarge(name, first * (shape.Length / shape[0]));
        }

        return shape.Rank switch
        {
            1 => new Shape((int)first),
            2 => new Shape((int)first, shape[1]),
            _ => new Shape((int)first, shape[1], shape[2]),
        };
    }

    /// <inheritdoc/>
    public override void Forward(in OpContext<float> c) => Move(in c);

    /// <inheritdoc/>
    public override void Backward(in OpContext<float> c) => MoveBack(in c, scalar: false);

    /// <inheritdoc/>
    public override void ForwardScalar(in OpContext<float> c) => Move(in c);

    /// <inheritdoc/>
    public override void BackwardScalar(in OpContext<float> c) => MoveBack(in c, scalar: true);

    /// <inheritdoc/>
    public override void ForwardScalar(in OpContext<double> c) => Move(in c);

    /// <inheritdoc/>
    public override void BackwardScalar(in OpContext<double> c) => MoveBack(in c, scalar: true);

    private static void Move<T>(in OpContext<T> c) where T : unmanaged
    {
        int first = 0;
        for (int i = 0; i < c.InputCount; i++)
        {
            int length = c.InputColumns(i);
            for (int b = 0; b < c.Batch; b++)
            {
                c.Input(i).Slice(b * c.InputStride(i), length).CopyTo(c.Output[((b * c.OutputStride) + first)..]);
            }

            first += length;
        }
    }

    private static void MoveBack<T>(in OpContext<T> c, bool scalar) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int first = 0;
        for (int i = 0; i < c.InputCount; i++)
        {
            int length = c.InputColumns(i);
            for (int b = 0; b < c.Batch && c.WantsInputGradient(i); b++)
            {
                Gradients.PassOn<T>(
                    scalar, c.OutputGradient.Slice((b * c.OutputStride) + first, length), c.InputGradient(i).Slice(b * c.InputStride(i), length),
                    c.ContinueInputGradient(i));
            }

            first += length;
        }
    }
}
