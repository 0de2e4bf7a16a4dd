using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Lanes;
using Twin = EmbeddedBackprop.Kernels.Scalar;

namespace EmbeddedBackprop.Benchmarks.Kernels;

/// <summary>A dense layer of one sample, inputs x outputs.</summary>
public class GemvBench : Bench
{
    private int inputs, outputs, ldw;
    private Memory<float> x, w, bias, y;

    protected override IEnumerable<string> CaseList => ["784x30", "30x10", "784x512", "512x512", "131x33 compact", "4x3 compact"];

    public override double Work => Sizes is [int k, int n] ? 2.0 * k * n : 0;

    public override int ResultHash() => HashOf(y.Span, 1, outputs, ldw);

    protected override void Prepare(Form form)
    {
        (inputs, outputs) = (Sizes[0], Sizes[1]);
        ldw = Stride(outputs);
        (x, w, bias, y) = (Numbers(inputs, 1), Numbers(inputs * ldw, 2), Numbers(ldw, 3), Numbers(ldw, 4));
    }

    protected override void Run() => Gemv.Run(Arithmetic.Fused, ldw, inputs, x.Span, w.Span, ldw, bias.Span, y.Span);

    protected override void RunLoop() => Twin.Gemv.Run<float>(Arithmetic.Fused, outputs, inputs, x.Span, w.Span, ldw, bias.Span[..outputs], y.Span);
}
