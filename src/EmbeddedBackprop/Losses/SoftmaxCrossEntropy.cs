using System.Numerics;
using System.Runtime.CompilerServices;
using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Elements;

namespace EmbeddedBackprop.Losses;

/// <summary>
/// Cross-entropy of softmax(z) and the target y, written on the logits z: -sum over j of y[j] log softmax(z)[j] = sum over j of y[j] (lse - z[j]), with
/// lse = log sum over k of e^z[k]; the mean over samples. Derivative softmax(z)[j] t - y[j], t = the sum of y. Source: Nielsen, chapter 3, equation 80.
/// </summary>
/// <remarks>
/// Targets are dense (as many numbers as there are classes; any weights, not only one-hot) or a class index (a target node of one number), which gives
/// the bits of the one-hot form. The probabilities are computed by the backward pass alone: evaluation needs only lse.
/// </remarks>
public sealed class SoftmaxCrossEntropy : Loss
{
    /// <inheritdoc/>
    public override string Kind => "cross-entropy";

    /// <summary>Whether the target is the index of a class instead of a number per class.</summary>
    public bool IndexTarget { get; private set; }

    /// <inheritdoc/>
    /// <remarks>The terms of the batch, then one log-sum-exp per sample, then smoothed targets if there are any.</remarks>
    public override int ScratchLength(int batch, Layout layout) => ((Smooths ? 2 : 1) * batch * layout.Stride(Outputs)) + batch;

    /// <inheritdoc/>
    public override void Forward(in OpContext<float> c)
    {
        int stride = c.InputStride(0);
        Span<float> z = c.Input(0), y = c.Input(1), terms = c.Scratch[..(c.Batch * stride)], lse = c.Scratch.Slice(c.Batch * stride, c.Batch);
        SoftmaxRows.LogSumExp(c.Arithmetic, c.Batch, Outputs, z, stride, lse);
        if (IndexTarget && !Smooths)
        {
            AddIndexTerms<float>(in c, z, y, lse);
            return;
        }

        y = IndexTarget ? OneHot(in c) : y;
        if (Smooths)
        {
            LossTargets.Smooth(c.Arithmetic, LabelSmoothing, Outputs, y, Smoothed(in c));
            y = Smoothed(in c);
        }

        for (int sample = 0; sample < c.Batch; sample++)
        {
            // Whole padded rows: no ragged end; AddTerms reads the outputs alone.
            int row = sample * stride;
            ElementFormula.Run<Term>(c.Arithmetic, z.Slice(row, stride), y.Slice(row, stride), terms.Slice(row, stride), lse[sample]);
        }

        WeighRows(in c, terms);
        AddTerms(in c, terms);
    }

    /// <inheritdoc/>
    public override void Backward(in OpContext<float> c)
    {
        int stride = c.InputStride(0);
        float scale = (float)GradientScale(c.LogicalBatch);
        Span<float> y = c.Input(1), gradient = GradientRows(in c);
        SoftmaxRows.Forward(c.Arithmetic, c.Batch, Outputs, c.Input(0), stride, gradient, stride);
        if (Smooths)
        {
            LossTargets.Smooth(c.Arithmetic, LabelSmoothing, Outputs, IndexTarget ? OneHot(in c) : y, Smoothed(in c));
            y = Smoothed(in c);
        }

        for (int sample = 0; sample < c.Batch; sample++)
        {
            Span<float> p = gradient.Slice(sample * stride, stride);
            if (IndexTarget && !Smooths)
            {
                p[ClassIndex(y[sample])] -= 1f;
                Elementwise.Scale(scale, p, p);
            }
            else
            {
                Span<float> target = y.Slice(sample * stride, stride);
                ElementFormula.Run<Delta>(c.Arithmetic, target, target, p, Reduce.Sum(target[..Outputs]), scale);
            }
        }

        WeighRows(in c, gradient);
        Padding.Clear(gradient, c.Batch, Outputs, stride);
        EndGradient(in c);
    }

    /// <inheritdoc/>
    public override void ForwardScalar(in OpContext<float> c) => ForwardTwin(in c);

    /// <inheritdoc/>
    public override void BackwardScalar(in OpContext<float> c) => BackwardTwin(in c, (float)GradientScale(c.LogicalBatch));

    /// <inheritdoc/>
    public override void ForwardScalar(in OpContext<double> c) => ForwardTwin(in c);

    /// <inheritdoc/>
    public override void BackwardScalar(in OpContext<double> c) => BackwardTwin(in c, GradientScale(c.LogicalBatch));

    internal override Loss? OnLogits(Activation outputActivation) => outputActivation is Activations.Softmax ? this : null;

    internal override int CountCorrect(ReadOnlySpan<float> predictions, int predictionStride, ReadOnlySpan<float> targets, int targetStride, int rows)
    {
        if (!IndexTarget)
        {
            return base.CountCorrect(predictions, predictionStride, targets, targetStride, rows);
        }

        int correct = 0;
        for (int row = 0; row < rows; row++)
        {
            correct += Training.Accuracy.IsRight(predictions.Slice(row * predictionStride, Outputs), ClassIndex(targets[row * targetStride])) ? 1 : 0;
        }

        return correct;
    }

    private protected override void CheckTarget(string name, Node prediction, Node target)
    {
        IndexTarget = target.Shape == new Shape(1) && prediction.Shape.Length > 1;
        if (!IndexTarget)
        {
            base.CheckTarget(name, prediction, target);
        }
    }

    private protected override bool TargetsAreProbabilities => true;

