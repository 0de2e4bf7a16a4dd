using EmbeddedBackprop.Graphs;

namespace EmbeddedBackprop.Ops;

/// <summary>Joins values along their first axis (features, channels, time), in the order of the inputs. All other axes must be equal.</summary>
public sealed class Concat : KernelOp, IPasses<Concat>
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
            GraphErrors.InputCount(name, 2, inputs.Length);
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
                OpErrors.AxesDiffer(name, inputs[0].Name, shape, input.Name, input.Shape);
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
    internal override int? PlaceOf(ReadOnlySpan<Node> inputs, int input, bool training)
    {
        int place = 0;
        foreach (Node earlier in inputs[..input])
        {
            place += earlier.Shape.Length;
        }

        return place;
    }

    /// <inheritdoc/>
    internal override bool KeepsIntegers => true;

    /// <inheritdoc/>
    internal override TimeRule AlongTime(ReadOnlySpan<Node> inputs, int axis) =>
        axis > 0 ? TimeRule.Each(axis) : TimeRule.Refused("joins steps of time");

    /// <inheritdoc/>
    protected override Passes Passes => Passes.Of<Concat>();

    static void IPasses<Concat>.Forward<T, K>(Concat op, in OpContext<T> c)
    {
        int first = 0;
        for (int i = 0; i < c.InputCount; i++)
        {
            for (int b = 0; b < c.Batch; b++)
            {
                c.InputRows(i).Row(b).CopyTo(c.OutputRows.Row(b)[first..]);
            }

            first += c.InputColumns(i);
        }
    }

    static void IPasses<Concat>.Backward<T, K>(Concat op, in OpContext<T> c)
    {
        int first = 0;
        for (int i = 0; i < c.InputCount; i++)
        {
            int length = c.InputColumns(i);
            for (int b = 0; b < c.Batch && c.WantsInputGradient(i); b++)
            {
                Gradients.PassOn<T, K>(c.OutputGradientRows.Row(b).Slice(first, length), c.InputGradientRows(i).Row(b), c.ContinueInputGradient(i));
            }

            first += length;
        }
    }
}
