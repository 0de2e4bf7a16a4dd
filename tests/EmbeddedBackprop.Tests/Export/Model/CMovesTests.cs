using System.Text.RegularExpressions;
using EmbeddedBackprop.Export;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Kernels.Lanes;
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

    [TestCase("gcc -O1 -fsanitize=address,undefined -fno-sanitize-recover=all", 0u, 80)]
    [TestCase("clang -O2", 1000u, 80)]
    [TestCase("gcc -O3", 2000u, 300, Category = "Slow")]
    [TestCase("clang -O0", 3000u, 300, Category = "Slow")]
    public void Random_graphs_give_the_bits_of_the_engine(string compiler, uint first, int wanted)
    {
        CBundle bundle = new(build);
        bundle.AddRandomMoves(first, wanted);
        bundle.WriteMain();
        build.Compile(compiler, "program", bundle.Files);
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
        Assert.That(build.Read("net.md"), Does.Contain("| c | concat | 5 | 8 | arena + 4, in place |").And.Contain("| d | slice | 8 | 4 | arena + 6, in place |"));
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

    [GeneratedRegex(@"\(arena \+ \d+u\)")]
    private static partial Regex Offset();

    private void Write(string net)
    {
        using Network network = NetCompiler.Compile(net, null, new NetworkOptions { Arithmetic = Arithmetic.Fused, Seed = 3 });
        CExporter.Write(network, build.Folder, new CExportOptions { Name = "net" });
    }

    private int SelfTest()
    {
        build.Compile("gcc -O1 -DNET_SELFTEST_MAIN", "selftest", "net.c", "net_weights.c", "net_selftest.c");
        return build.Run("selftest");
    }
}
