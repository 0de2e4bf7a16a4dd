using System.Globalization;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using System.Text.RegularExpressions;
using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Data;
using EmbeddedBackprop.Export;
using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Export;

/// <summary>
/// What a product needs of its generated files: identity, labels, causes of failure, hooks, prepared bytes, several models in one unit.
/// </summary>
[TestFixture]
[Parallelizable(ParallelScope.Self)]
internal sealed partial class CTraceTests
{
    private const string SelfTestArguments = "output, arena";

    private CBuild build = null!;

    [SetUp]
    public void CreateFolder() => build = new CBuild();

    [TearDown]
    public void DeleteFolder() => build.Dispose();

    [TestCase(CStorage.Float32)]
    [TestCase(CStorage.Int8)]
    public void Header_and_program_name_the_network_and_the_engine(CStorage storage)
    {
        Network network = Classifier();
        CExporter.Write(network, build.Folder, new CExportOptions { Name = "net", Storage = storage });
        Assert.That(build.Read("net.h"), Does.Contain($"#define NET_MODEL_HASH \"{WeightsHash.Of(network)}\"\n"));
        Main("""
            if (strcmp(net_model_hash(), NET_MODEL_HASH) != 0) return 1;
            if (strcmp(net_engine_version(), NET_ENGINE_VERSION) != 0) return 2;
            if (net_format_version() != (uint32_t)NET_FORMAT_VERSION) return 3;
            return 0;
            """);
        Assert.That(Run("gcc -O1"), Is.Zero);

        // A header of another training is found.
        network.Parameters[0] += 1f;
        string source = build.Read("net.c");
        CExporter.Write(network, build.Folder, new CExportOptions { Name = "net", Storage = storage });
        build.Write("net.c", source);
        Assert.That(Run("gcc -O1"), Is.EqualTo(1));
    }

    [Test]
    public void The_version_is_that_of_the_engine() =>
        Assert.That(typeof(CExporter).Assembly.GetName().Version!.ToString(3), Is.EqualTo(CIdentity.EngineVersion));

    [TestCase(5, "")]
    [TestCase(5, "!(x <= output[best])|x >= output[best]")]
    [TestCase(5, "((bits & 0x7FFFFFFFu) <= 0x7F800000u) && |")]
    [TestCase(1, "")]
    [TestCase(1, "output[0] > 0.5f|output[0] >= 0.5f")]
    public void The_class_is_the_first_largest_output(int outputs, string planted)
    {
        Network network = new Sequential(3).Dense<Sigmoid>(outputs).Compile(new NetworkOptions { Seed = 2 });
        CExporter.Write(network, build.Folder, new CExportOptions { Name = "net", Labels = Letters(Math.Max(2, outputs)) });
        if (planted.Length > 0)
        {
            string[] parts = planted.Split('|');
            Assert.That(build.Read("net.c"), Does.Contain(parts[0]));
            build.Write("net.c", build.Read("net.c").Replace(parts[0], parts[1], StringComparison.Ordinal));
        }

        float[] values = [0f, -0f, 0.5f, 0.25f, 1f, -1f, float.NaN, float.PositiveInfinity, float.NegativeInfinity, 1e-45f];
        Random random = new(4);
        float[][] rows = [.. Enumerable.Range(0, 400).Select(i => (float[])[.. Enumerable.Range(0, outputs)
            .Select(k => i == 0 ? float.NaN : values[random.Next(values.Length)])])];
        string Bits(float x) => "0x" + BitConverter.SingleToUInt32Bits(x).ToString("X8", CultureInfo.InvariantCulture) + "u";
        Main($$"""
            static const uint32_t bits[{{rows.Length}}][{{outputs}}] = { {{string.Join(", ", rows.Select(row => $"{{ {string.Join(", ", row.Select(Bits))} }}"))}} };
            static const unsigned char expected[{{rows.Length}}] = { {{string.Join(", ", rows.Select(row => Accuracy.ClassOf(row)))}} };
            size_t i;
            for (i = 0u; i < {{rows.Length}}u; i++) {
                float row[{{outputs}}];
                (void)memcpy(row, bits[i], sizeof row);
                if (net_class(row) != (uint32_t)expected[i]) return 1;
            }
            return 0;
            """);
        Assert.That(Run("gcc -O2"), planted.Length == 0 ? Is.Zero : Is.EqualTo(1));
    }

