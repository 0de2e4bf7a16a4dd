using System.Numerics;
using System.Runtime.CompilerServices;
using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;

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
    /// <remarks>The terms of the batch, then one log-sum-exp per sample.</remarks>
    public override int ScratchLength(int batch, Layout layout) => (batch * layout.Stride(Outputs)) + batch;

    /// <inheritdoc/>
    public override void Forward(in OpContext<float> c)
    {
        int stride = c.InputStride(0);
        Span<float> z = c.Input(0), y = c.Input(1), terms = c.Scratch[..(c.Batch * stride)], lse = c.Scratch.Slice(c.Batch * stride, c.Batch);
        SoftmaxRows.LogSumExp(c.Arithmetic, c.Batch, Outputs, z, stride, lse);
        if (IndexTarget)
        {
            AddIndexTerms<float>(in c, z, y, lse);
            return;
        }

        for (int sample = 0; sample < c.Batch; sample++)
        {
            // Whole padded rows: no ragged end; AddTerms reads the outputs alone.
            int row = sample * stride;
            ElementFormula.Run<Term>(c.Arithmetic, z.Slice(row, stride), y.Slice(row, stride), terms.Slice(row, stride), lse[sample]);
        }

        AddTerms(in c, terms);
    }

    /// <inheritdoc/>
    public override void Backward(in OpContext<float> c)
    {
        int stride = c.InputStride(0);
        float scale = (float)GradientScale(c.LogicalBatch);
        Span<float> y = c.Input(1), gradient = GradientRows(in c);
        SoftmaxRows.Forward(c.Arithmetic, c.Batch, Outputs, c.Input(0), stride, gradient, stride);
        for (int sample = 0; sample < c.Batch; sample++)
        {
            Span<float> p = gradient.Slice(sample * stride, stride);
            if (IndexTarget)
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

    private void ForwardTwin<T>(in OpContext<T> c) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int stride = c.InputStride(0);
        Span<T> z = c.Input(0), y = c.Input(1), terms = c.Scratch[..(c.Batch * stride)], lse = c.Scratch.Slice(c.Batch * stride, c.Batch);
        Kernels.Scalar.SoftmaxRows.LogSumExp<T>(c.Arithmetic, c.Batch, Outputs, z, stride, lse);
        if (IndexTarget)
        {
            AddIndexTerms<T>(in c, z, y, lse);
            return;
        }

        for (int sample = 0; sample < c.Batch; sample++)
        {
            for (int i = sample * stride; i < (sample * stride) + Outputs; i++)
            {
                terms[i] = y[i] * (lse[sample] - z[i]);
            }
        }

        AddTermsTwin<T>(in c, terms);
    }

    private void BackwardTwin<T>(in OpContext<T> c, T scale) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int stride = c.InputStride(0);
        Span<T> y = c.Input(1), gradient = GradientRows(in c);
        Kernels.Scalar.SoftmaxRows.Forward<T>(c.Arithmetic, c.Batch, Outputs, c.Input(0), stride, gradient, stride);
        for (int sample = 0; sample < c.Batch; sample++)
        {
            int row = sample * stride;
            int target = IndexTarget ? ClassIndex(y[sample]) : -1;
            T sum = IndexTarget ? T.One : Kernels.Scalar.Reduce.Sum<T>(y.Slice(row, Outputs));
            for (int j = 0; j < Outputs; j++)
            {
                T wanted = !IndexTarget ? y[row + j] : j == target ? T.One : T.Zero;
                gradient[row + j] = ((gradient[row + j] * sum) - wanted) * scale;
            }
        }

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
            parts[(FirstPart(c.SampleOffset + sample) + target) % PartCount] += lse[sample] - z[(sample * c.InputStride(0)) + target];
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
