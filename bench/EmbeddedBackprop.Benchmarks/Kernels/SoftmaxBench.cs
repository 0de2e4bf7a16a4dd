using EmbeddedBackprop.Benchmarks.Reports;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Lanes;
using Twin = EmbeddedBackprop.Kernels.Scalar;

namespace EmbeddedBackprop.Benchmarks.Kernels;

/// <summary>Max-subtracted softmax of rows, samples x classes.</summary>
public class SoftmaxBench : Bench
{
    private int samples, classes, stride;
    private Memory<float> z, a;

    protected override IEnumerable<string> CaseList => ["10x10", "64x512", "67x33 compact"];

    /// <summary>Exp, the subtraction of the maximum, the sum and the quotient.</summary>
    public override double Work => Sizes is [int m, int n] ? (CountingLane.Of(CountingLane.Exp) + 3.0) * m * n : 0;

    public override int ResultHash() => HashOf(a.Span, samples, classes, stride);

    protected override void Prepare(Form form)
    {
        (samples, classes) = (Sizes[0], Sizes[1]);
        stride = Stride(classes);
        (z, a) = (Numbers(samples * stride, 1), Numbers(samples * stride, 2));
    }

    protected override void Run() => SoftmaxRows.Forward(Arithmetic.Fused, samples, classes, z.Span, stride, a.Span, stride);

    protected override void RunLoop() => Twin.SoftmaxRows.Forward<float>(Arithmetic.Fused, samples, classes, z.Span, stride, a.Span, stride);
}