    [Test]
    public void Labels_are_the_options_or_numbers_where_the_net_classifies()
    {
        string[] labels = ["a\"b\\c", "??/", "größe", "*/ int x;"];
        Network network = new Sequential(3).Dense<Sigmoid>(4).Compile(new NetworkOptions { Seed = 2 });
        CExporter.Write(network, build.Folder, new CExportOptions { Name = "net", Labels = labels });
        Assert.That(build.Read("net.h").All(char.IsAscii), Is.True);
        Main($$"""
            static const char *const labels[NET_CLASSES] = NET_LABELS;
            static const unsigned char third[] = { {{string.Join(", ", System.Text.Encoding.UTF8.GetBytes(labels[2]))}}, 0 };
            if (strcmp(labels[0], "a\"b\\c") != 0 || strcmp(labels[1], "?\?/") != 0 || strcmp(labels[3], "*/ int x;") != 0) return 1;
            return memcmp(labels[2], third, sizeof third) == 0 ? 0 : 2;
            """);
        Assert.That(Run("gcc -O1 -trigraphs"), Is.Zero);

        Assert.That(Header(Classifier()), Does.Contain("#define NET_LABELS { \"0\", \"1\", \"2\" }\n").And.Contain("uint32_t net_class("));
        Assert.That(Header(Classifier(), []), Does.Not.Contain("NET_LABELS").And.Not.Contain("net_class"));
        Assert.That(Header(network), Does.Not.Contain("net_class"), "four sigmoids may be anything");
        Network logit = new Sequential(3).Dense<Identity>(1).Compile<BinaryCrossEntropyWithLogits>(new NetworkOptions());
        Assert.That(Header(logit), Does.Contain("1 if the output is above 0.").And.Contain("{ \"0\", \"1\" }"));
        Assert.That(() => Header(network, ["one"]), Throws.ArgumentException.With.Message.Contains("4 outputs"));
        Assert.That(Header(Classifier(), Letters(3)), Does.Contain("{ \"A\", \"B\", \"C\" }"));
    }

    [TestCase("", "", 0)]
    [TestCase("net_weights.c", "0x1.|0x1.0", 1 + 8)]
    [TestCase("net.c", "z[j] = s0;|z[j] = s0 + 1.0f;", 8)]
    [TestCase("net_selftest.c", "#define EBP_M(a, b, c) EBP_FMAF(a, b, c)|#define EBP_M(a, b, c) (EBP_FMAF((a), (b), 0.0f) + (c))", 2)]
    [TestCase("net_selftest.c", "smallest * 0.5f|smallest * 0.0f", 4)]
    public void The_self_test_says_what_is_wrong(string file, string planted, int expected)
    {
        build.Export(new Sequential(20).Dense<Identity>(6).Compile(new NetworkOptions { Arithmetic = Arithmetic.Fused, Seed = 1 }));
        if (file.Length > 0)
        {
            string[] parts = planted.Split('|', 2);
            string good = build.Read(file);
            int at = good.IndexOf(parts[0], StringComparison.Ordinal);
            Assert.That(at, Is.Positive);
            build.Write(file, good[..at] + parts[1] + good[(at + parts[0].Length)..]);
        }

        build.Compile("gcc -O1 -DNET_SELFTEST_MAIN", "selftest", "net.c", "net_weights.c", "net_selftest.c");
        Assert.That(build.Run("selftest"), Is.EqualTo(expected));
        Main("return (int)net_check_tables();");
        Assert.That(Run("gcc -O1"), Is.EqualTo(expected & 1));
    }

