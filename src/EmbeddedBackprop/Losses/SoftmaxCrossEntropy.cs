using System.Numerics;
using System.Runtime.CompilerServices;
using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Elements;

namespace EmbeddedBackprop.Losses;

/// <summary>
/// Cross-entropy of softmax(z) and the target y, written on the logits z: -sum over j of y[j] log softmax(z)[j] = sum over j of y[j] (lse - z[j]),
/// with lse = log sum over k of e^z[k]; the mean over samples. Derivative softmax(z)[j] t - y[j], t = the sum of y. Source: Nielsen, chapter 3,
/// equation
/// 80.
/// </summary>
/// <remarks>
/// Targets are dense (an element per class; any weights, not only one-hot) or a class index (a target node of one element), which gives
/// the bits of the one-hot form. The probabilities are computed by the backward pass alone: evaluation needs only lse.
/// </remarks>
public sealed class SoftmaxCrossEntropy : Loss, IPasses<SoftmaxCrossEntropy>
{
    /// <inheritdoc/>
    public override string Kind => "cross-entropy";

    /// <summary>Whether the target is the index of a class instead of an element per class.</summary>
    public bool IndexTarget { get; private set; }

    /// <inheritdoc/>
    /// <remarks>The terms of the batch, then one log-sum-exp per sample, then smoothed targets if there are any.</remarks>
    public override int ScratchLength(int batch, Layout layout) => ((Smooths ? 2 : 1) * batch * layout.Stride(Outputs)) + batch;

    /// <inheritdoc/>
    protected override Passes Passes => Passes.Of<SoftmaxCrossEntropy>();

    static void IPasses<SoftmaxCrossEntropy>.Forward<T, K>(SoftmaxCrossEntropy op, in OpContext<T> c)
    {
        Matrix<T> z = c.InputRows(0), terms = ScratchRows(in c, 0);
        Span<T> lse = c.Scratch.Slice(c.Batch * z.Stride, c.Batch);
        K.LogSumExp(c.Arithmetic, z, lse);
        if (op.IndexTarget && !op.Smooths)
        {
            op.AddIndexTerms<T>(in c, z, c.Input(1), lse);
            return;
        }

        Matrix<T> y = op.DenseTargets<T, K>(in c);
        for (int sample = 0; sample < c.Batch; sample++)
        {
            // Whole padded rows: no ragged end; AddTerms reads the outputs alone.
            K.Apply<Term>(c.Arithmetic, z.PaddedRow(sample), y.PaddedRow(sample), terms.PaddedRow(sample), lse[sample]);
        }

        op.WeighRows<T, K>(in c, terms);
        op.AddTerms<T, K>(in c, terms);
    }

    static void IPasses<SoftmaxCrossEntropy>.Backward<T, K>(SoftmaxCrossEntropy op, in OpContext<T> c)
    {
        T scale = T.CreateTruncating(op.GradientScale(c.LogicalBatch));
        Matrix<T> gradient = GradientRows(in c);
        K.Softmax(c.Arithmetic, c.InputRows(0), gradient);
        if (op.IndexTarget && !op.Smooths)
        {
            for (int sample = 0; sample < c.Batch; sample++)
            {
                Span<T> p = gradient.PaddedRow(sample);
                p[op.ClassIndex(c.Input(1)[sample])] -= T.One;
                K.Scale(scale, p, p);
            }
        }
        else
        {
            Matrix<T> y = op.DenseTargets<T, K>(in c);
            for (int sample = 0; sample < c.Batch; sample++)
            {
                Span<T> target = y.PaddedRow(sample);
                K.Apply<Delta>(c.Arithmetic, target, target, gradient.PaddedRow(sample), K.Sum(y.Row(sample)), scale);
            }
        }

        op.WeighRows<T, K>(in c, gradient);
        EndGradient<T, K>(in c, gradient);
    }

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
            correct += ClassDecision.IsRight(predictions.Slice(row * predictionStride, Outputs), ClassIndex(targets[row * targetStride])) ? 1 : 0;
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

    private protected override bool IsIndexTarget => IndexTarget;

    /// <summary>The targets as an element per class: as they are, or smoothed, from one-hot rows where they are class indices.</summary>
    private Matrix<T> DenseTargets<T, K>(in OpContext<T> c)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where K : struct, IKernels<T>
    {
        if (!Smooths)
        {
            return c.InputRows(1);
        }

        // After terms and log-sum-exps.
        Matrix<T> rows = ScratchRows(in c, (c.Batch * c.InputStride(0)) + c.Batch);
        LossTargets.Smooth<T, K>(c.Arithmetic, LabelSmoothing, Outputs, IndexTarget ? OneHot(in c, rows.Values) : c.Input(1), rows.Values);
        return rows;
    }

    /// <summary>Class indices as one-hot rows, in the memory that their smoothed form takes.</summary>
    private Span<T> OneHot<T>(in OpContext<T> c, Span<T> rows) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        rows.Clear();
        for (int sample = 0; sample < c.Batch; sample++)
        {
            rows[(sample * c.InputStride(0)) + ClassIndex(c.Input(1)[sample])] = T.One;
        }

        return rows;
    }

    /// <summary>One term a sample, in the part that the class's element of the one-hot form has; the other terms are 0 there.</summary>
    private void AddIndexTerms<T>(in OpContext<T> c, in Matrix<T> z, ReadOnlySpan<T> y, ReadOnlySpan<T> lse)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        Span<T> parts = BeginParts(in c);
        for (int sample = 0; sample < c.Batch; sample++)
        {
            int target = ClassIndex(y[sample]);
            parts[(FirstPart(c.SampleOffset + sample) + target) % PartCount] +=
                T.CreateTruncating(ClassWeight(target)) * (lse[sample] - z.Row(sample)[target]);
        }
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
