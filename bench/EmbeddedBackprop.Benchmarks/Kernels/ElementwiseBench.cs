using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Lanes;
using Twin = EmbeddedBackprop.Kernels.Scalar;

namespace EmbeddedBackprop.Benchmarks.Kernels;

/// <summary>y = alpha x + y. The longest case is the weights of 784x30 with padded rows.</summary>
public class ElementwiseBench : Bench
{
    private Memory<float> x, y;

    protected override IEnumerable<string> CaseList => ["10", "4096", "25088"];

    public override double Work => 2.0 * Sizes[0];

    public override int ResultHash() => HashOf(y.Span, 1, y.Length, y.Length);

    protected override void Prepare(Form form) => (x, y) = (Numbers(Sizes[0], 1), Numbers(Sizes[0], 2));

    protected override void Run() => Elementwise.MultiplyAdd(Arithmetic.Fused, 0.001f, x.Span, y.Span);

    protected override void RunLoop() => Twin.Elementwise.MultiplyAdd<float>(Arithmetic.Fused, 0.001f, x.Span, y.Span);
}
