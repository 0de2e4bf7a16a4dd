using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Lanes;
using Twin = EmbeddedBackprop.Kernels.Scalar;

namespace EmbeddedBackprop.Benchmarks.Kernels;

/// <summary>The weight gradient of one sample, inputs x outputs.</summary>
public class GerBench : Bench
{
    private int inputs, outputs, ldw;
    private Memory<float> x, delta, dw;

    protected override IEnumerable<string> CaseList => ["784x30", "512x512", "131x33 compact"];

    public override double Work => Sizes is [int m, int n] ? 2.0 * m * n : 0;

    public override int ResultHash() => HashOf(dw.Span, inputs, outputs, ldw);

    protected override void Prepare(Form form)
    {
        (inputs, outputs) = (Sizes[0], Sizes[1]);
        ldw = Stride(outputs);
        (x, delta, dw) = (Numbers(inputs, 1), Numbers(ldw, 2), Numbers(inputs * ldw, 3));
    }

    protected override void Run() => Ger.Run(Arithmetic.Fused, inputs, ldw, x.Span, delta.Span, dw.Span, ldw);

    protected override void RunLoop() => Twin.Ger.Run<float>(Arithmetic.Fused, inputs, outputs, x.Span, delta.Span, dw.Span, ldw);
}
