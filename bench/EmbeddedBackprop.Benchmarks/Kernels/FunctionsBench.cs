using EmbeddedBackprop.Benchmarks.Reports;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Benchmarks.Kernels;

/// <summary>The engine's own transcendental functions; the twin is the same formula on one float at a time.</summary>
public class FunctionsBench : Bench
{
    private delegate void Function(Arithmetic arithmetic, ReadOnlySpan<float> x, Span<float> y);

    private Function function = ElementFunctions.Exp;
    private Memory<float> x, y;

    protected override IEnumerable<string> CaseList =>
        from name in (string[])["exp", "log", "tanh", "sigmoid", "erf"] from length in (string[])["10", "4096"] select name + " " + length;

    public override double Work => Sizes[0] * (double)CountingLane.Of(Word switch
    {
        "exp" => CountingLane.Exp,
        "log" => CountingLane.Log,
        "tanh" => CountingLane.Tanh,
        "sigmoid" => CountingLane.Sigmoid,
        _ => CountingLane.Erf,
    });

    public override int ResultHash() => HashOf(y.Span, 1, y.Length, y.Length);

    protected override void Prepare(Form form)
    {
        (x, y) = (Numbers(Sizes[0], 1), Numbers(Sizes[0], 2));
        function = Word switch
        {
            "exp" => ElementFunctions.Exp,
            "log" => ElementFunctions.Log,
            "tanh" => ElementFunctions.Tanh,
            "sigmoid" => ElementFunctions.Sigmoid,
            _ => ElementFunctions.Erf,
        };
        foreach (ref float value in x.Span)
        {
            value = Word == "log" ? MathF.Abs(value) + 0.01f : value * 6;
        }
    }

    protected override void Run() => function(Arithmetic.Fused, x.Span, y.Span);

    // SetUp has chosen a width of one float.
    protected override void RunLoop() => function(Arithmetic.Fused, x.Span, y.Span);
}
