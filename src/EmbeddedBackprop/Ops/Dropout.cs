using System.Globalization;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Random;

namespace EmbeddedBackprop.Ops;

/// <summary>
/// Inverted dropout: in training each element is 0 with the given probability p and else x * (1 / (1 - p)); in inference y = x. Source:
/// Srivastava et al. 2014.
/// </summary>
/// <remarks>
/// The mask is a function of seed, step, the op's index in the graph, the sample's index in the logical batch and the element
/// (<see cref="CounterRandom"/>), so it
/// depends neither on micro-batches nor on threads, is not stored, and is drawn again in the backward pass.
/// </remarks>
public sealed class Dropout : KernelOp, IPasses<Dropout>
{
    private Shape input;
    private bool drops = true;

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
    internal override int? PlaceOf(ReadOnlySpan<Node> inputs, int input, bool training) => training ? null : 0;

    /// <inheritdoc/>
    internal override bool KeepsIntegers => true;

    /// <summary>Integers are not dropped in training: what stays would be divided by 1 - p, and no longer be integers.</summary>
    internal override IntegerValue? IntegersOf(string name, ReadOnlySpan<Node> inputs)
    {
        IntegerValue? integers = base.IntegersOf(name, inputs);
        drops = integers is null;
        return integers;
    }

    /// <inheritdoc/>
    internal override TimeRule AlongTime(ReadOnlySpan<Node> inputs, int axis) => TimeRule.Each(axis);

    /// <inheritdoc/>
    protected override Passes Passes => Passes.Of<Dropout>();

    static void IPasses<Dropout>.Forward<T, K>(Dropout op, in OpContext<T> c)
    {
        if (c.Training && op.drops)
        {
            K.Dropout(op.Draw(in c), c.InputRows(0), c.OutputRows, accumulate: false);
        }
        else
        {
            c.Input(0).CopyTo(c.Output);
        }
    }

    static void IPasses<Dropout>.Backward<T, K>(Dropout op, in OpContext<T> c)
    {
        if (!c.WantsInputGradient(0))
        {
            return;
        }

        if (c.Training && op.drops)
        {
            K.Dropout(op.Draw(in c), c.OutputGradientRows, c.InputGradientRows(0), c.ContinueInputGradient(0));
        }
        else
        {
            Gradients.PassOn<T, K>(c.OutputGradient, c.InputGradient(0), c.ContinueInputGradient(0));
        }
    }

    private DropoutDraw Draw<T>(in OpContext<T> c) where T : unmanaged =>
        new(c.Seed, c.StepNumber, c.OpIndex, c.SampleOffset, Probability);
}
