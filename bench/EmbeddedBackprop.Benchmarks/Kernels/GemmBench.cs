using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Lanes;
using Twin = EmbeddedBackprop.Kernels.Scalar;

namespace EmbeddedBackprop.Benchmarks.Kernels;

/// <summary>
/// The three products of a dense layer, samples x inputs x outputs: NN forward, TN weight gradient, UpdateTN that applied at once, NT input gradient.
/// </summary>
public class GemmBench : Bench
{
    /// <summary>Moves no weight far, however often it is applied.</summary>
    private const float Rate = 1e-9f;

    private int product, samples, inputs, outputs, ldx, ldw;
    private Memory<float> x, w, delta, result, gradient;

    protected override IEnumerable<string> CaseList =>
    [
        "NN 10x784x30", "NN 10x30x10", "NN 32x784x30", "NN 64x784x512", "NN 64x512x512", "NN 512x512x512", "NN 67x131x33 compact",
        "TN 10x784x30", "TN 32x784x30", "TN 64x784x512", "TN 67x131x33 compact",
        "UpdateTN 10x784x30", "UpdateTN 64x784x512", "UpdateTN 67x131x33 compact",
        "NT 10x30x10", "NT 64x512x512", "NT 67x131x33 compact",
    ];

    // An update is one more multiply-add a weight.
    public override double Work => Sizes is [int m, int k, int n] ? (2.0 * m * k * n) + (Word == "UpdateTN" ? 2.0 * k * n : 0) : 0;

    public override int ResultHash() => Word switch
    {
        "NN" => HashOf(result.Span, samples, outputs, ldw),
        "TN" or "UpdateTN" => HashOf(result.Span, inputs, outputs, ldw),
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
        gradient = Word == "UpdateTN" ? Numbers(result.Length, 5) : default;
        gradient.Span.Clear();
        product = Array.IndexOf(["NN", "TN", "NT", "UpdateTN"], Word);
    }

    protected override void Run()
    {
        // As in Ops/Dense: padded columns of weights and deltas are computed along, padded inputs are not.
        if (product == 0)
        {
            Gemm.NN(Arithmetic.Fused, samples, ldw, inputs, x.Span, ldx, w.Span, ldw, [], result.Span, ldw);
        }
        else if (product == 1)
        {
            Gemm.TN(Arithmetic.Fused, inputs, ldw, samples, x.Span, ldx, delta.Span, ldw, result.Span, ldw);
        }
        else if (product == 3)
        {
            Gemm.UpdateTN(Arithmetic.Fused, inputs, ldw, samples, x.Span, ldx, delta.Span, ldw, result.Span, ldw, Rate, 0);
        }
        else
        {
            Gemm.NT(Arithmetic.Fused, samples, inputs, outputs, delta.Span, ldw, w.Span, ldw, result.Span, ldx);
        }
    }

    protected override void RunLoop()
    {
        if (product == 0)
        {
            Twin.Gemm.NN<float>(Arithmetic.Fused, samples, outputs, inputs, x.Span, ldx, w.Span, ldw, [], result.Span, ldw);
        }
        else if (product == 1)
        {
            Twin.Gemm.TN<float>(Arithmetic.Fused, inputs, outputs, samples, x.Span, ldx, delta.Span, ldw, result.Span, ldw);
        }
        else if (product == 3)
        {
            UpdateLoop();
        }
        else
        {
            Twin.Gemm.NT<float>(Arithmetic.Fused, samples, inputs, outputs, delta.Span, ldw, w.Span, ldw, result.Span, ldx);
        }
    }

    /// <summary>The gradient, then plain gradient descent: two passes, as the definition has it.</summary>
    private void UpdateLoop()
    {
        Twin.Gemm.TN<float>(Arithmetic.Fused, inputs, outputs, samples, x.Span, ldx, delta.Span, ldw, gradient.Span, ldw);
        Twin.Elementwise.MultiplyAdd<float>(Arithmetic.Fused, -Rate, gradient.Span, result.Span);
    }
}
