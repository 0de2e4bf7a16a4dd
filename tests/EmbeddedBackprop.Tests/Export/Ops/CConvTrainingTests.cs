using System.Globalization;
using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Export;
using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Export;

/// <summary>The exported training step of convolutions, pooling and normalisation has the engine's bits.</summary>
[TestFixture]
[Parallelizable(ParallelScope.Self)]
internal sealed partial class CConvTrainingTests
{
    private CBuild build = null!;

    [SetUp]
    public void CreateFolder() => build = new CBuild();

    [TearDown]
    public void DeleteFolder() => build.Dispose();

    [TestCase("gcc -O0", 1)]
    [TestCase("clang -O2", 2, Category = "Slow")]
    [TestCase("gcc -O3", 3, Category = "Slow")]
    [TestCase("gcc -O3 -mfma", 4, Category = "Slow")]
    [TestCase("gcc -Os -DEBP_PORTABLE", 5, Category = "Slow")]
    [TestCase("gcc -O1 -fsanitize=address,undefined -fno-sanitize-recover=all", 6, Category = "Slow")]
    [TestCase("gcc -O2", 7, Category = "Slow")]
    public void Every_op_learns_with_the_bits_of_the_engine(string compiler, int seed) =>
        Assert.That(FirstDifference(compiler, [.. CConvCases.Ops(seed)]), Is.Null);

    /// <summary>Gcc's analyser reads every routine, each in the first network that has it: that network's file, with all that it calls.</summary>
    [Test, Category("Slow")]
    public void The_analyser_finds_nothing_in_any_routine()
    {
        CTrainingCase[] cases = [.. CConvCases.Ops(7)];
        new CTrainingParity(build, cases).Export();
        HashSet<string> read = [];
        for (int i = 0; i < cases.Length; i++)
        {
            string file = "t" + CText.Number(i) + ".c";
            string[] routines = [.. Routine().Matches(build.Read(file)).Select(match => match.Groups[1].Value)];
            Assert.That(routines, Is.Not.Empty);
            int before = read.Count;
            read.UnionWith(routines);
            if (read.Count > before)
            {
                build.Compile("gcc -O2 -fanalyzer -c", "analysed.o", file);
            }
        }

        Assert.That(read, Does.Contain("train_step").And.Contain("predict"));
        TestContext.Out.WriteLine($"{read.Count} routines");
    }

    [TestCase("clang -O2", 1, 20, Category = "Slow")]
    [TestCase("clang -O2", 1, 8)]
    [TestCase("gcc -O0", 1000, 60, Category = "Slow")]
    [TestCase("gcc -O3", 2000, 60, Category = "Slow")]
    [TestCase("gcc -O1", 3000, 200, Category = "Exhaustive")]
    public void Random_nets_learn_with_the_bits_of_the_engine(string compiler, int seed, int count) =>
        Assert.That(FirstDifference(compiler, [.. Enumerable.Range(seed, count).Select(CConvCases.Random)]), Is.Null);

    [TestCase("conv", "s->stride_x, s->stride_y * s->width,", "s->stride_x, s->stride_x * s->width,")]
    [TestCase("conv", "for (at = 0u; at < positions; at++) {", "for (at = positions; at-- > 0u;) {", Category = "Slow")]
    [TestCase("conv-transpose", "float sum = *z;", "float sum = 0.0f;", Category = "Slow")]
    [TestCase("maxpool", "> plane[best] ?", ">= plane[best] ?", Category = "Slow")]
    [TestCase("avgpool", "/ (float)(counts_padding != 0 ?", "/ (float)(counts_padding == 0 ?", Category = "Slow")]
    [TestCase("global-avgpool", "*dx + share", "share", Category = "Slow")]
    [TestCase("global-maxpool", "while (i < positions && x[i] != y[c])", "while (i + 1u < positions && x[i + 1u] != y[c])", Category = "Slow")]
    [TestCase("batchnorm", "s[i % 16u] = s[i % 16u] + dy[first + i];", "s[0] = s[0] + dy[first + i];", Category = "Slow")]
    [TestCase(
        "batchnorm",
        "running_variance[c] = EBP_M(momentum, (correction * variance)",
        "running_variance[c] = EBP_M(momentum, (correction * correction * variance)",
        Category = "Slow")]
    [TestCase("layernorm", "EBP_M(-normal, product, g - sum)", "((g - sum) - (normal * product))", Category = "Slow")]
    [TestCase("layernorm", "g[i] = EBP_M(dy[i], normal, g[i]);", "g[i] = g[i] + (dy[i] * normal);", Category = "Slow")]
    public void Control_another_formula_gives_other_bits(string kind, string text, string planted)
    {
        bool found = false;
        CTrainingCase[] cases = [.. CConvCases.Ops(1).Where(net => net.Name.StartsWith(kind, StringComparison.Ordinal))];
        string? difference = FirstDifference("gcc -O0", cases, source =>
        {
            found |= source.Contains(text, StringComparison.Ordinal);
            return source.Replace(text, planted, StringComparison.Ordinal);
        });
        Assert.That(found, Is.True, "the text is in the source");
        Assert.That(difference, Is.Not.Null);
    }

