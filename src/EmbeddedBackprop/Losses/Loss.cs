using System.Globalization;
using System.Numerics;
using System.Runtime.InteropServices;
using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Losses;

/// <summary>
/// The end of a training plan: judges a prediction against a target and begins the backward pass. Inputs: prediction, target.
/// </summary>
/// <remarks>
/// The loss of a batch is one long sum: element i = sample * outputs + output (sample counted in the logical batch) goes into part i mod 16,
/// micro-batches go on in the same parts, and the tree s[l] += s[l+8], s[l+4], s[l+2], s[l+1] folds them. The gradient is that of the value as
/// reported: it carries the factor 1/n.
/// </remarks>
public abstract class Loss : KernelOp
{
    /// <summary>Partial sums of a loss.</summary>
    public const int PartCount = Kernels.Scalar.PartialSums.Count;

    private protected Loss()
    {
    }

    /// <inheritdoc/>
    public override BackwardReads BackwardReads => BackwardReads.Inputs;

    private float weight = 1f;
    private float labelSmoothing;
    private float[]? classWeights;
    private double[]? classWeightsInDouble;

    /// <summary>
    /// epsilon, from 0 up to but not including 1: the target becomes y = M(1 - epsilon, y, epsilon / classes), so that no output is asked to reach 1.
    /// Only for cross-entropies; a binary one counts 2 classes. Source: Szegedy, Vanhoucke, Ioffe, Shlens, Wojna 2016.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The value lies outside.</exception>
    public float LabelSmoothing
    {
        get => labelSmoothing;
        init => labelSmoothing = Errors.RequireShare("label smoothing", value);
    }

    /// <summary>
    /// The weight of each class in loss and gradient: a sample's part is multiplied by the weight of its class (for other than one-hot
    /// targets, by the sum of weight times target); the mean still divides by the number of samples. Two weights for a single output; null
    /// for 1 each.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">A weight is negative or not finite.</exception>
    public IReadOnlyList<float>? ClassWeights
    {
        get => classWeights;
        init
        {
            classWeights = value is null ? null : [.. value];
            classWeightsInDouble = value is null ? null : [.. value];
            foreach (float weight in classWeights ?? [])
            {
                Errors.RequireNotNegative("class weight", weight);
            }
        }
    }

    /// <summary>Its settings, for the model file: <c>Registry.Loss(Kind, Options)</c> makes its like.</summary>
    public LossSettings Options =>
        new()
        {
            LabelSmoothing = labelSmoothing > 0f ? labelSmoothing : null,
            ClassWeights = classWeights,
            Weight = weight == 1f ? null : weight,
        };

    /// <summary>The factor of this loss in the sum of all losses of a training plan, and in its gradient.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The weight is negative or not finite.</exception>
    public float Weight
    {
        get => weight;
        init => weight = Errors.RequireNotNegative("loss weight", value);
    }

    /// <summary>The target is a constant.</summary>
    /// <inheritdoc/>
    public override bool HasGradient(int input) => input == 0;

    /// <inheritdoc/>
    public override string Detail => Weight == 1f ? "" : string.Create(CultureInfo.InvariantCulture, $"weight {Weight}");

    /// <summary>Elements of one sample of the prediction.</summary>
    public int Outputs { get; private set; }

    internal override bool IsLoss => true;

    internal override float WeightedLoss(Span<float> parts, int logicalBatch) => Weight * Value(parts, logicalBatch);

    internal override double WeightedLoss(Span<double> parts, int logicalBatch) => Weight * Value(parts, logicalBatch);

    /// <summary>A single output above this means class 1.</summary>
    private protected virtual float DecisionThreshold => 0.5f;

