using System.Globalization;
using System.Runtime.Intrinsics.X86;
using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Data;
using EmbeddedBackprop.Export;
using EmbeddedBackprop.Export.Model;
using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Export;

/// <summary>The exported C, compiled by real compilers with warnings as errors, gives the engine's bits.</summary>
[TestFixture]
[Parallelizable(ParallelScope.Self)]
internal sealed class CExporterTests
{
    private CBuild build = null!;

    [SetUp]
    public void CreateFolder() => build = new CBuild();

    [TearDown]
    public void DeleteFolder() => build.Dispose();

    [TestCaseSource(typeof(CBuild), nameof(CBuild.CompilersWithArithmetic))]
    public void Nielsens_net_gives_the_bits_of_the_engine(string compiler, Arithmetic arithmetic)
    {
        Network network = Net(arithmetic, 784, 30, 10);
        build.Export(network);
        build.CheckBits(network, compiler, Samples.Array(784 * 100, 3));
    }

    [TestCase(1, 1)]
    [TestCase(15, 1)]
    [TestCase(16, 1, Category = "Slow")]
    [TestCase(17, 1)]
    [TestCase(33, 1, Category = "Slow")]
    [TestCase(784, 1)]
    [TestCase(1, 5, Category = "Slow")]
    [TestCase(3, 4, Category = "Slow")]
    [TestCase(7, 11, 3)]
    [TestCase(5, 1, 6, 1, Category = "Slow")]
    [TestCase(13, 17, 19, 23, 2)]
    public void Odd_sizes_give_the_bits_of_the_engine(params int[] sizes)
    {
        foreach (Arithmetic arithmetic in Widths.Arithmetics)
        {
            string compiler = arithmetic == Arithmetic.Fused ? "gcc -O3" : "gcc -O1";
            Network network = Net(arithmetic, sizes);
            build.Export(network);
            build.CheckBits(network, compiler, Samples.Array(sizes[0] * 200, 5, Numbers.NonFinite));
        }
    }

    [Test]
    public void The_other_arithmetic_can_be_exported([Values] Arithmetic arithmetic)
    {
        Arithmetic other = arithmetic == Arithmetic.Fused ? Arithmetic.Separate : Arithmetic.Fused;
        Network network = Net(arithmetic, 20, 9, 4), expected = Net(other, 20, 9, 4);
        build.Export(network, arithmetic: other);
        build.CheckBits(expected, "gcc -O1", Samples.Array(20 * 100, 6));
    }

