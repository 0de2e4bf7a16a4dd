using System.Numerics;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Ops;

/// <summary>Softmax of every row of the last axis: attention weights, or probabilities at every time step. For [classes] it is the softmax of the sample.</summary>
public sealed class SoftmaxOverLastAxis : Op
{
    private Shape input;

    /// <inheritdoc/>
    public override string Kind => "softmax";

    /// <inheritdoc/>
    public override BackwardReads BackwardReads => BackwardReads.Outputs;

    /// <inheritdoc/>
    public override bool MayOverlay(int input) => true;

    /// <inheritdoc/>
    public override bool MayOverlayGradient(int input) => true;

    private int Columns => input[input.Rank - 1];

    private int Rows => input.Length / Columns;

    /// <inheritdoc/>
    public override Shape InferShape(string name, ReadOnlySpan<Node> inputs) => Shapes.Single(name, inputs, ref input);

    /// <inheritdoc/>
    public override void Forward(in OpContext<float> c)
    {
        for (int b = 0; b < c.Batch; b++)
        {
            SoftmaxRows.Forward(c.Arithmetic, Rows, Columns, c.Input(0)[(b * c.OutputStride)..], Columns, c.Output[(b * c.OutputStride)..], Columns);
        }
    }

    /// <inheritdoc/>
    public override void Backward(in OpContext<float> c)
    {
        if (!c.WantsInputGradient(0))
        {
            return;
        }

        for (int b = 0; b < c.Batch; b++)
        {
            Span<float> dy = c.OutputGradient[(b * c.OutputStride)..];
            SoftmaxRows.Backward(c.Arithmetic, Rows, Columns, c.Output[(b * c.OutputStride)..], Columns, dy, Columns, dy, Columns);
        }

        Gradients.PassOn(c.OutputGradient, c.InputGradient(0), c.ContinueInputGradient(0));
    }

    /// <inheritdoc/>
    public override void ForwardScalar(in OpContext<float> c) => ForwardTwin(in c);

    /// <inheritdoc/>
    public override void BackwardScalar(in OpContext<float> c) => BackwardTwin(in c);

    /// <inheritdoc/>
    public override void ForwardScalar(in OpContext<double> c) => ForwardTwin(in c);

    /// <inheritdoc/>
    public override void BackwardScalar(in OpContext<double> c) => BackwardTwin(in c);

    private void ForwardTwin<T>(in OpContext<T> c) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        for (int b = 0; b < c.Batch; b++)
        {
            Kernels.Scalar.SoftmaxRows.Forward<T>(
                c.Arithmetic, Rows, Columns, c.Input(0)[(b * c.OutputStride)..], Columns, c.Output[(b * c.OutputStride)..], Columns);
        }
    }

    private void BackwardTwin<T>(in OpContext<T> c) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (!c.WantsInputGradient(0))
        {
            return;
        }

        for (int b = 0; b < c.Batch; b++)
        {
            Span<T> dy = c.OutputGradient[(b * c.OutputStride)..];
            Kernels.Scalar.SoftmaxRows.Backward<T>(c.Arithmetic, Rows, Columns, c.Output[(b * c.OutputStride)..], Columns, dy, Columns, dy, Columns);
        }

        Gradients.PassOnScalar<T>(c.OutputGradient, c.InputGradient(0), c.ContinueInputGradient(0));
    }
}