    [TestCase("", 0)]
    [TestCase("model->step++;", 16)]
    public void A_training_that_differs_is_a_cause_of_its_own(string planted, int expected)
    {
        Network network = new Sequential(5).Dense<Tanh>(4).Dense<Identity>(2).Compile<MeanSquared>(new NetworkOptions { Seed = 1 });
        CExporter.Write(network, build.Folder, new CExportOptions { Name = "net", Training = CTrainingOptions.Of(network, 0.1f) });
        if (planted.Length > 0)
        {
            string good = build.Read("net.c");
            build.Write("net.c", good.Replace(planted, planted + "\n        model->memory[0] += 1.0f;", StringComparison.Ordinal));
        }

        build.Compile("gcc -O1 -DNET_SELFTEST_MAIN", "selftest", "net.c", "net_weights.c", "net_selftest.c");
        Assert.That(build.Run("selftest"), Is.EqualTo(expected));
    }

    [Test]
    public void A_program_that_checks_tables_alone_links_no_golden_input()
    {
        build.Export(new Sequential(784).Dense<Sigmoid>(3).Compile(new NetworkOptions { Seed = 1 }));
        long Size(string call)
        {
            build.Write("main.c", $$"""
                #include "net.h"
                static float output[3], arena[8];
                int main(void)
                {
                    (void)output;
                    (void)arena;
                    return (int){{call}};
                }

                """);
            CDevice.CortexM4F.Compile(
                build, "-Os -ffunction-sections -fdata-sections -Wl,--gc-sections", "program", "main.c", "net.c", "net_weights.c", "net_selftest.c");
            Tools.Result result = CDevice.CortexM4F.Run(build, "program");
            Assert.That(result.ExitCode, Is.Zero, result.Output);
            string[] columns = Tools.RunChecked(build.Folder, Tools.Require("arm-none-eabi-size", "binutils-arm-none-eabi"), "program")
                .Split('\n')[1].Split(['\t', ' '], StringSplitOptions.RemoveEmptyEntries);
            return long.Parse(columns[0], CultureInfo.InvariantCulture);
        }

        long tables = Size("net_check_tables()"), all = Size("net_selftest(output, arena)");
        TestContext.Out.WriteLine(FormattableString.Invariant($"{tables} bytes with the tables' check alone, {all} with the self-test"));
        Assert.That(all - tables, Is.GreaterThan(4 * 784 * 4), "the golden inputs");
    }

    [TestCase("gcc -O2", false)]
    [TestCase("clang -O1", true)]
    public void The_hook_is_called_after_every_step(string compiler, bool trains)
    {
        Network network = Classifier();
        CTrainingOptions? training = trains ? CTrainingOptions.Of(network, 0.1f) with { Optimizer = new EmbeddedBackprop.Optimizers.Adam() } : null;
        CExporter.Write(network, build.Folder, new CExportOptions { Name = "net", Training = training });
        build.Write("hook.h", "#ifndef HOOK_H\n#define HOOK_H\nvoid hook(unsigned int n);\n#define NET_STEP(n) hook(n)\n#endif\n");
        build.Write("hooked.c", "#include \"hook.h\"\n#include \"net.c\"\n");
        string calls = trains
            ? """
                static float memory[NET_TRAIN_FLOATS], target[NET_TARGETS];
                static net_model model;
                net_start(&model, memory);
                net_predict(&model, input, output);
                if (count != 2u) return 1;
                (void)net_train_step(&model, input, target);
            """
            : "    static float arena[NET_ARENA_FLOATS];\n    net_predict(input, output, arena);\n";
        build.Write("main.c", $$"""
            #include <string.h>
            #include "hook.h"
            #include "net.h"
            static unsigned int count;
            void hook(unsigned int n)
            {
                count = n == count + 1u ? n : 1000u;
            }
            int main(void)
            {
                static const char *const names[NET_STEPS] = NET_STEP_NAMES;
                static float input[NET_INPUTS], output[NET_OUTPUTS];
            {{calls}}    return count == NET_STEPS && strcmp(names[0], "dense1") == 0 ? 0 : 2;
            }

            """);
        build.Compile(compiler, "program", "main.c", "hooked.c", "net_weights.c");
        Assert.That(build.Run("program"), Is.Zero);
        Assert.That(
            build.Read("net.h"),
            Does.Contain(trains ? "\"update\" }" : "#define NET_STEP_NAMES { \"dense1\", "));
    }

