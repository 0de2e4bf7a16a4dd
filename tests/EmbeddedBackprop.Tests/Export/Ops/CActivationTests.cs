using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Export;
using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Export;

/// <summary>Every activation of the engine has its C, with the same bits for every kind of number.</summary>
[TestFixture]
[Parallelizable(ParallelScope.Self)]
internal sealed class CActivationTests
{
    private const int Columns = 53; // softmax sums them in 16 parts with a rest
    private const int Rows = 400;

    private static readonly string[] Names = [.. Registry.ActivationNames];

    private CBuild build = null!;

    [SetUp]
    public void CreateFolder() => build = new CBuild();

    [TearDown]
    public void DeleteFolder() => build.Dispose();

    [TestCase("gcc -O3", Arithmetic.Fused)]
    [TestCase("clang -O2", Arithmetic.Separate)]
    [TestCase("gcc -O0", Arithmetic.Fused, Category = "Slow")]
    [TestCase("gcc -O3", Arithmetic.Separate, Category = "Slow")]
    [TestCase("clang -O2", Arithmetic.Fused, Category = "Slow")]
    public void Every_activation_gives_the_bits_of_the_engine(string compiler, Arithmetic arithmetic)
    {
        Assert.That(FirstDifference(compiler, arithmetic, (_, text) => text), Is.Null);
    }

    [TestCase("gcc -O0", Arithmetic.Separate)]
    [TestCase("clang -O2", Arithmetic.Fused)]
    [TestCase("gcc -O3", Arithmetic.Fused, Category = "Slow")]
    [TestCase("gcc -O3", Arithmetic.Separate, Category = "Slow")]
    [TestCase("clang -O2", Arithmetic.Separate, Category = "Slow")]
    public void Layers_of_every_activation_give_the_bits_of_the_engine(string compiler, Arithmetic arithmetic)
    {
        Sequential layers = new(8);
        foreach (string name in Names)
        {
            layers.Dense(name == "mish" ? 1 : 6, Registry.Activation(name));
        }

        Network network = layers.Compile(new NetworkOptions { Arithmetic = arithmetic, Seed = 3 });
        build.Export(network);
        build.CheckBits(network, compiler, Samples.Array(8 * 100, 4));
    }

    [Test]
    public void A_softmax_behind_logits_is_exported_as_one_step_and_behind_an_activation_as_two([Values] Arithmetic arithmetic, [Values] bool linear)
    {
        Graph graph = new();
        Node input = graph.Input(new Shape(9));
        Activation last = linear ? new Activation<Identity>() : new Activation<Tanh>();
        Node logits = graph.Apply(new Dense(5, last), graph.Apply(new Dense(12, new Activation<Tanh>()), input));
        Network network = new(
            input,
            graph.Apply(new Activate(Registry.Activation("softmax")), logits),
            null,
            new NetworkOptions { Arithmetic = arithmetic });
        build.Export(network);
        build.CheckBits(network, "gcc -O2", Samples.Array(9 * 100, 5));
        Assert.That(build.Read("net.h"), Does.Contain($"#define NET_STEPS {(linear ? 2 : 3)}\n").And.Contain("#define NET_ARENA_FLOATS 12\n"));
    }

    [TestCase("softmax", "s[i % 16u]", "s[i % 8u]")]
    [TestCase("relu", "z > 0.0f ? z : 0.0f", "z < 0.0f ? 0.0f : z", Category = "Slow")]
    [TestCase("gelu", "0.70710677f", "0.70710683f", Category = "Slow")]
    public void Control_another_formula_gives_other_bits(string activation, string text, string planted)
    {
        string? difference = FirstDifference("gcc -O1", Arithmetic.Fused, (name, source) =>
        {
            if (name != activation)
            {
                return source;
            }

            Assert.That(source, Does.Contain(text));
            return source.Replace(text, planted, StringComparison.Ordinal);
        });
        Assert.That(difference, Does.StartWith(activation + ":"));
    }

    /// <summary>Exports each activation as a network without weights, all into one program, and runs it on all kinds of numbers.</summary>
    private string? FirstDifference(string compiler, Arithmetic arithmetic, Func<string, string, string> change)
    {
        float[] samples = Samples.Array(Rows * Columns, 6, Numbers.NonFinite);
        for (int row = 1; row < Rows; row += 2)
        {
            // Every other row is spread over the bends of the functions, without NaN and infinities, which fill a whole row of softmax.
            float[] plain = Samples.Array(Columns, row);
            for (int i = 0; i < Columns; i++)
            {
                samples[(row * Columns) + i] = plain[i] * (row % 3 == 0 ? 100f : 5f);
            }
        }

        List<string> files = ["driver.c"];
        List<Network> networks = [];
        string includes = "", calls = "";
        foreach (string name in Names)
        {
            Graph graph = new();
            Node input = graph.Input(new Shape(Columns));
            Network network = new(
                input,
                graph.Apply(new Activate(Registry.Activation(name)), input),
                null,
                new NetworkOptions { Arithmetic = arithmetic });
            string prefix = CText.Identifier(name);
            build.Export(network, prefix);
            build.Write(prefix + ".c", change(name, build.Read(prefix + ".c")));
            files.Add(prefix + ".c");
            networks.Add(network);
            includes += $"#include \"{prefix}.h\"\n";
            calls +=
                $"        {prefix}_predict(input, output, NULL);\n        if (fwrite(output, sizeof *output, {Columns}, out) != {Columns}) return 101;\n";
        }

        build.Write("driver.c", $$"""
            #include <stdio.h>
            {{includes}}
            static float input[{{Columns}}], output[{{Columns}}];

            int main(void)
            {
                FILE *in = fopen("in.bin", "rb");
                FILE *out = fopen("out.bin", "wb");
                if (in == NULL || out == NULL) return 100;
                while (fread(input, sizeof *input, {{Columns}}, in) == {{Columns}}) {
            {{calls}}    }
                return fclose(out) != 0 || fclose(in) != 0;
            }

            """);
        build.Compile(compiler, "program", files.ToArray());
        float[] results = build.RunOn(samples);
        for (int row = 0; row < Rows; row++)
        {
            for (int k = 0; k < Names.Length; k++)
            {
                ReadOnlySpan<float> sample = samples.AsSpan(row * Columns, Columns), expected = networks[k].Predict(sample);
                ReadOnlySpan<float> actual = results.AsSpan(((row * Names.Length) + k) * Columns, Columns);
                int at = Bits.FirstDifference(actual, expected);
                if (at >= 0)
                {
                    return $"{Names[k]}: f({Bits.Show(sample[at])}) is {Bits.Show(actual[at])}, expected {Bits.Show(expected[at])}";
                }
            }
        }

        return null;
    }
}
