using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Kernels.Norms;
using EmbeddedBackprop.Kernels.Random;
using Twin = EmbeddedBackprop.Kernels.Scalar;

namespace EmbeddedBackprop.Benchmarks.Kernels;

/// <summary>
/// Batch normalisation (samples x channels x positions) and layer normalisation (samples x rows x columns), forwards with their statistics and
/// backwards, and dropout (samples x 1 x elements).
/// </summary>
public class NormBench : Bench
{
    private Pass pass;
    private int batch, middle, last;
    private Memory<float> x, y, dx, means, inverses, gamma, beta, first, second;

    private enum Pass
    {
        Batch,
        BatchBackward,
        Layer,
        LayerBackward,
        Dropout,
    }

    protected override IEnumerable<string> CaseList =>
        [
            "batch 32x8x576", "batch-back 32x8x576", "batch 32x64x125", "batch 32x100x1", "batch 32x3x49", "layer 32x16x64", "layer-back 32x16x64", "dropout 32x1x100",
            "dropout 32x1x4608",
        ];

    /// <summary>Per element: the sums, the squares (3) and the result (4) forwards; the sums and the gradient backwards.</summary>
    public override double Work => Sizes is [int n, int c, int p]
        ? Word switch { "dropout" => 1.0, "batch-back" => 11.0, "layer-back" => 19.0, _ => 8.0 } * n * c * p
        : 0;

    public override int ResultHash() =>
        HashOf(pass is Pass.BatchBackward or Pass.LayerBackward ? dx.Span : y.Span, batch, middle * last, middle * last);

    protected override void Prepare(Form form)
    {
        (batch, middle, last) = (Sizes[0], Sizes[1], Sizes[2]);
        pass = Word switch
        {
            "batch" => Pass.Batch,
            "batch-back" => Pass.BatchBackward,
            "layer" => Pass.Layer,
            "layer-back" => Pass.LayerBackward,
            _ => Pass.Dropout,
        };
        int all = batch * middle * last, each = Math.Max(batch * middle, last);
        (x, y, dx) = (Numbers(all, 1), Numbers(all, 2), Numbers(all, 3));
        (means, inverses, gamma, beta) = (Numbers(each, 4), Numbers(each, 5), Numbers(each, 6), Numbers(each, 7));
        (first, second) = (Numbers(each, 8), Numbers(each, 9));
    }

    protected override void Run()
    {
        int n = middle * last;
        switch (pass)
        {
            case Pass.Batch:
                ChannelNorm.Moments(Arithmetic.Fused, batch, middle, last, x.Span, n, means.Span, inverses.Span);
                ChannelNorm.Normalize(Arithmetic.Fused, batch, middle, last, x.Span, n, means.Span, inverses.Span, gamma.Span, beta.Span, y.Span, n);
                break;
            case Pass.BatchBackward:
                ChannelNorm.Sums(Arithmetic.Fused, batch, middle, last, x.Span, n, means.Span, inverses.Span, y.Span, n, first.Span, second.Span);
                ChannelNorm.Backward(
                    Arithmetic.Fused,
                    batch,
                    middle,
                    last,
                    x.Span,
                    n,
                    means.Span,
                    inverses.Span,
                    gamma.Span,
                    y.Span,
                    n,
                    first.Span,
                    second.Span,
                    dx.Span,
                    false);
                break;
            case Pass.Layer:
                RowNorm.Forward(Arithmetic.Fused, batch, middle, last, x.Span, n, gamma.Span, beta.Span, 1e-5f, y.Span, n, means.Span, inverses.Span);
                break;
            case Pass.LayerBackward:
                Clear();
                RowNorm.Backward(
                    Arithmetic.Fused,
                    batch,
                    middle,
                    last,
                    x.Span,
                    n,
                    gamma.Span,
                    means.Span,
                    inverses.Span,
                    y.Span,
                    n,
                    first.Span,
                    second.Span,
                    dx.Span,
                    false);
                break;
            default:
                DropoutMask.Apply(new DropoutDraw(1, 2, 3, 0, 0.5f), batch, n, n, x.Span, y.Span, false);
                break;
        }
    }

    protected override void RunLoop()
    {
        int n = middle * last;
        switch (pass)
        {
            case Pass.Batch:
                Twin.ChannelNorm.Moments<float>(Arithmetic.Fused, batch, middle, last, x.Span, n, means.Span, inverses.Span);
                Twin.ChannelNorm.Normalize<float>(
                    Arithmetic.Fused,
                    batch,
                    middle,
                    last,
                    x.Span,
                    n,
                    means.Span,
                    inverses.Span,
                    gamma.Span,
                    beta.Span,
                    y.Span,
                    n);
                break;
            case Pass.BatchBackward:
                Twin.ChannelNorm.Sums<float>(
                    Arithmetic.Fused,
                    batch,
                    middle,
                    last,
                    x.Span,
                    n,
                    means.Span,
                    inverses.Span,
                    y.Span,
                    n,
                    first.Span,
                    second.Span);
                Twin.ChannelNorm.Backward<float>(
                    Arithmetic.Fused,
                    batch,
                    middle,
                    last,
                    x.Span,
                    n,
                    means.Span,
                    inverses.Span,
                    gamma.Span,
                    y.Span,
                    n,
                    first.Span,
                    second.Span,
                    dx.Span,
                    false);
                break;
            case Pass.Layer:
                Twin.RowNorm.Forward<float>(
                    Arithmetic.Fused,
                    batch,
                    middle,
                    last,
                    x.Span,
                    n,
                    gamma.Span,
                    beta.Span,
                    1e-5f,
                    y.Span,
                    n,
                    means.Span,
                    inverses.Span);
                break;
            case Pass.LayerBackward:
                Clear();
                Twin.RowNorm.Backward<float>(
                    Arithmetic.Fused,
                    batch,
                    middle,
                    last,
                    x.Span,
                    n,
                    gamma.Span,
                    means.Span,
                    inverses.Span,
                    y.Span,
                    n,
                    first.Span,
                    second.Span,
                    dx.Span,
                    false);
                break;
            default:
                Twin.DropoutMask.Apply<float>(new DropoutDraw(1, 2, 3, 0, 0.5f), batch, n, n, x.Span, y.Span, false);
                break;
        }
    }

    // The gradients of gamma and beta are added to: each call begins with zeros.
    private void Clear()
    {
        first.Span.Clear();
        second.Span.Clear();
    }
}
