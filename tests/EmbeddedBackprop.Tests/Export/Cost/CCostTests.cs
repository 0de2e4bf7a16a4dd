using System.Globalization;
using EmbeddedBackprop.Export;

namespace EmbeddedBackprop.Tests.Export;

/// <summary>The estimates of a device's costs, compared with the emulator's counts.</summary>
internal sealed class CCostTests
{
    private static readonly string[] Suite =
    [
        "input 784; dense 30 sigmoid; dense 10 sigmoid",
        "input 64; dense 32 relu; dense 16 relu; dense 4 softmax",
        "input 4; dense 3 tanh; dense 1 sigmoid",
        "input 1x28x28; conv 4 3x3 s2 relu; conv 8 3x3 s2 relu; dense 10 softmax",
        "input 1x28x28; conv 8 5x5 relu; maxpool 2; conv 16 5x5 relu; maxpool 2; dense 10 softmax",
        "input 1x8x8; conv 16 3x3 same; batchnorm; activate relu; conv 20 3x3; batchnorm; activate relu; maxpool 2; dense 10 softmax",
        "input 64x2; gru 24 bidirectional all; mean-time; dense 10 softmax",
        "input 64x2; transpose; conv1d 16 5 relu; maxpool1d 2; conv1d 24 5 relu; maxpool1d 2; conv1d 24 3 relu; flatten; dense 10 softmax",
        "input 32x9; lstm 32; dense 6 softmax",
    ];

    [Test]
    public void Instructions_and_code_of_whole_nets_are_near_what_the_emulator_counts()
    {
        const double Instructions = 0.15, Code = 0.35;
        CDeviceCount.Counted[] counted = CDeviceCount.Of(CDevice.CortexM4F, "-Os", Suite);
        for (int i = 0; i < Suite.Length; i++)
        {
            CCost e = counted[i].Estimate;
            TestContext.Out.WriteLine($"{Suite[i]} | {counted[i].Instructions} | {e.Instructions} | {counted[i].Code} | {e.CodeBytes}");
            Assert.That(
                e.Instructions,
                Is.InRange((1 - Instructions) * counted[i].Instructions - 200, ((1 + Instructions) * counted[i].Instructions) + 200),
                Suite[i]);
            // few words too many weigh heavily in a small net
            Assert.That(e.CodeBytes, Is.InRange((1 - Code) * counted[i].Code, ((1 + Code) * counted[i].Code) + 600), Suite[i]);
        }
    }

    [TestCase("cortex-m4f")]
    [TestCase("cortex-m3")]
    public void No_function_needs_more_stack_than_is_said(string name)
    {
        using CBuild build = new();
        CDevice device = CDevice.All.Single(known => known.Name == name);
        foreach ((string file, string text) in new CZoo(3).Export(new CExportOptions { Name = "zoo", Arithmetic = device.Arithmetic }))
        {
            build.Write(file, text);
        }

        // A call needs the stack of its chain of functions: at most three levels of ours, and the compiler's floats in software.
        build.Write("main.c", "int main(void)\n{\n    return 0;\n}\n");
        device.Compile(build, "-Os -fstack-usage", "program", "main.c", "zoo.c", "zoo_weights.c");
        int[] sizes =
        [
            .. File.ReadAllText(Directory.GetFiles(build.Folder, "*zoo.su").Single())
                .Split('\n', StringSplitOptions.RemoveEmptyEntries)
                .Select(line => int.Parse(line.Split('\t')[1], CultureInfo.InvariantCulture))
                .OrderDescending(),
        ];
        Assert.That(sizes.Take(3).Sum(), Is.LessThanOrEqualTo(CCost.StackOfPrediction).And.GreaterThan(0));
    }

    [Test, Explicit("prints what the estimate's table is made of")]
    public void Calibrate()
    {
        string[] nets =
        [
            "input 64; dense 1", "input 640; dense 1", "input 100; dense 10", "input 100; dense 20", "input 400; dense 10", "input 100; dense 12",
            "input 100; dense 14", "input 784; dense 30",
            .. EmbeddedBackprop.IO.Registry.ActivationNames.Select(name => $"input 320; activate {name}"),
            "input 1x28x28; conv 1 5x5",
            "input 1x28x28; conv 8 5x5",
            "input 8x12x12; conv 16 5x5",
            "input 8x12x12; conv 16 3x3 same",
            "input 1x28x28; conv 4 3x3 s2",
            "input 4x13x13; conv 8 3x3 s2",
            "input 16x8x8; conv 16 1x1",
            "input 16x8x8; conv 16 3x3 g16",
            "input 16x8x8; conv 16 3x3 g16 same",
            "input 9x64; conv1d 16 5",
            "input 9x64; conv1d 16 5 causal d2",
            "input 8x8x8; conv-transpose 4 2x2 s2",
            "input 8x8x8; conv-transpose 4 3x3",
            "input 8x24x24; maxpool 2",
            "input 8x24x24; maxpool 3",
            "input 8x24x24; avgpool 2",
            "input 8x24x24; avgpool 3",
            "input 8x64; maxpool1d 2",
            "input 8x64; avgpool1d 4",
            "input 8x24x24; global-avgpool",
            "input 8x24x24; global-maxpool",
            "input 8x24x24; batchnorm", "input 320; layernorm", "input 640; layernorm", "input 320; dropout 0.5", "a = input 320; add a a",
            "a = input 320; subtract a a", "a = input 320; multiply a a", "input 320; scale 0.5", "a = input 320; concat a a",
            "input 320; slice 10 300", "input 8x40; transpose", "input 40x8; mean-time", "input 40x8; max-time", "input 10x32; softmax",
            "input 20x9; rnn 16", "input 20x9; rnn 32", "input 20x9; gru 16", "input 20x9; gru 32", "input 20x9; lstm 16", "input 20x9; lstm 32",
            "input 40x9; gru 16", "input 20; embedding 50 8", "input 80; embedding 50 8",
        ];
        CDeviceCount.Counted[] counted = CDeviceCount.Of(CDevice.CortexM4F, "-Os", nets);
        for (int i = 0; i < nets.Length; i++)
        {
            CCost e = counted[i].Estimate;
            TestContext.Out.WriteLine(
                $"{nets[i]} | {counted[i].Instructions} | {e.Instructions} | {100.0 * (e.Instructions - counted[i].Instructions) / counted[i].Instructions:F0} % | {counted[i].Code} | {e.CodeBytes} | {(double)counted[i].Code / e.CodeBytes:F2}"
            );
        }

        Assert.That(counted, Has.Length.EqualTo(nets.Length));
    }
}