    [Test]
    public void Layout_does_not_matter_and_the_same_network_gives_the_same_bytes()
    {
        Network padded = Net(Arithmetic.Fused, 9, 7, 3);
        IReadOnlyList<(string Name, string Text)> first = CExporter.Generate(padded.InferencePlan, padded.Parameters);
        Network compact = Net(Arithmetic.Fused, Layout.Compact, 9, 7, 3);
        CultureInfo before = CultureInfo.CurrentCulture;
        try
        {
            CultureInfo strange = (CultureInfo)CultureInfo.InvariantCulture.Clone();
            strange.NumberFormat.NegativeSign = "~";
            strange.NumberFormat.NumberDecimalSeparator = ",";
            CultureInfo.CurrentCulture = strange;
            Assert.That(CExporter.Generate(compact.InferencePlan, compact.Parameters), Is.EqualTo(first));
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }

    [Test]
    public void Weights_of_every_kind_read_back_as_the_same_bits()
    {
        // The self-test sums the tables' bits; the engine's sum is in its text.
        Network network = Net(Arithmetic.Fused, 40, 50);
        Samples.Fill(network.Parameters, 8, Numbers.Edges);
        build.Export(network);
        foreach (string compiler in CBuild.Compilers)
        {
            build.CheckBits(network, compiler, Samples.Array(40 * 5, 9));
        }
    }

    [TestCase("gcc -O0")]
    [TestCase("clang -O2")]
    public void Inputs_are_prepared_as_in_training(string compiler)
    {
        const int Inputs = 5, Count = 50;
        Standardizer standardizer = new([0.1f, -3.75f, 1e6f, 0f, 1e-30f], [0.3333333f, 12.5f, 1e-5f, 1f, 3e29f]);
        Network network = Net(Arithmetic.Fused, Inputs, 7, 2);
        CExportOptions options = new()
        {
            Name = "net", InputMeans = standardizer.Means.ToArray(), InputScales = standardizer.Scales.ToArray(),
            InputNames = ["length", "*/ int x; /*", "a\\", "??/", "\u202Edeceit"], OutputNames = ["no", "yes"],
        };
        CExporter.Write(network, build.Folder, options);
        string header = build.Read("net.h");
        Assert.That(
            header,
            Does.Contain(" * [0] length\n * [1] __ int x_ __\n").And.Contain(" * [1] yes\n").And.Contain("#define NET_PARAMETERS 58\n"));
        Assert.That(header, Does.Contain("#define NET_FLASH_BYTES 272\n"), "58 parameters, 5 means, 5 scales");

        float[] measured = Samples.Array(Inputs * Count, 3), prepared = [.. measured];
        for (int sample = 0; sample < Count; sample++)
        {
            standardizer.Apply(prepared.AsSpan(sample * Inputs, Inputs));
        }

        build.WriteDriver();
        build.Write(
            "driver.c",
            build.Read("driver.c").Replace("net_predict(input,", "net_prepare(input, input);\n        net_predict(input,", StringComparison.Ordinal));
        build.Compile(compiler, "program", "driver.c", "net.c", "net_weights.c", "net_selftest.c");
        float[] results = build.RunOn(measured);
        for (int sample = 0; sample < Count; sample++)
        {
            ReadOnlySpan<float> expected = network.Predict(prepared.AsSpan(sample * Inputs, Inputs));
            Bits.AssertEqual(results.AsSpan(sample * 2, 2), expected, $"{compiler}, sample {sample}");
        }

        Assert.That(results.AsSpan(0, 2).SequenceEqual(network.Predict(measured.AsSpan(0, Inputs))), Is.False, "the preparation changes results");
    }

    [TestCase("1 1 1 1 1 1", "2 2 2 2 2 2", 1, "[0]")]
    [TestCase("1 2 1 2 1 2", "3 3 3 3 3 3", 2, "step += 2u")]
    [TestCase("1 1 1 1 1 1", "3 4 5 3 4 5", 3, "step += 3u")]
    [TestCase("1 2 3 4 1 2", "1 1 1 1 1 1", 6, "i < 6u")]
    [TestCase("0 -0 0 -0 0 0", "1 1 1 1 1 1", 6, "i < 6u")]
    public void Means_and_scales_that_repeat_are_stored_once(string means, string scales, int stored, string loop)
    {
        Network network = Net(Arithmetic.Fused, 6, 2);
        Standardizer standardizer = new(Numbers(means), Numbers(scales));
        CExporter.Write(
            network,
            build.Folder,
            new CExportOptions { Name = "net", InputMeans = standardizer.Means.ToArray(), InputScales = standardizer.Scales.ToArray() });
        Assert.That(build.Read("net.h"), Does.Contain(FormattableString.Invariant($"#define NET_FLASH_BYTES {4 * (14 + (2 * stored))}\n")));
        Assert.That(build.Read("net.c"), Does.Contain(loop));
        float[] measured = [5f, -6f, 0.7f, 1e-3f, -0f, 3f], prepared = [.. measured];
        standardizer.Apply(prepared);
        build.WriteDriver();
        build.Write(
            "driver.c",
            build.Read("driver.c").Replace("net_predict(input,", "net_prepare(input, input);\n        net_predict(input,", StringComparison.Ordinal));
        build.Compile("gcc -O2", "program", "driver.c", "net.c", "net_weights.c", "net_selftest.c");
        Bits.AssertEqual(build.RunOn(measured), network.Predict(prepared), means);

        static float[] Numbers(string text) =>
            [.. text.Split(' ').Select(word => float.Parse(word, CultureInfo.InvariantCulture))];
    }

    [Test]
    public void A_preparation_that_does_not_fit_is_refused()
    {
        Network network = Net(Arithmetic.Fused, 3, 2);
        Assert.That(
            () => CExporter.Write(network, build.Folder, new CExportOptions { InputMeans = [1f, 2f], InputScales = [1f, 1f] }),
            Throws.ArgumentException.With.Message.Contains("3 inputs").And.Message.Contains("2 means"));
        Assert.That(
            () => CExporter.Write(network, build.Folder, new CExportOptions { InputMeans = [1f, 2f, float.NaN], InputScales = [1f, 1f, 1f] }),
            Throws.ArgumentException.With.Message.Contains("mean"));
        Assert.That(Directory.GetFileSystemEntries(build.Folder), Is.Empty);
    }

    [Test]
    public void Macros_say_what_the_plan_says()
    {
        build.Export(Net(Arithmetic.Fused, 784, 30, 10));
        string header = build.Read("net.h");
        Assert.That(
            header,
            Does.Contain("#define NET_INPUTS 784\n").And.Contain("#define NET_OUTPUTS 10\n").And.Contain("#define NET_PARAMETERS 23860\n"));
        Assert.That(
            header,
            Does.Contain("#define NET_FLASH_BYTES 95440\n").And.Contain("#define NET_ARENA_FLOATS 30\n").And.Contain("#define NET_RAM_BYTES 120\n"));
        Assert.That(
            header,
            Does.Contain("#define NET_INPUT_SHAPE { 784 }\n").And.Contain("#define NET_MULTIPLY_ADDS 23820\n").And.Contain("#define NET_FUSED 1\n"));
        Assert.That(
            build.Read("net.md"),
            Does.Contain("| dense1 | dense sigmoid | 784 | 30 | arena + 0 | 94200 | 23520 |").And.Contain(" -DNET_SELFTEST_MAIN net.c "));
    }

    [TestCase("gcc -O0")]
    [TestCase("gcc -Os -mfma")]
    [TestCase("clang -O2")]
    public void Needs_no_library_and_writes_no_global(string compiler)
    {
        build.Export(Net(Arithmetic.Fused, 20, 6, 1));
        build.CheckSymbols(compiler, "net");
    }

    [TestCase("gcc -O1 -fsanitize=address,undefined -fno-sanitize-recover=all")]
    [TestCase("gcc -O2 -fanalyzer")]
    public void Stands_up_to_checking_compilers(string compiler)
    {
        Network network = Net(Arithmetic.Fused, 21, 18, 7, 1);
        build.Export(network);
        build.CheckBits(network, compiler, Samples.Array(21 * 50, 10, Numbers.NonFinite));
    }

    [Test]
    public void Two_models_link_into_one_program_and_the_headers_are_good_for_a_plus_plus_program()
    {
        build.Export(Net(Arithmetic.Fused, 6, 5), "first");
        build.Export(Net(Arithmetic.Separate, 6, 1), "second");
        build.Write("both.cpp", """
            #include "first.h"
            #include "second.h"
            #include "first.h"
            int main()
            {
                static float output[FIRST_OUTPUTS], arena[FIRST_ARENA_FLOATS], one[SECOND_OUTPUTS], other[SECOND_ARENA_FLOATS];
                return first_selftest(output, arena) == 0u && second_selftest(one, other) == 0u ? 0 : 1;
            }

            """);
        string[] files = ["first.c", "first_weights.c", "first_selftest.c", "second.c", "second_weights.c", "second_selftest.c"];
        foreach (string file in files)
        {
            build.Compile("gcc -O1 -c", file + ".o", file);
        }

        Tools.RunChecked(
            build.Folder,
            Tools.Require("g++", "g++"),
            ["-std=c++11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "both.cpp", .. files.Select(f => f + ".o"), "-o", "both"]);
        Assert.That(build.Run("both"), Is.Zero);
    }

    [TestCase("int", Category = "Slow")]
    [TestCase("7 seas")]
    [TestCase("__LINE__", Category = "Slow")]
    [TestCase("..", Category = "Slow")]
    [TestCase("../../etc/passwd")]
    [TestCase("")]
    [TestCase("a*/ #error\n\"\\")]
    [TestCase("\u202Eevil\u0000\uD800")]
    public void Hostile_names_are_made_safe(string name)
    {
        string file = CText.Identifier(name);
        Sequential layers = new(4);
        layers.Graph.Apply(new Dense(2, new Activation<Sigmoid>()), layers.Input, "unused");
        Node first = layers.Graph.Apply(new Dense(3, new Activation<Sigmoid>()), layers.Input, name + "*/ ??/\n #error /*");
        Node second = layers.Graph.Apply(new Dense(2, new Activation<Sigmoid>()), first, name + "+/ ??/\n #error /*");
        Network network = new(layers.Input, second, null, new NetworkOptions());
        build.Export(network, name);
        Assert.That(Directory.GetFileSystemEntries(build.Folder), Has.Length.EqualTo(5));
        foreach (string path in Directory.GetFiles(build.Folder))
        {
            Assert.That(File.ReadAllBytes(path), Has.All.Matches<byte>(b => b is 10 or (>= 32 and < 127)));
        }

        build.CheckBits(network, "gcc -O1", Samples.Array(40, 1), file);
    }

    [Test]
    public void Control_a_flipped_bit_of_any_table_is_caught()
    {
        build.Export(Net(Arithmetic.Fused, 30, 8, 3));
        string good = build.Read("net_weights.c");
        string[] lines = good.Split('\n');
        int bites = 0;
        for (int i = 0; i < lines.Length; i++)
        {
            int digit = lines[i].IndexOf("p-", StringComparison.Ordinal) - 1;
            if (i % 8 != 0 || digit < 0)
            {
                continue;
            }

            // A float's 23 bits are six hexadecimal digits of which the lowest bit is 0, so that the second lowest is the float's last bit.
            const string Digits = "0123456789abcdef";
            char[] line = lines[i].ToCharArray();
            line[digit] = Digits[Digits.IndexOf(line[digit]) ^ 2];
            string[] bad = [.. lines];
            bad[i] = new string(line);
            build.Write("net_weights.c", string.Join('\n', bad));
            build.Compile("gcc -O0 -DNET_SELFTEST_MAIN", "selftest", "net.c", "net_weights.c", "net_selftest.c");
            Assert.That(build.Run("selftest") & 1, Is.EqualTo(1), $"line {i}: {bad[i]}");
            bites++;
        }

        Assert.That(bites, Is.GreaterThan(3));
        build.Write("net_weights.c", good);
        build.Compile("gcc -O0 -DNET_SELFTEST_MAIN", "selftest", "net.c", "net_weights.c", "net_selftest.c");
        Assert.That(build.Run("selftest"), Is.Zero);
    }

    [TestCase("s = EBP_M(x[k], w[at], s);", "s = EBP_M(x[inputs - 1u - k], w[((inputs - 1u - k) * outputs) + j], s);")]
    [TestCase("s0 = EBP_M(xk, w[at], s0);", "s0 = s0 + (xk * w[at]);")]
    [TestCase("s0 = s0 + s8;", "s0 = s0 + s9;")]
    [TestCase("s15 = EBP_M(x[i + 15u], w[i + 15u], s15);", "s14 = EBP_M(x[i + 15u], w[i + 15u], s14);")]
    public void Control_another_order_of_sums_is_caught(string text, string planted)
    {
        // 26 outputs: five at once and one by itself; then one output, the sum in 16 parts.
        build.Export(new Sequential(100).Dense<Identity>(26).Dense<Identity>(1).Compile(new NetworkOptions { Seed = 1 }));
        string good = build.Read("net.c");
        Assert.That(good, Does.Contain(text));
        build.Write("net.c", good.Replace(text, planted, StringComparison.Ordinal));
        build.Compile("gcc -O1 -DNET_SELFTEST_MAIN", "selftest", "net.c", "net_weights.c", "net_selftest.c");
        Assert.That(build.Run("selftest"), Is.EqualTo(8), "results");
    }

    [Test]
    public void Control_a_multiply_add_that_rounds_twice_is_caught()
    {
        build.Export(Net(Arithmetic.Fused, 2, 2));
        const string Good = "#define EBP_M(a, b, c) EBP_FMAF(a, b, c)";
        Assert.That(build.Read("net_selftest.c"), Does.Contain(Good));
        build.Write(
            "net_selftest.c",
            build.Read("net_selftest.c").Replace(Good, "#define EBP_M(a, b, c) (EBP_FMAF((a), (b), 0.0f) + (c))", StringComparison.Ordinal));
        build.Compile("gcc -O1 -DNET_SELFTEST_MAIN", "selftest", "net.c", "net_weights.c", "net_selftest.c");
        Assert.That(build.Run("selftest"), Is.EqualTo(2), "rounding");
    }

    [TestCase("-std=gnu17 -mfma -O2", "")]
    [TestCase("-O1", "_mm_setcsr(_mm_getcsr() | 0x8040u);")]
    public void Control_a_mode_that_changes_bits_is_caught(string options, string mode)
    {
        if (!Fma.IsSupported)
        {
            Assert.Ignore("for x86 processors with FMA");
        }

        build.Export(Net(Arithmetic.Separate, 3, 2));
        build.Write("mode.c", $$"""
            #include <xmmintrin.h>
            #include "net.h"
            int main(void)
            {
                static float output[NET_OUTPUTS], arena[NET_ARENA_FLOATS];
                {{mode}}
                return (int)net_selftest(output, arena);
            }

            """);
        string[] files = ["mode.c", "net.c", "net_weights.c", "net_selftest.c"];
        build.Compile("gcc " + options, "right", files);
        foreach (string file in files)
        {
            build.Write(file, build.Read(file).Replace(CMathTests.ContractionOff, "", StringComparison.Ordinal));
        }

        build.Compile("gcc " + options, "wrong", files);
        Assert.That(build.Run("right"), mode.Length == 0 ? Is.Zero : Is.Not.Zero);
        Assert.That(build.Run("wrong"), Is.Not.Zero);
    }

    [Test]
    public void Every_op_has_its_C_text()
    {
        IEnumerable<Type> ops = typeof(Op)
            .Assembly.GetTypes()
            .Where(t => t.IsSubclassOf(typeof(Op)) && !t.IsAbstract && !t.IsSubclassOf(typeof(EmbeddedBackprop.Losses.Loss)));
        Assert.That(COpList.OpTypes, Is.EquivalentTo(ops));
    }

    [Test]
    public void An_activation_without_a_formula_is_refused_by_name_before_a_file_is_written()
    {
        Network network = new Sequential(3).Dense<Sigmoid>(4).Dense(2, new Mine()).Compile(new NetworkOptions());
        NotSupportedException error = Assert.Throws<NotSupportedException>(() => build.Export(network))!;
        Assert.That(
            error.Message,
            Is.EqualTo("dense2: the activation 'mine' has no formula of single numbers, so the network cannot be exported as C"));
        Assert.That(Directory.GetFileSystemEntries(build.Folder), Is.Empty);
    }

    [TestCase(float.NaN)]
    [TestCase(float.PositiveInfinity)]
    public void Weights_that_are_not_finite_are_refused(float value)
    {
        Network network = Net(Arithmetic.Fused, 2, 3);
        network.InferencePlan.Parameters[1].CopyFrom<float>([1f, value, 2f], network.Parameters);
        Assert.That(() => build.Export(network), Throws.ArgumentException.With.Message.StartsWith("dense1.bias[1] is "));
        Assert.That(Directory.GetFileSystemEntries(build.Folder), Is.Empty);
    }

    [Test]
    public void Less_than_no_samples_of_the_self_test_are_refused()
    {
        Network network = Net(Arithmetic.Fused, 2, 3);
        Assert.That(
            () => CExporter.Write(network, build.Folder, new CExportOptions { SelfTestSamples = -1 }),
            Throws.TypeOf<ArgumentOutOfRangeException>().With.Property("ParamName").EqualTo("SelfTestSamples"));
        Assert.That(() => CExporter.Write(network, build.Folder, new CExportOptions { SelfTestSamples = 0 }), Throws.Nothing);
    }

    [Test]
    public void A_folder_that_cannot_be_written_is_named()
    {
        build.Write("file", "");
        string folder = Path.Combine(build.Folder, "file", "below");
        Network network = Net(Arithmetic.Fused, 2, 3);
        Assert.That(() => CExporter.Write(network, folder), Throws.InstanceOf<IOException>().With.Message.Contains(folder));
    }

    [Test]
    public void A_folder_is_created_and_the_paths_are_returned()
    {
        string folder = Path.Combine(build.Folder, "new", "folder");
        IReadOnlyList<string> paths = CExporter.Write(Net(Arithmetic.Fused, 2, 3), folder);
        Assert.That(paths.Select(Path.GetFileName), Is.EqualTo(new[] { "model.h", "model.c", "model_weights.c", "model_selftest.c", "model.md" }));
        Assert.That(paths, Has.All.Exist);
    }

    private static Network Net(Arithmetic arithmetic, params int[] sizes) => Net(arithmetic, Layout.Padded, sizes);

    private static Network Net(Arithmetic arithmetic, Layout layout, params int[] sizes)
    {
        Sequential layers = new(sizes[0]);
        foreach (int size in sizes.AsSpan(1))
        {
            layers.Dense<Sigmoid>(size);
        }

        return layers.Compile(new NetworkOptions { Arithmetic = arithmetic, Layout = layout, Seed = 7 });
    }

    /// <summary>A user's own that is not element-wise.</summary>
    private sealed class Mine : Activation
    {
        public override string Name => "mine";

        public override bool KeepsInput => false;

        public override void Forward(Arithmetic arithmetic, int rows, int columns, int stride, ReadOnlySpan<float> z, Span<float> a) => z.CopyTo(a);

        public override void Backward(
            Arithmetic arithmetic, int rows, int columns, int stride, ReadOnlySpan<float> z, ReadOnlySpan<float> a, Span<float> delta)
        {
        }

        public override void ForwardScalar(Arithmetic arithmetic, int rows, int columns, int stride, ReadOnlySpan<float> z, Span<float> a) =>
            z.CopyTo(a);

        public override void BackwardScalar(
            Arithmetic arithmetic, int rows, int columns, int stride, ReadOnlySpan<float> z, ReadOnlySpan<float> a, Span<float> delta)
        {
        }

        public override void ForwardScalar(int rows, int columns, int stride, ReadOnlySpan<double> z, Span<double> a) => z.CopyTo(a);

        public override void BackwardScalar(int rows, int columns, int stride, ReadOnlySpan<double> z, ReadOnlySpan<double> a, Span<double> delta)
        {
        }
    }
}