    [Test]
    public void The_page_s_profiler_prints_a_time_for_each_layer()
    {
        string page = File.ReadAllText(Path.Combine(Repository.Root, "docs", "c-export.md"));
        build.Write("profile.c", page.Split("```c\n").Single(block => block.StartsWith("/* profile.c", StringComparison.Ordinal)).Split("```")[0]);
        build.Export(Classifier());
        build.Compile("gcc -O2", "program", "profile.c", "net_weights.c");
        string[] lines = Tools.RunChecked(build.Folder, Path.Combine(build.Folder, "program")).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.That(lines, Has.Length.EqualTo(2));
        Assert.That(lines[0], Does.Match(@"^dense1 +[0-9.]+ us$"));
    }

    [TestCase("x = input 5x3; gru 4; dense 2", "/* input is a sequence of 5 steps, the earliest first: feature f of step t is element (t * 3u) + f.")]
    [TestCase("x = input 5x3; activate tanh; mean-time; dense 2", "/* input is a sequence of 5 steps")]
    [TestCase("x = input 5x3; gru 4; y = dense 2 softmax", "/* output: probabilities (softmax); they sum to 1, but for rounding. */")]
    [TestCase("x = input 5; y = dense 3 softmax", "/* output: probabilities (softmax)")]
    public void The_header_says_the_order_of_a_sequence_and_what_is_a_probability(string net, string expected) =>
        Assert.That(Header(NetCompiler.Compile(net, null, new NetworkOptions())), Does.Contain(expected));

    [TestCase("x = input 5x3; flatten; dense 2", "is a sequence")]
    [TestCase("x = input 1x5x3; conv 2 3x3; flatten; dense 2", "is a sequence")]
    [TestCase("x = input 5; y = dense 3 sigmoid", "probabilities")]
    [TestCase("x = input 5; z = dense 3; y = dense 2", "probabilities")]
    public void It_says_neither_of_other_nets(string net, string unexpected) =>
        Assert.That(Header(NetCompiler.Compile(net, null, new NetworkOptions())), Does.Not.Contain(unexpected));

    [Test]
    public void The_default_hook_costs_nothing()
    {
        build.Export(Classifier());
        build.Compile("gcc -O2 -c", "with.o", "net.c");
        string without = HookLine().Replace(build.Read("net.c"), "");
        Assert.That(without, Has.Length.LessThan(build.Read("net.c").Length));
        build.Write("net.c", without);
        build.Compile("gcc -O2 -c", "without.o", "net.c");
        Assert.That(File.ReadAllBytes(Path.Combine(build.Folder, "with.o")), Is.EqualTo(File.ReadAllBytes(Path.Combine(build.Folder, "without.o"))));
    }

    [TestCase("g++")]
    [TestCase("clang++")]
    public void Headers_are_good_for_C_plus_plus_11(string compiler)
    {
        string path = Tools.Require(compiler, compiler);
        Network network = Classifier();
        CTrainingOptions training = CTrainingOptions.Of(network, 0.1f);
        CExporter.Write(network, build.Folder, new CExportOptions { Name = "train", Training = training, ByteScale = ByteDataset.Scale });
        CExporter.Write(network, build.Folder, new CExportOptions { Name = "bytes", Storage = CStorage.Int8, Labels = Letters(3), ByteScale = 1f });
        Network gru = NetCompiler.Compile("x = input 5x3; m = input 5; gru 4 carry x m; dense 2 softmax", null, new NetworkOptions());
        CExporter.Write(gru, build.Folder, new CExportOptions { Name = "carried", Padding = SequencePadding.Start });
        CExporter.Write(network, build.Folder, new CExportOptions { Name = "apart", Storage = CStorage.Float16, BinaryWeights = true });
        string[] options = ["-std=c++11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only"];
        build.Write("all.cpp", """
            #include "train.h"
            #include "bytes.h"
            #include "carried.h"
            #include "apart.h"
            static const float rate = TRAIN_LEARNING_RATE;
            int main() { return rate > 0.0f ? 0 : 1; }

            """);
        Tools.RunChecked(build.Folder, path, [.. options, "all.cpp"]);

        // Control: a hexadecimal float is C++17.
        build.Write("train.h", build.Read("train.h").Replace("RATE 0.1f", "RATE 0x1.99999ap-4f", StringComparison.Ordinal));
        Assert.That(Tools.Run(build.Folder, path, [.. options, "all.cpp"]).ExitCode, Is.Not.Zero);
    }

