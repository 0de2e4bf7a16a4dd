using EmbeddedBackprop.Kernels;
using Twin = EmbeddedBackprop.Kernels.Scalar;

namespace EmbeddedBackprop.Benchmarks.Kernels;

/// <summary>The three products of a dense layer, samples x inputs x outputs: NN forward, TN weight gradient, NT input gradient.</summary>
public class GemmBench : Bench
{
    private int product, samples, inputs, outputs, ldx, ldw;
    private Memory<float> x, w, delta, result;

    protected override IEnumerable<string> CaseList =>
    [
        "NN 10x784x30", "NN 10x30x10", "NN 32x784x30", "NN 64x784x512", "NN 64x512x512", "NN 67x131x33 compact",
        "TN 10x784x30", "TN 32x784x30", "TN 64x784x512", "TN 67x131x33 compact",
        "NT 10x30x10", "NT 64x512x512", "NT 67x131x33 compact",
    ];

    public override double Work => Sizes is [int m, int k, int n] ? 2.0 * m * k * n : 0;

    public override int ResultHash() => Word switch
    {
        "NN" => HashOf(result.Span, samples, outputs, ldw),
        "TN" => HashOf(result.Span, inputs, outputs, ldw),
        _ => HashOf(result.Span, samples, inputs, ldx),
    };

    protected override void Prepare(Form form)
    {
        (samples, inputs, outputs) = (Sizes[0], Sizes[1], Sizes[2]);
        (ldx, ldw) = (Stride(inputs), Stride(outputs));
        x = Numbers(samples * ldx, 1);
        w = Numbers(inputs * ldw, 2);
        delta = Numbers(samples * ldw, 3);
        result = Numbers(Math.Max(Math.Max(samples, inputs) * ldw, samples * ldx), 4);
        product = Array.IndexOf(["NN", "TN", "NT"], Word);
    }

    protected override void Run()
    {
        // As in Ops/Dense: padded columns of weights and deltas are computed along, padded inputs are not.
        if (product == 0)
            Gemm.NN(Arithmetic.Fused, samples, ldw, inputs, x.Span, ldx, w.Span, ldw, [], result.Span, ldw);
        else if (product == 1)
            Gemm.TN(Arithmetic.Fused, inputs, ldw, samples, x.Span, ldx, delta.Span, ldw, result.Span, ldw);
        else
            Gemm.NT(Arithmetic.Fused, samples, inputs, outputs, delta.Span, ldw, w.Span, ldw, result.Span, ldx);
    }

    protected override void RunLoop()
    {
        if (product == 0)
            Twin.Gemm.NN<float>(Arithmetic.Fused, samples, outputs, inputs, x.Span, ldx, w.Span, ldw, [], result.Span, ldw);
        else if (product == 1)
            Twin.Gemm.TN<float>(Arithmetic.Fused, inputs, outputs, samples, x.Span, ldx, delta.Span, ldw, result.Span, ldw);
        else
            Twin.Gemm.NT<float>(Arithmetic.Fused, samples, inputs, outputs, delta.Span, ldw, w.Span, ldw, result.Span, ldx);
    }
}
