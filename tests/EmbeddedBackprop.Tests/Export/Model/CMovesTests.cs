using System.Text.RegularExpressions;
using EmbeddedBackprop.Export;
using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Export.Model;

/// <summary>Exports in which concats, slices and other shapes share memory with their inputs: the engine's bits, and no copies.</summary>
[TestFixture]
[Parallelizable(ParallelScope.Self)]
internal sealed partial class CMovesTests
{
    private const string Branches = "x = input 6; a = dense 5 tanh x; b = dense 3 sigmoid x; c = concat a b; d = slice 2 4 c; e = dense 4 relu d;"
        + " f = concat e c; y = dense 2 identity f";

    private CBuild build = null!;

    [SetUp]
    public void CreateFolder() => build = new CBuild();

    [TearDown]
    public void DeleteFolder() => build.Dispose();

    [TestCase("gcc -O1 -fsanitize=address,undefined -fno-sanitize-recover=all", 0u, 20, false)]
    [TestCase("clang -O2", 1000u, 20, true)]
    [TestCase("gcc -O1 -fsanitize=address,undefined -fno-sanitize-recover=all", 2000u, 200, true, Category = "Slow")]
    [TestCase("gcc -O3", 3000u, 200, false, Category = "Slow")]
    [TestCase("clang -O0", 4000u, 200, false, Category = "Slow")]
    public void Random_graphs_give_the_bits_of_the_engine(string compiler, uint first, int wanted, bool inputInArena)
    {
        CBundle bundle = new(build);
        bundle.AddRandomMoves(first, wanted, new CExportOptions { InputInArena = inputInArena });
        bundle.WriteMain();
        build.Compile(compiler, "program", build.Together(bundle.Files));
        Assert.That(build.Run("program"), Is.Zero, "the number of the first net that differs, from 1");
    }

    [Test]
    public void Branches_write_into_their_concat_and_nothing_is_copied()
    {
        Write(Branches);
        string c = build.Read("net.c"), body = c[c.IndexOf("void net_predict", StringComparison.Ordinal)..];
        Assert.That(body, Does.Not.Contain("memcpy"));
        Assert.That(body, Does.Contain("2 inputs one after the other; written in their place already: a, b"));
        Assert.That(body, Does.Contain("rows 2 to 5 of the first axis, where they are"));
        Assert.That(build.Read("net.h"), Does.Contain("#define NET_ARENA_FLOATS 12\n"));
        Assert.That(
            build.Read("net.md"),
            Does.Contain("| c | concat | 5 | 8 | arena + 4, in place |").And.Contain("| d | slice | 8 | 4 | arena + 6, in place |"));
        Assert.That(SelfTest(), Is.Zero);
    }

    [Test]
    public void An_input_under_another_shape_is_read_where_it_is_and_a_last_shape_is_written_as_the_output()
    {
        Write("input 12; reshape 1x4x3; conv 2 2x2 relu; flatten; dropout 0.5; activate tanh");
        string c = build.Read("net.c"), body = c[c.IndexOf("void net_predict", StringComparison.Ordinal)..];
        Assert.That(body, Does.Not.Contain("memcpy"));
        Assert.That(build.Read("net.h"), Does.Contain("#define NET_RAM_BYTES 0\n"));
        Assert.That(SelfTest(), Is.Zero);
    }

    [TestCase("x = input 2x8x8; a = conv 2 3x3 same tanh x; b = conv 3 1x1 x; concat a b; avgpool 2 s1; dense 3 identity", 320)]
    [TestCase("x = input 4x30; scale 2; maxpool1d 3 s2; scale 3; global-avgpool; scale 4; dense 2 identity", 120)]
    [TestCase("x = input 4x30; scale 2; maxpool1d 3 s2 p1; dense 2 identity", 180)]
    public void A_pooling_writes_over_what_it_has_read(string net, int floats)
    {
        Write(net);
        Assert.That(build.Read("net.h"), Does.Contain($"#define NET_RAM_BYTES {4 * floats}\n"));
        Assert.That(SelfTest(), Is.Zero);
    }

    [Test]
    public void Control_a_branch_at_another_offset_is_counted()
    {
        Write(Branches);
        string c = build.Read("net.c");
        Match branch = Offset().Match(c, c.IndexOf("/* b: ", StringComparison.Ordinal));
        build.Write("net.c", c.Remove(branch.Index, branch.Length).Insert(branch.Index, "(arena + 8u)"));
        Assert.That(branch.Value, Is.EqualTo("(arena + 9u)"));
        Assert.That(SelfTest(), Is.Not.Zero);
    }

