using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Pooling;
using Twin = EmbeddedBackprop.Kernels.Scalar;

namespace EmbeddedBackprop.Benchmarks.Kernels;

/// <summary>
/// Maxima and means over windows of two by two (one by two of a signal, which has one row), and over windows of three by three that overlap:
/// samples x channels x rows x columns. Backwards with "relu": the maxima are of what a rectifier gave, whose backward pass is done along.
/// </summary>
public class PoolBench : Bench
{
    private PoolSizes sizes;
    private bool maximum, backward, rectified;
    private int batch, stride;
    private Memory<float> x, y, dx;

    protected override IEnumerable<string> CaseList =>
    [
        "max 1x8x24x24", "max 1x16x8x8", "max 32x8x24x24", "max-back 32x8x24x24", "max-relu-back 32x8x24x24", "max-back 32x16x8x8", "mean 32x8x24x24", "max3 32x8x23x23",
        "mean3-back 32x8x23x23", "max 32x32x1x128", "max-back 32x32x1x128",
    ];

    /// <summary>Additions of a mean; comparisons are not counted.</summary>
    public override double Work => !IsMaximum && Sizes is [int n, int c, int h, int w] ? (double)n * c * h * w : 0;

    private bool IsMaximum => Word.StartsWith("max", StringComparison.Ordinal);

    public override int ResultHash() => backward
        ? HashOf(dx.Span, batch, sizes.InputLength, sizes.InputLength)
        : HashOf(y.Span, batch, sizes.OutputLength, stride);

    protected override void Prepare(Form form)
    {
        batch = Sizes[0];
        maximum = IsMaximum;
        backward = Word.EndsWith("-back", StringComparison.Ordinal);
        rectified = Word.Contains("relu", StringComparison.Ordinal);
        bool overlap = Word.Contains('3', StringComparison.Ordinal);
        sizes = overlap
            ? new PoolSizes(Sizes[1], Sizes[2], Sizes[3], 3, 3, 2, 2, 1, 1)
            : Sizes[2] == 1 ? new PoolSizes(Sizes[1], 1, Sizes[3], 1, 2, 1, 2, 0, 0)
            : new PoolSizes(Sizes[1], Sizes[2], Sizes[3], 2, 2, 2, 2, 0, 0);
        stride = Stride(sizes.OutputLength);
        (x, dx) = (Numbers(batch * sizes.InputLength, 1), Numbers(batch * sizes.InputLength, 2));
        y = Numbers(batch * stride, 3);
        for (int i = 0; rectified && i < x.Length; i++)
        {
            x.Span[i] = Math.Max(x.Span[i], 0f);
        }
    }

    protected override void Run()
    {
        int length = sizes.InputLength;
        if (rectified)
        {
            Pool2D.MaxBackwardAndRectifier(in sizes, batch, x.Span, y.Span, stride, dx.Span, length);
            return;
        }

        switch (maximum, backward)
        {
            case (true, false): Pool2D.MaxForward(in sizes, batch, x.Span, length, y.Span, stride); break;
            case (true, true): Pool2D.MaxBackward(in sizes, batch, x.Span, y.Span, stride, dx.Span, length, false); break;
            case (false, false): Pool2D.AverageForward(in sizes, false, batch, x.Span, length, y.Span, stride); break;
            default: Pool2D.AverageBackward(in sizes, false, batch, y.Span, stride, dx.Span, length, false); break;
        }
    }

    protected override void RunLoop()
    {
        int length = sizes.InputLength;
        switch (maximum, backward)
        {
            case (true, false): Twin.Pool2D.MaxForward<float>(in sizes, batch, x.Span, length, y.Span, stride); break;
            case (true, true): Twin.Pool2D.MaxBackward<float>(in sizes, batch, x.Span, y.Span, stride, dx.Span, length, false); break;
            case (false, false): Twin.Pool2D.AverageForward<float>(in sizes, false, batch, x.Span, length, y.Span, stride); break;
            default: Twin.Pool2D.AverageBackward<float>(in sizes, false, batch, y.Span, stride, dx.Span, length, false); break;
        }

        for (int i = 0; rectified && i < dx.Length; i++)
        {
            dx.Span[i] *= x.Span[i] > 0f ? 1f : 0f;
        }
    }
}
