using System.Numerics;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Products;

namespace EmbeddedBackprop.Ops;

/// <summary>Exchanges the two axes of a value: [time, features] to [features, time], and back.</summary>
public sealed class SwapAxes : Op
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
            Errors.RankExpected(name, "rows x columns", shape, inputs[0].Name);
        }

        return new Shape(shape[1], shape[0]);
    }

    /// <inheritdoc/>
    public override void Forward(in OpContext<float> c)
    {
        for (int b = 0; b < c.Batch; b++)
        {
            Transpose.Pack(
                in c.Input(0)[b * c.InputStride(0)], (nuint)input[1], (nuint)input[0], (nuint)input[1], ref c.Output[b * c.OutputStride], (nuint)input[0]);
        }
    }

    /// <inheritdoc/>
    public override void Backward(in OpContext<float> c)
    {
        if (c.ContinueInputGradient(0))
        {
            BackwardTwin(in c);
            return;
        }

        for (int b = 0; b < c.Batch && c.WantsInputGradient(0); b++)
        {
            Transpose.Pack(
                in c.OutputGradient[b * c.OutputStride], (nuint)input[0], (nuint)input[1], (nuint)input[0], ref c.InputGradient(0)[b * c.InputStride(0)],
                (nuint)input[1]);
        }
    }

    /// <inheritdoc/>
    public override void ForwardScalar(in OpContext<float> c) => ForwardTwin(in c);

    /// <inheritdoc/>
    public override void BackwardScalar(in OpContext<float> c) => BackwardTwin(in c);

    /// <inheritdoc/>
    public override void ForwardScalar(in OpContext<double> c) => ForwardTwin(in c);

    /// <inheritdoc/>
    public override void BackwardScalar(in OpContext<double> c) => BackwardTwin(in c);

    private void ForwardTwin<T>(in OpContext<T> c) where T : unmanaged
    {
        for (int b = 0; b < c.Batch; b++)
        {
            Span<T> x = c.Input(0)[(b * c.InputStride(0))..], y = c.Output[(b * c.OutputStride)..];
            for (int i = 0; i < input[0]; i++)
            {
                for (int j = 0; j < input[1]; j++)
                {
                    y[(j * input[0]) + i] = x[(i * input[1]) + j];
                }
            }
        }
    }

    private void BackwardTwin<T>(in OpContext<T> c) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        bool accumulate = c.ContinueInputGradient(0);
        for (int b = 0; b < c.Batch && c.WantsInputGradient(0); b++)
        {
            Span<T> dy = c.OutputGradient[(b * c.OutputStride)..], dx = c.InputGradient(0)[(b * c.InputStride(0))..];
            for (int i = 0; i < input[0]; i++)
            {
                for (int j = 0; j < input[1]; j++)
                {
                    T d = dy[(j * input[0]) + i];
                    dx[(i * input[1]) + j] = accumulate ? dx[(i * input[1]) + j] + d : d;
                }
            }
        }
    }
}
