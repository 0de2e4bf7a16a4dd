using EmbeddedBackprop.Graphs;

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

    /// <inheritdoc/>
    public override Shape InferShape(string name, ReadOnlySpan<Node> inputs)
    {
        if (inputs.Length != 2)
        {
            Errors.InputCount(name, 2, inputs.Length);
        }

        CheckTarget(name, inputs[0], inputs[1]);
        Outputs = inputs[0].Shape.Length;
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
        Training.Accuracy.CountCorrect(predictions, predictionStride, targets, targetStride, rows, Outputs);

    private protected virtual void CheckTarget(string name, Node prediction, Node target)
    {
        if (prediction.Shape != target.Shape)
        {
            Errors.SizesDiffer(name, prediction.Name, prediction.Shape, target.Name, target.Shape);
        }
    }

    private protected static void BeginParts<T>(in OpContext<T> c, Span<T> parts) where T : unmanaged
    {
        if (c.SampleOffset == 0)
        {
            parts.Clear();
        }
    }

    private static T Fold<T>(ReadOnlySpan<T> parts) where T : unmanaged, System.Numerics.INumber<T>
    {
        Span<T> s = stackalloc T[PartCount];
        parts[..PartCount].CopyTo(s);
        for (int half = PartCount / 2; half > 0; half /= 2)
        {
            for (int l = 0; l < half; l++)
            {
                s[l] += s[l + half];
            }
        }

        return s[0];
    }
}