    [Test]
    public void The_small_convolution_net_trains_in_28_KB_everything_counted()
    {
        CTrainingCase net = CConvCases.Digits() with { Updates = 5 };
        Assert.That(FirstDifference("gcc -Os -fstack-usage", [net]), Is.Null);
        string header = build.Read("t0.h");
        long memory = 4 * Macro(header, "T0_TRAIN_FLOATS");
        // Every function's frame, as if each called the next: more than any chain of calls needs.
        long stack = File.ReadLines(Directory.GetFiles(build.Folder, "*t0.su").Single())
            .Sum(line => long.Parse(line.Split('\t')[1], CultureInfo.InvariantCulture));
        const long Sample = 4 * ((28 * 28) + 10),
            Model = 64;
        TestContext.Out.WriteLine($"{memory} bytes of memory, {Sample} of a sample, at most {stack} of stack");
        Assert.That(memory, Is.LessThanOrEqualTo(21 * 1024));
        Assert.That(memory + Sample + Model + stack, Is.LessThanOrEqualTo(28 * 1024));
    }

    [TestCase("cortex-m4f", Arithmetic.Fused)]
    [TestCase("cortex-m7", Arithmetic.Fused, Category = "Slow")]
    [TestCase("cortex-m3", Arithmetic.Separate, Category = "Slow")]
    [TestCase("rv32imafc", Arithmetic.Fused, Category = "Slow")]
    public void Every_op_learns_on_a_processor_with_the_bits_of_the_engine(string name, Arithmetic arithmetic)
    {
        CTrainingCase[] cases =
        [
            .. CConvCases
                .Ops(1)
                .Where(net => net.Name.Contains("beside others", StringComparison.Ordinal))
                .Select(net => net with { Arithmetic = arithmetic, Updates = 1 }),
        ];
        new CTrainingParity(build, cases).Export();
        string[] nets = [.. Enumerable.Range(0, cases.Length).Select(i => "t" + CText.Number(i))];
        build.Write("main.c", $$"""
            #include "device.h"
            {{string.Concat(nets.Select(net => $"#include \"{net}.h\"\n"))}}
            static float memory[50000];

            int main(void)
            {
                int wrong = 0;
            {{string.Concat(
                nets.Select(net =>
                    $"    if ({net.ToUpperInvariant()}_SELFTEST_FLOATS > 50000 || {net}_selftest(memory) != 0u) {{\n        wrong++;\n    }}\n")
            )}}    return wrong;
            }

            """);
        CDevice
            .All.Single(device => device.Name == name)
            .RunChecked(build, "-O1", ["main.c", .. nets.SelectMany(net => new[] { net + ".c", net + "_weights.c", net + "_selftest.c" })]);
    }

    [Test]
    public void The_code_of_a_training_step_does_not_grow_with_its_weights()
    {
        int Length(int filters)
        {
            Graph graph = new();
            Node x = graph.Input(new Shape(2, 9, 9)),
                y = graph.Apply(new Conv2D(filters, 3, 3, new Activation<Relu>()), x),
                z = graph.Apply(new Conv2D(1, 3, 3, new Activation<Tanh>()), y);
            Node loss = graph.Apply(new Loss<Quadratic>(), [z, graph.Input(z.Shape, "target")]);
            Network network = new(x, z, loss, new NetworkOptions());
            return CExporter
                .Generate(network.InferencePlan, network.Parameters, new CExportOptions { Training = CTrainingOptions.Of(network, 0.1f) })
                .Single(file => file.Name == "model.c")
                .Text.Length;
        }

        Assert.That(Length(64) - Length(10), Is.LessThan(60));
    }

    [System.Text.RegularExpressions.GeneratedRegex(@"^\w[\w *]*\bt\d+_(\w+)\(", System.Text.RegularExpressions.RegexOptions.Multiline)]
    private static partial System.Text.RegularExpressions.Regex Routine();

    private static long Macro(string header, string name) =>
        long.Parse(
            header.Split('\n').Single(line => line.StartsWith($"#define {name} ", StringComparison.Ordinal)).Split(' ')[2].TrimEnd('u'),
            CultureInfo.InvariantCulture);

    private string? FirstDifference(string compiler, CTrainingCase[] cases, Func<string, string>? change = null)
    {
        CTrainingParity parity = new(build, cases);
        parity.Export(change);
        return parity.FirstDifference(compiler);
    }
}
