using System.Globalization;
using System.Numerics;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Random;

namespace EmbeddedBackprop.Ops;

/// <summary>
/// Inverted dropout: in training each number is 0 with the given probability p and else x * (1 / (1 - p)); in inference y = x. Source: Srivastava et al. 2014.
/// </summary>
/// <remarks>
/// The mask is a function of seed, step, the op's place in the graph, the sample's place in the logical batch and the element (<see cref="CounterRandom"/>), so it
/// depends neither on micro-batches nor on threads, is not stored, and is drawn again in the backward pass.
/// </remarks>
public sealed class Dropout : Op
{
    private Shape input;

    /// <summary>Drops with this probability.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The probability is not at least 0 and below 1.</exception>
    public Dropout(float probability) => Probability = Errors.RequireShare(nameof(probability), probability);

    /// <summary>p.</summary>
    public float Probability { get; }

    /// <inheritdoc/>
    public override string Kind => "dropout";

    /// <inheritdoc/>
    public override string Settings => Probability.ToString("R", CultureInfo.InvariantCulture);

    /// <inheritdoc/>
    public override BackwardReads BackwardReads => BackwardReads.Nothing;

    /// <inheritdoc/>
    public override bool MayOverlay(int input) => true;

    /// <inheritdoc/>
    public override bool MayOverlayGradient(int input) => true;

    /// <inheritdoc/>
    public override Shape InferShape(string name, ReadOnlySpan<Node> inputs) => Shapes.Single(name, inputs, ref input);

    /// <inheritdoc/>
    public override void Forward(in OpContext<float> c)
    {
        if (c.Training)
        {
            DropoutMask.Apply(Draw(in c), c.Batch, c.OutputColumns, c.OutputStride, c.Input(0), c.Output, accumulate: false);
        }
        else
        {
            c.Input(0).CopyTo(c.Output);
        }
    }

    /// <inheritdoc/>
    public override void Backward(in OpContext<float> c)
    {
        if (!c.WantsInputGradient(0))
        {
            return;
        }

        if (c.Training)
        {
            DropoutMask.Apply(Draw(in c), c.Batch, c.OutputColumns, c.OutputStride, c.OutputGradient, c.InputGradient(0), c.ContinueInputGradient(0));
        }
        else
        {
            Gradients.PassOn(c.OutputGradient, c.InputGradient(0), c.ContinueInputGradient(0));
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

    private DropoutDraw Draw<T>(in OpContext<T> c) where T : unmanaged =>
        new(c.Seed, c.StepNumber, c.OpIndex, c.SampleOffset, Probability);

    private void ForwardTwin<T>(in OpContext<T> c) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (c.Training)
        {
            Kernels.Scalar.DropoutMask.Apply<T>(Draw(in c), c.Batch, c.OutputColumns, c.OutputStride, c.Input(0), c.Output, accumulate: false);
        }
        else
        {
            c.Input(0).CopyTo(c.Output);
        }
    }

    private void BackwardTwin<T>(in OpContext<T> c) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (!c.WantsInputGradient(0))
        {
            return;
        }

        if (c.Training)
        {
            Kernels.Scalar.DropoutMask.Apply<T>(
                Draw(in c), c.Batch, c.OutputColumns, c.OutputStride, c.OutputGradient, c.InputGradient(0), c.ContinueInputGradient(0));
        }
        else
        {
            Gradients.PassOnScalar<T>(c.OutputGradient, c.InputGradient(0), c.ContinueInputGradient(0));
        }
    }
}
