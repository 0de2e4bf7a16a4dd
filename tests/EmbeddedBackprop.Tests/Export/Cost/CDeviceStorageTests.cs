using EmbeddedBackprop.Export;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Export;

/// <summary>
/// What float16 and int8 weights cost in time on a Cortex-M4F: instructions of a prediction against those of the same net with float32 weights.
/// </summary>
/// <remarks>
/// A multiply-add with a float32 weight takes two instructions: a load and the multiply-add. Two halves are a load, a move and two conversions.
/// A byte takes five: load, move, conversion, the product with its factor, which rounds once and cannot be left out, and the multiply-add. That
/// makes a net of nothing but products 2.2 times as slow. Activations and gates are the same with every storage: nets with more of them lose less.
/// </remarks>
[TestFixture]
[Parallelizable(ParallelScope.Self)]
internal sealed class CDeviceStorageTests
{
    [TestCase("input 784; dense 30 sigmoid; dense 10 sigmoid", 1.45, 2.25)]
    [TestCase("input 64; dense 32 tanh; dense 16 tanh; dense 4 softmax", 1.4, 1.85, Category = "Slow")]
    [TestCase("input 100; dense 1", 1.5, 2.35, Category = "Slow")]
    [TestCase("input 32x9; gru 16; dense 4 softmax", 1.3, 1.7)]
    [TestCase("input 32x9; lstm 16; dense 4 softmax", 1.3, 1.6, Category = "Slow")]
    [TestCase("input 32x2; gru 24; dense 4 softmax", 1.3, 1.7, Category = "Slow")]
    [TestCase("input 1x28x28; conv 4 3x3 s2 relu; conv 8 3x3 s2 relu; dense 10 softmax", 1.4, 1.3)]
    [TestCase("input 1x28x28; conv 8 3x3 p1 relu; maxpool 2; conv 16 3x3 p1 relu; maxpool 2; dense 10 softmax", 1.4, 1.3, Category = "Slow")]
    [TestCase(
        "input 1x28x28; conv 8 3x3 s2 relu; conv 8 3x3 p1 g8 relu; conv 16 1x1 relu; global-avgpool; dense 10 softmax", 1.4, 1.3, Category = "Slow")]
    public void Smaller_weights_cost_so_many_times_the_instructions(string net, double halves, double bytes)
    {
        (long whole, long half, long one) = (Count(CStorage.Float32, net), Count(CStorage.Float16, net), Count(CStorage.Int8, net));
        TestContext.Out.WriteLine(
            FormattableString.Invariant($"{net}: {whole}, float16 {half} ({(double)half / whole:F2}), int8 {one} ({(double)one / whole:F2})"));
        Assert.That((double)half / whole, Is.LessThanOrEqualTo(halves), "float16");
        Assert.That((double)one / whole, Is.LessThanOrEqualTo(bytes), "int8");
    }

    [Test]
    public void Control_halves_that_are_decoded_without_the_instruction_cost_more()
    {
        const string Net = "input 784; dense 30 sigmoid; dense 10 sigmoid";
        Assert.That(
            (double)Count(CStorage.Float16, Net, "-O2 -D__SOFTFP__") / Count(CStorage.Float32, Net, "-O2 -D__SOFTFP__"),
            Is.GreaterThan(2));
    }

    [TestCase("input 32x2; gru 24", 5.0)]
    [TestCase("input 32x9; lstm 16", 6.0)]
    [TestCase("input 784; dense 30 sigmoid; dense 10 sigmoid", 2.55)]
    public void A_net_takes_at_most_so_many_instructions_a_multiply_add(string net, double most)
    {
        double each = Count(CStorage.Float32, net) / (double)NetCompiler.Compile(net, null, new NetworkOptions()).InferencePlan.MultiplyAdds;
        TestContext.Out.WriteLine(FormattableString.Invariant($"{net}: {each:F2}"));
        Assert.That(each, Is.LessThanOrEqualTo(most));
    }

    private static long Count(CStorage storage, string net, string options = "-O2") =>
        CDeviceCount.Of(CDevice.CortexM4F, options, [net], storage)[0].Instructions;
}
