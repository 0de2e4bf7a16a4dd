using System.Text;
using EmbeddedBackprop.Data;
using EmbeddedBackprop.Export;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Quantization;
using EmbeddedBackprop.Tests.Graphs;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Export;

/// <summary>Random graphs, quantised and exported, many to a program: their C gives the engine's integers.</summary>
[TestFixture]
[Parallelizable(ParallelScope.Self)]
internal sealed class CRandomIntegerTests
{
    private const int NetsOfProgram = 24, Calibration = 12;

    private CBuild build = null!;

    [SetUp]
    public void CreateFolder() => build = new CBuild();

    [TearDown]
    public void DeleteFolder() => build.Dispose();

    // Ten programs of 24 nets each: 240 graphs.
    [TestCase(0u, "gcc -O1")]
    [TestCase(1u, "gcc -O0", Category = "Slow")]
    [TestCase(2u, "clang -O2", Category = "Slow")]
    [TestCase(3u, "gcc -O1 -fsanitize=address,undefined -fno-sanitize-recover", Category = "Slow")]
    [TestCase(4u, "gcc -O3", Category = "Slow")]
    [TestCase(5u, "clang -O0 -DEBP_SHORT_PRODUCTS", Category = "Slow")]
    [TestCase(6u, "gcc -Os", Category = "Slow")]
    [TestCase(7u, "clang -O1 -fsanitize=address,undefined -fno-sanitize-recover", Category = "Slow")]
    [TestCase(8u, "clang -O3", Category = "Slow")]
    [TestCase(9u, "gcc -O2 -DEBP_SHORT_PRODUCTS", Category = "Slow")]
    public void Random_graphs_give_the_integers_of_the_engine(uint program, string compiler)
    {
        Export(program, NetsOfProgram);
        Assert.That(FirstDifference(compiler, NetsOfProgram), Is.Zero, "the number of the first net that differs, from 1");
    }

    // A half rounded down; the zero point of the output forgotten; a point of a table's line one too high.
    [TestCase("+ p->zero) >> 1", "+ p->zero - 1) >> 1")]
    [TestCase("+ p->zero) >> 1", "+ 1) >> 1")]
    [TestCase("y[i] = table[(size_t)index];", "y[i] = table[(size_t)index - ((index == 131) ? 1u : 0u)];")]
    public void Control_a_planted_fault_is_found(string text, string planted)
    {
        const int Nets = 6;
        Export(0, Nets);
        int changed = 0;
        for (int net = 0; net < Nets; net++)
        {
            string source = build.Read($"n{net}.c");
            changed += source.Contains(text, StringComparison.Ordinal) ? 1 : 0;
            build.Write($"n{net}.c", source.Replace(text, planted, StringComparison.Ordinal));
        }

        Assert.That(changed, Is.Positive);
        Assert.That(FirstDifference("gcc -O1", Nets), Is.Not.Zero);
    }

    /// <summary>Exports nets n0, n1 ... of the graphs from a seed on that have integers, each with a self-test under a name of its own.</summary>
    private void Export(uint program, int nets)
    {
        int made = 0;
        HashSet<Type> ops = [];
        for (uint seed = 1000 * program; made < nets; seed++)
        {
            RandomNetwork net = new(seed);
            if (net.Graph.Ops.Any(op => op is not Loss && op.GetType().Assembly != typeof(Op).Assembly))
            {
                continue; // an op of the tests' own
            }

            using QuantizedModel? model = Quantize(net, seed);
            if (model is null)
            {
                continue;
            }

            Network network = model.Network;
            ops.UnionWith(network.InferencePlan.Steps.ToArray().Select(step => step.Op.GetType()));
            CExportOptions options = new() { Name = $"n{made}", SelfTestSamples = 5 };
            foreach ((string name, string text) in CExporter.Generate(network.InferencePlan, network.Parameters, options, network.State))
            {
                build.Write(name, text.Replace("int main(void)", $"int n{made}_main(void);\nint n{made}_main(void)", StringComparison.Ordinal));
            }

            made++;
        }

        TestContext.Out.WriteLine(string.Join(' ', ops.Select(op => op.Name).Order(StringComparer.Ordinal)));
    }

    /// <summary>The graph in integers; null where nothing of it becomes integers.</summary>
    public static QuantizedModel? Quantize(RandomNetwork net, uint seed)
    {
        Node[] inputs = [.. InputsOf(net.Prediction).Distinct().OrderBy(node => node.Index)];
        NetworkOptions options = new() { Batch = 1, Arithmetic = net.Arithmetic, Seed = 1 };
        using Network network = new(inputs, [net.Prediction], [], options);
        net.Parameters(network.InferencePlan).CopyTo(network.Parameters);
        int length = inputs.Sum(input => input.Shape.Length);
        FloatDataset samples = FloatDataset.Regression(Samples.Array(Calibration * length, (int)seed + 3), length, new float[Calibration], 1);
        QuantizedModel model = Quantizer.Quantize(
            network, samples, new QuantizerOptions { ActivationBits = seed % 3 == 0 ? 16 : 8, OutputBits = seed % 2 == 0 ? 8 : 16 });
        if (model.Network.Output.Graph.Nodes.Any(node => node.Integers is not null))
        {
            return model;
        }

        model.Dispose();
        return null;
    }

    private static IEnumerable<Node> InputsOf(Node node) => node.Op is null ? [node] : node.Inputs.SelectMany(InputsOf);

    /// <summary>The number of the first net whose self-test fails, from 1; 0 if none does.</summary>
    private int FirstDifference(string compiler, int nets)
    {
        StringBuilder main = new();
        string files = "main.c", defines = "";
        for (int net = 0; net < nets; net++)
        {
            main.Append($"int n{net}_main(void);\n");
            files += $" n{net}.c n{net}_weights.c n{net}_selftest.c";
            defines += $" -DN{net}_SELFTEST_MAIN";
        }

        main.Append("\nint main(void)\n{\n");
        for (int net = 0; net < nets; net++)
        {
            main.Append($"    if (n{net}_main() != 0) {{\n        return {net + 1};\n    }}\n");
        }

        build.Write("main.c", main.Append("    return 0;\n}\n").ToString());
        build.Compile(compiler + defines, "program", files.Split(' '));
        return build.Run("program");
    }
}
