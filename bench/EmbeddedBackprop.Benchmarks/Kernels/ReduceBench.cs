using EmbeddedBackprop.Kernels;
using Twin = EmbeddedBackprop.Kernels.Scalar;

namespace EmbeddedBackprop.Benchmarks.Kernels;

/// <summary>The bias gradient: sums over the samples, samples x outputs.</summary>
public class ReduceBench : Bench
{
    private int samples, outputs, stride;
    private Memory<float> delta, sums;

    protected override IEnumerable<string> CaseList => ["10x30", "64x512", "67x33 compact"];

    public override double Work => Sizes is [int m, int n] ? (double)m * n : 0;

    public override int ResultHash() => HashOf(sums.Span, 1, outputs, stride);

    protected override void Prepare(Form form)
    {
        (samples, outputs) = (Sizes[0], Sizes[1]);
        stride = Stride(outputs);
        (delta, sums) = (Numbers(samples * stride, 1), Numbers(stride, 2));
    }

    protected override void Run() => Reduce.SumColumns(samples, stride, delta.Span, stride, sums.Span);

    protected override void RunLoop() => Twin.Reduce.SumColumns<float>(samples, outputs, delta.Span, stride, sums.Span);
}