    [TestCase("gcc -O2")]
    [TestCase("clang -O1")]
    [TestCase("gcc -O2 -mfma", Category = "Slow")]
    [TestCase("clang -O2 -mfma", Category = "Slow")]
    public void Three_models_are_good_in_one_unit(string compiler)
    {
        if (compiler.Contains("fma", StringComparison.Ordinal) && !Fma.IsSupported)
        {
            Assert.Ignore("for x86 processors with FMA");
        }

        ExportThree();
        build.Compile(compiler, "program", "one.c");
        Assert.That(build.Run("program"), Is.Zero);
    }

    [Test]
    public void Control_macros_that_are_left_behind_clash()
    {
        ExportThree();
        foreach (string file in Directory.GetFiles(build.Folder, "*.c").Select(path => Path.GetFileName(path)!))
        {
            build.Write(file, UndefLine().Replace(build.Read(file), ""));
        }

        Assert.That(() => build.Compile("gcc -O1", "program", "one.c"), Throws.Exception);
    }

    [TestCase(false)]
    [TestCase(true)]
    public void Bytes_are_prepared_as_in_training(bool standardizes)
    {
        const int Inputs = 256;
        byte[] bytes = [.. Enumerable.Range(0, Inputs).Select(i => (byte)i)];
        ByteDataset data = new(bytes, [0], Inputs, 2);
        Network network = new Sequential(Inputs).Dense<Sigmoid>(2).Compile(new NetworkOptions { Seed = 1 });
        float[] means = Samples.Array(Inputs, 4), scales = Samples.Array(Inputs, 5), expected = new float[Inputs];
        data.Gather([0], expected, Inputs, default, 0);
        if (standardizes)
        {
            new Standardizer(means, scales).Apply(expected);
        }

        CExporter.Write(network, build.Folder, new CExportOptions
        {
            Name = "net", ByteScale = ByteDataset.Scale, InputMeans = standardizes ? means : [], InputScales = standardizes ? scales : [],
        });
        Main("""
            static unsigned char bytes[NET_INPUTS];
            static float input[NET_INPUTS];
            size_t i;
            FILE *out = fopen("out.bin", "wb");
            for (i = 0u; i < NET_INPUTS; i++) bytes[i] = (unsigned char)i;
            net_prepare_bytes(bytes, input);
            return out != NULL && fwrite(input, sizeof *input, NET_INPUTS, out) == NET_INPUTS && fclose(out) == 0 ? 0 : 1;
            """);
        Assert.That(Run("gcc -O2"), Is.Zero);
        float[] prepared = MemoryMarshal.Cast<byte, float>(File.ReadAllBytes(Path.Combine(build.Folder, "out.bin"))).ToArray();
        Bits.AssertEqual(prepared, expected, "all bytes");

        // Control: a division has other bits.
        string good = build.Read("net.c"), divided = good.Replace("* NET_BYTE_SCALE", "/ 255.0f", StringComparison.Ordinal);
        Assert.That(divided, Is.Not.EqualTo(good));
        build.Write("net.c", divided);
        Assert.That(Run("gcc -O2"), Is.Zero);
        Assert.That(
            Bits.FirstDifference(MemoryMarshal.Cast<byte, float>(File.ReadAllBytes(Path.Combine(build.Folder, "out.bin"))), expected),
            Is.Not.Negative);
    }

