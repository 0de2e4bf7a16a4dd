using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Lanes;
using Twin = EmbeddedBackprop.Kernels.Scalar;

namespace EmbeddedBackprop.Benchmarks.Kernels;

/// <summary>One neuron: a dot product in 16 partial sums.</summary>
public class DotBench : Bench
{
    private Memory<float> x, y;
    private float result;

    protected override IEnumerable<string> CaseList => ["784", "131", "4"];

    public override double Work => 2.0 * Sizes[0];

    public override int ResultHash() => BitConverter.SingleToInt32Bits(result);

    protected override void Prepare(Form form) => (x, y) = (Numbers(Sizes[0], 1), Numbers(Sizes[0], 2));

    protected override void Run() => result = Dot.Product(Arithmetic.Fused, x.Span, y.Span);

    protected override void RunLoop() => result = Twin.Dot.Product<float>(Arithmetic.Fused, x.Span, y.Span);
}