    private protected override float SampleWeight(in OpContext<float> c, int sample) =>
        IndexTarget ? ClassWeight(ClassIndex(c.Input(1)[sample])) : base.SampleWeight(in c, sample);

    /// <summary>Memory for smoothed targets, behind terms and log-sum-exps.</summary>
    private static Span<T> Smoothed<T>(scoped in OpContext<T> c) where T : unmanaged =>
        c.Scratch.Slice((c.Batch * c.InputStride(0)) + c.Batch, c.Batch * c.InputStride(0));

    /// <summary>Class indices as one-hot rows, in the memory that their smoothed form takes.</summary>
    private Span<T> OneHot<T>(scoped in OpContext<T> c) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        Span<T> rows = Smoothed(in c);
        rows.Clear();
        for (int sample = 0; sample < c.Batch; sample++)
        {
            rows[(sample * c.InputStride(0)) + ClassIndex(c.Input(1)[sample])] = T.One;
        }

        return rows;
    }

    private Span<T> SmoothedTwin<T>(scoped in OpContext<T> c) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (!Smooths)
        {
            return c.Input(1);
        }

        Span<T> rows = Smoothed(in c);
        LossTargets.SmoothTwin<T>(c.Arithmetic, LabelSmoothing, Outputs, IndexTarget ? OneHot(in c) : c.Input(1), rows);
        return rows;
    }

    private void WeighLabelledTwin<T>(in OpContext<T> c, Span<T> rows) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (!IndexTarget)
        {
            WeighRowsTwin(in c, rows);
            return;
        }

        for (int sample = 0; ClassWeights is not null && sample < c.Batch; sample++)
        {
            T weight = T.CreateTruncating(ClassWeight(ClassIndex(c.Input(1)[sample])));
            for (int i = sample * c.InputStride(0); i < (sample * c.InputStride(0)) + Outputs; i++)
            {
                rows[i] = weight * rows[i];
            }
        }
    }

    private void ForwardTwin<T>(in OpContext<T> c) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int stride = c.InputStride(0);
        Span<T> z = c.Input(0), y = c.Input(1), terms = c.Scratch[..(c.Batch * stride)], lse = c.Scratch.Slice(c.Batch * stride, c.Batch);
        Kernels.Scalar.SoftmaxRows.LogSumExp<T>(c.Arithmetic, c.Batch, Outputs, z, stride, lse);
        if (IndexTarget && !Smooths)
        {
            AddIndexTerms<T>(in c, z, y, lse);
            return;
        }

        y = SmoothedTwin(in c);

        for (int sample = 0; sample < c.Batch; sample++)
        {
            for (int i = sample * stride; i < (sample * stride) + Outputs; i++)
            {
                terms[i] = y[i] * (lse[sample] - z[i]);
            }
        }

        WeighLabelledTwin(in c, terms);
        AddTermsTwin<T>(in c, terms);
    }

    private void BackwardTwin<T>(in OpContext<T> c, T scale) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int stride = c.InputStride(0);
        Span<T> y = c.Input(1), gradient = GradientRows(in c);
        Kernels.Scalar.SoftmaxRows.Forward<T>(c.Arithmetic, c.Batch, Outputs, c.Input(0), stride, gradient, stride);
        y = SmoothedTwin(in c);
        bool index = IndexTarget && !Smooths;
        for (int sample = 0; sample < c.Batch; sample++)
        {
            int row = sample * stride;
            int target = index ? ClassIndex(y[sample]) : -1;
            T sum = index ? T.One : Kernels.Scalar.Reduce.Sum<T>(y.Slice(row, Outputs));
            for (int j = 0; j < Outputs; j++)
            {
                T wanted = !index ? y[row + j] : j == target ? T.One : T.Zero;
                gradient[row + j] = ((gradient[row + j] * sum) - wanted) * scale;
            }
        }

        WeighLabelledTwin(in c, gradient);
        EndGradientTwin(in c);
    }

    /// <summary>One term a sample, in the part that the class's element of the one-hot form has; the other terms are 0 there.</summary>
    private void AddIndexTerms<T>(in OpContext<T> c, ReadOnlySpan<T> z, ReadOnlySpan<T> y, ReadOnlySpan<T> lse)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        Span<T> parts = BeginParts(in c);
        for (int sample = 0; sample < c.Batch; sample++)
        {
            int target = ClassIndex(y[sample]);
            parts[(FirstPart(c.SampleOffset + sample) + target) % PartCount] +=
                T.CreateTruncating(ClassWeight(target)) * (lse[sample] - z[(sample * c.InputStride(0)) + target]);
        }
    }

    private int ClassIndex<T>(T value) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        // Written so that NaN is out of range, too.
        if (!(value >= T.Zero && value < T.CreateTruncating(Outputs) && T.IsInteger(value)))
        {
            Errors.OutOfRange(Name + ": class index", double.CreateTruncating(value), $"a whole number from 0 to {Outputs - 1}");
        }

        return int.CreateTruncating(value);
    }

    /// <summary>y (lse - z), lse = alpha.</summary>
    private readonly struct Term : IElementFormula
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static T Apply<T>(T x, T y, T d, T alpha, T beta) where T : struct, ILanes<T> => y * (alpha - x);
    }

    /// <summary>(p t - y) scale, t = alpha, scale = beta.</summary>
    private readonly struct Delta : IElementFormula
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static T Apply<T>(T x, T y, T d, T alpha, T beta) where T : struct, ILanes<T> => ((d * alpha) - y) * beta;
    }
}
