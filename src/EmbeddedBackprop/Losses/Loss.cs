using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Losses;

/// <summary>
/// The end of a training plan: judges a prediction against a target and begins the backward pass. Inputs: prediction, target.
/// </summary>
/// <remarks>
/// The loss of a batch is one long sum: element i = sample * outputs + output (sample counted in the logical batch) goes into part i mod 16,
/// micro-batches go on in the same parts, and the tree s[l] += s[l+8], s[l+4], s[l+2], s[l+1] folds them. The gradient is that of the value as
/// reported: it carries the factor 1/n.
/// </remarks>
public abstract class Loss : Op
{
    /// <summary>Partial sums of a loss.</summary>
    public const int PartCount = 16;

    private protected Loss()
    {
    }

    /// <inheritdoc/>
    public override BackwardReads BackwardReads => BackwardReads.Inputs;

    /// <summary>Numbers that one sample of the prediction holds.</summary>
    public int Outputs { get; private set; }

    internal override bool IsLoss => true;

    /// <summary>A single output above this stands for class 1.</summary>
    private protected virtual float DecisionThreshold => 0.5f;

    /// <inheritdoc/>
    public override Shape InferShape(string name, ReadOnlySpan<Node> inputs)
    {
        if (inputs.Length != 2)
        {
            Errors.InputCount(name, 2, inputs.Length);
        }

        int given = inputs[0].Shape.Length;
        if (Outputs != 0 && Outputs != given)
        {
            Errors.LossOutputs(name, Outputs, given);
        }

        CheckTarget(name, inputs[0], inputs[1]);
        Outputs = given;
        return new Shape(1);
    }

    /// <summary>The loss as reported: the folded parts times <see cref="Scale"/>.</summary>
    public float Value(ReadOnlySpan<float> parts, int logicalBatch) => (float)Scale(logicalBatch) * Fold(parts);

    /// <summary>The same in double.</summary>
    public double Value(ReadOnlySpan<double> parts, int logicalBatch) => Scale(logicalBatch) * Fold(parts);

    /// <summary>1/n, or 1/(n * outputs) for a loss that averages over outputs.</summary>
    public virtual double Scale(int logicalBatch) => 1.0 / logicalBatch;

    /// <summary>How many rows of predictions stand for the same class as their targets.</summary>
    internal virtual int CountCorrect(ReadOnlySpan<float> predictions, int predictionStride, ReadOnlySpan<float> targets, int targetStride, int rows) =>
        Training.Accuracy.CountCorrect(predictions, predictionStride, targets, targetStride, rows, Outputs, DecisionThreshold);

    /// <summary>
    /// The same loss on the weighted inputs (logits) of a last layer with this activation; null where there is none. Training then ends in the logits,
    /// and the activation is computed for predictions only.
    /// </summary>
    internal virtual Loss? OnLogits(Activation outputActivation) => null;

    private protected virtual void CheckTarget(string name, Node prediction, Node target)
    {
        if (prediction.Shape != target.Shape)
        {
            Errors.SizesDiffer(name, prediction.Name, prediction.Shape, target.Name, target.Shape);
        }
    }

    /// <summary>Adds the terms of this run's samples, [batch][stride of the prediction], to the 16 parts.</summary>
    private protected void AddTerms(in OpContext<float> c, ReadOnlySpan<float> terms)
    {
        Span<float> parts = BeginParts(in c);
        for (int sample = 0; sample < c.Batch; sample++)
        {
            Reduce.AddToParts(terms.Slice(sample * c.InputStride(0), Outputs), parts, FirstPart(c.SampleOffset + sample));
        }
    }

    /// <summary>The definition of <see cref="AddTerms"/>.</summary>
    private protected void AddTermsTwin<T>(in OpContext<T> c, ReadOnlySpan<T> terms)
        where T : unmanaged, System.Numerics.IBinaryFloatingPointIeee754<T>
    {
        Span<T> parts = BeginParts(in c);
        for (int sample = 0; sample < c.Batch; sample++)
        {
            Kernels.Scalar.Reduce.AddToParts(terms.Slice(sample * c.InputStride(0), Outputs), parts, FirstPart(c.SampleOffset + sample));
        }
    }

    /// <summary>The 16 parts, at the first samples of a logical batch begun with 0.</summary>
    private protected static Span<T> BeginParts<T>(in OpContext<T> c) where T : unmanaged
    {
        Span<T> parts = c.LossParts;
        if (c.SampleOffset == 0)
        {
            parts.Clear();
        }

        return parts;
    }

    /// <summary>The part that the first output of a sample goes to.</summary>
    private protected int FirstPart(int sample) => (int)((long)sample * Outputs % PartCount);

    private static T Fold<T>(ReadOnlySpan<T> parts) where T : struct, System.Numerics.IBinaryFloatingPointIeee754<T> =>
        Kernels.Scalar.Reduce.Fold(parts[..PartCount]);
}