    /// <inheritdoc/>
    public override Shape InferShape(string name, ReadOnlySpan<Node> inputs)
    {
        if (inputs.Length != 2)
        {
            GraphErrors.InputCount(name, 2, inputs.Length);
        }

        int given = inputs[0].Shape.Length;
        if (Outputs != 0 && Outputs != given)
        {
            LossErrors.LossOutputs(name, Outputs, given);
        }

        CheckTarget(name, inputs[0], inputs[1]);
        if (labelSmoothing > 0f && !TargetsAreProbabilities)
        {
            LossErrors.NothingToSmooth(name, Kind);
        }

        if (classWeights is not null && classWeights.Length != Math.Max(given, 2))
        {
            LossErrors.ClassWeightCount(name, Math.Max(given, 2), classWeights.Length);
        }

        Outputs = given;
        return new Shape(1);
    }

    /// <summary>The loss as reported, without <see cref="Weight"/>: the folded parts times <see cref="Scale"/>.</summary>
    public float Value(ReadOnlySpan<float> parts, int logicalBatch) => (float)Scale(logicalBatch) * Fold(parts);

    /// <summary>The same in double.</summary>
    public double Value(ReadOnlySpan<double> parts, int logicalBatch) => Scale(logicalBatch) * Fold(parts);

    /// <summary>1/n, or 1/(n * outputs) for a loss that averages over outputs.</summary>
    public virtual double Scale(int logicalBatch) => 1.0 / logicalBatch;

    /// <summary>The factor of the gradient: <see cref="Scale"/> times <see cref="Weight"/>.</summary>
    public double GradientScale(int logicalBatch) => Scale(logicalBatch) * Weight;

    /// <summary>How many rows of predictions have the same class as their targets.</summary>
    internal virtual int CountCorrect(
        ReadOnlySpan<float> predictions,
        int predictionStride,
        ReadOnlySpan<float> targets,
        int targetStride,
        int rows
    ) => ClassDecision.CountCorrect(predictions, predictionStride, targets, targetStride, rows, Outputs, DecisionThreshold);

    /// <summary>
    /// The same loss on the weighted inputs (logits) of a last layer with this activation; null where there is none. Training then ends in the
    /// logits, and the activation is computed for predictions only.
    /// </summary>
    internal virtual Loss? OnLogits(Activation outputActivation) => null;

    /// <summary>
    /// The loss of one output a with target y as a tree, which the exporter prints as C; null for a loss that is not a sum over single outputs.
    /// </summary>
    internal virtual LaneText? ValueText(LaneText a, LaneText y) => null;

    /// <summary>d(loss)/da of one output as a tree.</summary>
    internal virtual LaneText? DerivativeText(LaneText a, LaneText y) => null;

    /// <summary>The least and the most value that it can judge.</summary>
    internal virtual (double Least, double Most) Domain => (double.NegativeInfinity, double.PositiveInfinity);

    /// <summary>The equation in a line of ASCII.</summary>
    internal virtual string Equation => "";

    internal override Op? JoinedWith(Op previous) => previous.AsActivation is { } activation ? OnLogits(activation) : null;

    /// <summary>Whether targets are probabilities of classes, so that smoothing them has a meaning.</summary>
    private protected virtual bool TargetsAreProbabilities => false;

    /// <summary>Whether targets are smoothed, which takes memory for them.</summary>
    private protected bool Smooths => labelSmoothing > 0f;

    /// <summary>Takes over the settings of another loss: for the same loss written on logits.</summary>
    internal Loss WithSettingsOf(Loss other)
    {
        labelSmoothing = other.labelSmoothing;
        classWeights = other.classWeights;
        classWeightsInDouble = other.classWeightsInDouble;
        weight = other.weight;
        return this;
    }

    /// <summary>The targets as the loss reads them: as they are, or smoothed into the given memory.</summary>
    private protected Matrix<T> Targets<T, K>(in OpContext<T> c, in Matrix<T> smoothed, int classes)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where K : struct, IKernels<T>
    {
        if (!Smooths)
        {
            return c.InputRows(1);
        }

        LossTargets.Smooth<T, K>(c.Arithmetic, labelSmoothing, classes, c.Input(1), smoothed.Values);
        return smoothed;
    }