    [Test]
    public void The_header_says_how_sequences_are_filled_up_and_what_a_mask_means()
    {
        Network network = NetCompiler.Compile("x = input 5x2; m = input 5; gru 3 x m; dense 2", null, new NetworkOptions());
        CExporter.Write(network, build.Folder, new CExportOptions
        {
            Name = "net", Padding = SequencePadding.End, InputMeans = new float[10], InputScales = [.. Enumerable.Repeat(2f, 10)],
        });
        Assert.That(
            build.Read("net.h"),
            Does.Contain("filled up with zeros after its last step, as in training. Fill up after net_prepare: a zero is then the mean")
                .And.Contain("/* m is a mask: above 0"));
    }

    private static Network Classifier() =>
        new Sequential(8).Dense<Sigmoid>(6).Dense(3, new Softmax()).Compile(new SoftmaxCrossEntropy(), new NetworkOptions { Seed = 3 });

    private static string[] Letters(int count) => [.. Enumerable.Range(0, count).Select(i => ((char)('A' + i)).ToString())];

    private string Header(Network network, IReadOnlyList<string>? labels = null)
    {
        CExporter.Write(network, build.Folder, new CExportOptions { Name = "net", Labels = labels });
        return build.Read("net.h");
    }

    /// <summary>A fused, a separate and a learning model, with their self-tests, in one C file.</summary>
    private void ExportThree()
    {
        NetworkOptions rounds = new() { Arithmetic = Arithmetic.Fused, Seed = 1 }, twice = new() { Arithmetic = Arithmetic.Separate, Seed = 2 };
        Network fused = new Sequential(7).Dense<Tanh>(6).Dense(3, new Softmax()).Compile(rounds);
        Network separate = NetCompiler.Compile("x = input 4x2; gru 3; layernorm; dense 2", null, twice);
        Network learns = new Sequential(5).Dense<Gelu>(4).Dense(3, new Softmax())
            .Compile(new SoftmaxCrossEntropy(), new NetworkOptions { Arithmetic = Arithmetic.Fused, Seed = 3 });
        CExporter.Write(fused, build.Folder, new CExportOptions { Name = "first", Storage = CStorage.Float16 });
        CExporter.Write(separate, build.Folder, new CExportOptions { Name = "second" });
        CExporter.Write(learns, build.Folder, new CExportOptions
        {
            Name = "third", Training = CTrainingOptions.Of(learns, 0.1f) with { Optimizer = new EmbeddedBackprop.Optimizers.Adam(), Batch = 2 },
        });
        string[] names = ["first", "second", "third"];
        string files = string.Concat(
            names.SelectMany(name => new[] { "", "_weights", "_selftest" }.Select(part => $"#include \"{name}{part}.c\"\n")));
        build.Write("one.c", files + $$"""
            #include "third_storage.c"
            static float output[16], arena[4096];
            int main(void)
            {
                return (int)(first_selftest({{SelfTestArguments}}) | second_selftest({{SelfTestArguments}}) | third_selftest(arena));
            }

            """);
    }

    private void Main(string body) =>
        build.Write("main.c", $"#include <stdio.h>\n#include <string.h>\n#include \"net.h\"\n\nint main(void)\n{{\n{body}\n}}\n");

    private int Run(string compiler)
    {
        build.Compile(compiler, "program", "main.c", "net.c", "net_weights.c", "net_selftest.c");
        Tools.Result result = Tools.Run(build.Folder, Path.Combine(build.Folder, "program"));
        return result.ExitCode;
    }

    [GeneratedRegex(@"^ +NET_STEP\(.*\n", RegexOptions.Multiline)]
    private static partial Regex HookLine();

    [GeneratedRegex(@"^#undef .*\n", RegexOptions.Multiline)]
    private static partial Regex UndefLine();
}
