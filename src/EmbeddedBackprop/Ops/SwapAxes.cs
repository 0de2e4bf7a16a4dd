using System.Numerics;
using EmbeddedBackprop.Graphs;

namespace EmbeddedBackprop.Ops;

/// <summary>Exchanges the two axes of a value: [time, features] to [features, time], and back.</summary>
public sealed class SwapAxes : KernelOp, IPasses<SwapAxes>
{
    private Shape input;

    /// <inheritdoc/>
    public override string Kind => "transpose";

    /// <inheritdoc/>
    public override BackwardReads BackwardReads => BackwardReads.Nothing;

    /// <inheritdoc/>
    public override Shape InferShape(string name, ReadOnlySpan<Node> inputs)
    {
        Shape shape = Shapes.Single(name, inputs, ref input);
        if (shape.Rank != 2)
        {
            OpErrors.RankExpected(name, "rows x columns", shape, inputs[0].Name);
        }

        return new Shape(shape[1], shape[0]);
    }

    /// <inheritdoc/>
    internal override bool KeepsIntegers => true;

    /// <inheritdoc/>
    internal override TimeRule AlongTime(ReadOnlySpan<Node> inputs, int axis) => TimeRule.Each(1 - axis);

    /// <inheritdoc/>
    protected override Passes Passes => Passes.Of<SwapAxes>();

    static void IPasses<SwapAxes>.Forward<T, K>(SwapAxes op, in OpContext<T> c)
    {
        for (int b = 0; b < c.Batch; b++)
        {
            K.Transpose(op.input[0], op.input[1], c.InputRows(0).Row(b), c.OutputRows.Row(b));
        }
    }

    static void IPasses<SwapAxes>.Backward<T, K>(SwapAxes op, in OpContext<T> c)
    {
        for (int b = 0; b < c.Batch && c.WantsInputGradient(0); b++)
        {
            Span<T> dy = c.OutputGradientRows.Row(b), dx = c.InputGradientRows(0).Row(b);
            if (c.ContinueInputGradient(0))
            {
                AddTransposed<T>(op.input[0], op.input[1], dy, dx);
            }
            else
            {
                K.Transpose(op.input[1], op.input[0], dy, dx);
            }
        }
    }

    private static void AddTransposed<T>(int rows, int columns, ReadOnlySpan<T> dy, Span<T> dx) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        for (int i = 0; i < rows; i++)
        {
            for (int j = 0; j < columns; j++)
            {
                dx[(i * columns) + j] += dy[(j * rows) + i];
            }
        }
    }
}