    [Test]
    public void An_input_in_the_arena_is_memory_of_later_steps()
    {
        const string Net = "input 12; dense 20 relu; dense 30 tanh; dense 3 identity";
        Write(Net);
        Assert.That(build.Read("net.h"), Does.Contain("#define NET_RAM_BYTES 200\n"), "20 and 30 numbers beside an input of 12");
        float[] means = new float[12], scales = new float[12], measured = new float[12];
        for (int i = 0; i < means.Length; i++)
        {
            (means[i], scales[i], measured[i]) = (0.25f * i, 0.5f, 3f - i);
        }

        using Network network = Write(Net, new CExportOptions { Name = "net", InputInArena = true, InputMeans = means, InputScales = scales });
        Assert.That(
            build.Read("net.h"),
            Does.Contain("#define NET_RAM_BYTES 200\n").And.Contain("#define NET_INPUT(arena) ((arena) + ").And.Contain("the input is lost")
                .And.Contain("void net_predict(float *output, float *arena);"));
        Assert.That(
            build.Read("net.md"),
            Does.Contain("| RAM, input (in the arena) | 48 of these |").And.Contain("float *const input = NET_INPUT(arena);")
                .And.Contain("net_predict(output, arena);"));
        Assert.That(SelfTest(), Is.Zero);
        float[] prepared = [.. measured.Select((value, i) => (value - means[i]) * scales[i])], expected = network.Predict(prepared)[..3].ToArray();
        build.Write(
            "main.c",
            $$"""
            #include "net.h"
            int main(void)
            {
                static const float measured[NET_INPUTS] = { {{string.Join(", ", measured.Select(CText.Hex))}} };
                static const float expected[NET_OUTPUTS] = { {{string.Join(", ", expected.Select(CText.Hex))}} };
                static float output[NET_OUTPUTS], arena[NET_ARENA_FLOATS];
                int call, i;
                for (call = 0; call < 2; call++) {
                    net_prepare(measured, NET_INPUT(arena));
                    net_predict(output, arena);
                    for (i = 0; i < NET_OUTPUTS; i++) {
                        if (output[i] != expected[i]) return 1 + i;
                    }
                }
                for (i = 0; i < NET_INPUTS; i++) {
                    if (NET_INPUT(arena)[i] != (measured[i] - 0.25f * (float)i) * 0.5f) return 0;
                }
                return 100;
            }

            """);
        build.Compile("gcc -O1", "program", "main.c", "net.c", "net_weights.c");
        Assert.That(build.Run("program"), Is.Zero, "1 to 3: another output; 100: the input is still there");
    }

    [Test]
    public void Several_inputs_have_their_addresses_in_the_arena_and_an_input_that_is_an_output_is_copied_first()
    {
        Graph graph = new();
        Node x = graph.Input(new Shape(8), "x"), gain = graph.Input(new Shape(8), "gain");
        Node product = graph.Apply(new EmbeddedBackprop.Ops.Multiply(), [x, gain], "product");
        Plan plan = Plan.ForInference(graph, new PlanOptions(), graph.Apply(new EmbeddedBackprop.Ops.Slice(2, 3), [product], "y"), x);
        foreach ((string name, string text) in CExporter.Generate(plan, [], new CExportOptions { Name = "net", InputInArena = true }))
        {
            build.Write(name, text);
        }

        Assert.That(
            build.Read("net.h"),
            Does.Contain("#define NET_IN_X(arena) ").And.Contain("#define NET_IN_GAIN(arena) ").And.Contain("#define NET_RAM_BYTES 64\n")
                .And.Contain("void net_predict(float *out_y, float *out_x, float *arena);"));
        Assert.That(SelfTest(), Is.Zero);
        string header = build.Read("net.h");
        Match address = Regex.Match(header, @"NET_IN_GAIN\(arena\) \(\(arena\) \+ (\d)u\)");
        string elsewhere = address.Groups[1].Value == "0" ? "1" : "7";
        build.Write("net.h", header.Replace(address.Value, $"NET_IN_GAIN(arena) ((arena) + {elsewhere}u)", StringComparison.Ordinal));
        Assert.That(SelfTest(), Is.Not.Zero, "the control: an input at another address");
    }

    [Test]
    public void An_export_that_learns_reads_its_inputs_again()
    {
        using Network network = NetCompiler.Compile("input 4; dense 2 sigmoid", new Loss<MeanSquared>(), new NetworkOptions { Seed = 3 });
        CExportOptions options = new() { InputInArena = true, Training = CTrainingOptions.Of(network, 0.1f) };
        Assert.That(
            () => CExporter.Generate(network.InferencePlan, network.Parameters, options),
            Throws.InstanceOf<NotSupportedException>().With.Message.Contains("reads its samples again"));
    }

    [GeneratedRegex(@"\(arena \+ \d+u\)")]
    private static partial Regex Offset();

    private void Write(string net) => Write(net, new CExportOptions { Name = "net" }).Dispose();

    private Network Write(string net, CExportOptions options)
    {
        Network network = NetCompiler.Compile(net, null, new NetworkOptions { Arithmetic = Arithmetic.Fused, Seed = 3 });
        CExporter.Write(network, build.Folder, options);
        return network;
    }

    private int SelfTest()
    {
        build.Compile("gcc -O1 -DNET_SELFTEST_MAIN", "selftest", "net.c", "net_weights.c", "net_selftest.c");
        return build.Run("selftest");
    }
}