    /// <summary>Multiplies each sample's row of terms or gradients by the weight of its class.</summary>
    private protected void WeighRows<T, K>(in OpContext<T> c, in Matrix<T> rows)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where K : struct, IKernels<T>
    {
        for (int sample = 0; classWeights is not null && sample < c.Batch; sample++)
        {
            ReadOnlySpan<T> target = c.InputRows(1).Row(sample), weights = typeof(T) == typeof(float)
                ? MemoryMarshal.Cast<float, T>(classWeights)
                : MemoryMarshal.Cast<double, T>(classWeightsInDouble);
            T weight = IsIndexTarget ? weights[ClassIndex(target[0])] : LossTargets.Weight<T, K>(c.Arithmetic, weights, target);
            K.Scale(weight, rows.Row(sample), rows.Row(sample));
        }
    }

    /// <summary>Whether the target is the index of a class instead of an element per class.</summary>
    private protected virtual bool IsIndexTarget => false;

    /// <summary>A class index as a whole number.</summary>
    private protected int ClassIndex<T>(T value) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        // Written so that NaN is out of range, too.
        if (!(value >= T.Zero && value < T.CreateTruncating(Outputs) && T.IsInteger(value)))
        {
            Errors.OutOfRange(Name + ": class index", double.CreateTruncating(value), $"a whole number from 0 to {Outputs - 1}");
        }

        return int.CreateTruncating(value);
    }

    /// <summary>The weight of a class: 1 by default.</summary>
    private protected float ClassWeight(int label) => classWeights is null ? 1f : classWeights[label];

    private protected virtual void CheckTarget(string name, Node prediction, Node target)
    {
        if (prediction.Shape != target.Shape)
        {
            GraphErrors.SizesDiffer(name, prediction.Name, prediction.Shape, target.Name, target.Shape);
        }
    }

    /// <summary>Adds the terms of this run's samples to the 16 parts.</summary>
    private protected void AddTerms<T, K>(in OpContext<T> c, in Matrix<T> terms)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where K : struct, IKernels<T>
    {
        Span<T> parts = BeginParts(in c);
        for (int sample = 0; sample < c.Batch; sample++)
        {
            K.AddToParts(terms.Row(sample), parts, FirstPart(c.SampleOffset + sample));
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

    /// <summary>Scratch from an offset on, as rows like those of the prediction.</summary>
    private protected static Matrix<T> ScratchRows<T>(in OpContext<T> c, int first) where T : unmanaged
    {
        int stride = c.InputStride(0);
        return new(c.Scratch.Slice(first, c.Batch * stride), c.Batch, c.InputColumns(0), stride, stride);
    }

    /// <summary>
    /// The memory in which the gradient is computed: its own, or the scratch where another reader of the prediction has written its own already.
    /// </summary>
    private protected static Matrix<T> GradientRows<T>(in OpContext<T> c) where T : unmanaged =>
        c.ContinueInputGradient(0) ? ScratchRows(in c, 0) : c.InputGradientRows(0);

    /// <summary>Adds the gradient to that of another reader of the prediction.</summary>
    private protected static void EndGradient<T, K>(in OpContext<T> c, in Matrix<T> gradient)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where K : struct, IKernels<T>
    {
        gradient.ClearPadding();
        if (c.ContinueInputGradient(0))
        {
            K.Add(c.InputGradient(0), gradient.Values, c.InputGradient(0));
        }
    }

    /// <summary>The part that the first output of a sample goes to.</summary>
    private protected int FirstPart(int sample) => (int)((long)sample * Outputs % PartCount);

    private static T Fold<T>(ReadOnlySpan<T> parts) where T : struct, IBinaryFloatingPointIeee754<T> =>
        Kernels.Scalar.Reduce.Fold(parts[..PartCount]);
}
