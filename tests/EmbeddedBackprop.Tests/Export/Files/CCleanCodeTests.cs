using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Export;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Optimizers;
using EmbeddedBackprop.Quantization;
using EmbeddedBackprop.Streaming;
using EmbeddedBackprop.Tests.Streaming;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Export;

/// <summary>
/// The findings of static analysers about the exported C: cppcheck with the MISRA rules, and Frama-C's proof that a dense net has no run-time error.
/// </summary>
[TestFixture]
[Parallelizable(ParallelScope.Self)]
internal sealed class CCleanCodeTests
{
    // Which of the parts between #if and #endif are read.
    private static readonly string[] Configuration =
        ["-D__STDC_VERSION__=199901L", "-DFLT_MANT_DIG=24", "-DDBL_MANT_DIG=53", "-DFLT_EVAL_METHOD=0", "-DEBP_PORTABLE"];

    private CBuild build = null!;

    [SetUp]
    public void CreateFolder() => build = new CBuild();

    [TearDown]
    public void DeleteFolder() => build.Dispose();

    [TestCase(Arithmetic.Separate, CStorage.Float32)]
    [TestCase(Arithmetic.Fused, CStorage.Int8, Category = "Slow")]
    public void Cppcheck_finds_nothing_in_a_dense_net_but_the_listed_deviations(Arithmetic arithmetic, CStorage storage)
    {
        ExportDense(arithmetic, storage);
        Assert.That(Findings("net.c", "net_selftest.c").Where(finding => !Allowed(finding)), Is.Empty);
    }

    [Test, Category("Slow")]
    public void Cppcheck_finds_nothing_in_any_op_but_the_listed_deviations([Values] Arithmetic arithmetic, [Values] CStorage storage)
    {
        foreach ((string name, string text) in new CZoo(1).Export(CZoo.Options(arithmetic, storage)))
        {
            build.Write(name, text);
        }

        Assert.That(Findings("zoo.c", "zoo_selftest.c").Where(finding => !Allowed(finding)), Is.Empty);
    }

    [TestCase("convolutions")]
    [TestCase("lstm")]
    [TestCase("carried", Category = "Slow")]
    [TestCase("masked", Category = "Slow")]
    [TestCase("tokens", Category = "Slow")]
    [TestCase("dense", Category = "Slow")]
    public void Cppcheck_finds_nothing_in_integers_but_the_listed_deviations(string name)
    {
        using Network network = CIntegerNets.Make(name);
        _ = CIntegerNets.Export(build, network, "net");
        Assert.That(Findings("net.c", "net_selftest.c").Where(finding => !Allowed(finding)), Is.Empty);
    }

    [TestCase(false)]
    [TestCase(true)]
    public void Cppcheck_finds_nothing_in_a_stream_but_the_listed_deviations(bool integers)
    {
        const string Net =
            "input 1x60; frames 16 hop 4; statistics rms peak; transpose; conv1d 4 3 causal relu; conv1d 4 3 s2 tanh; flatten; dense 3";
        using Network floats = StreamingNetworkTests.Compile(Net, Arithmetic.Separate);
        using QuantizedModel? quantized = integers ? Quantizer.Quantize(floats, StreamingNetworkTests.Calibration(floats)) : null;
        CExportOptions options = new() { Name = "net", SampleScale = 1f / 32768, Stream = new StreamOptions { Hop = 8 } };
        CExporter.Write(quantized?.Network ?? floats, build.Folder, options);
        Assert.That(build.Read("net.c"), Does.Contain("net_push_samples").And.Contain(integers ? "net_keep_i8" : "net_keep"));
        Assert.That(Findings("net.c", "net_selftest.c").Where(finding => !Allowed(finding)), Is.Empty);
    }

    [Test, Category("Slow")]
    public void Cppcheck_finds_nothing_in_a_training_step_but_the_listed_deviations([Values] Arithmetic arithmetic)
    {
        Network network = new Sequential(20)
            .Dense<Tanh>(9)
            .Dense<Sigmoid>(4)
            .Compile<Quadratic>(new NetworkOptions { Arithmetic = arithmetic, Seed = 7 });
        CExporter.Write(network, build.Folder, new CExportOptions { Name = "net", Training = CTrainingOptions.Of(network, 0.1f) });
        Assert.That(Findings("net.c", "net_selftest.c", "net_storage.c").Where(finding => !Allowed(finding)), Is.Empty);
    }

    [TestCase(false)]
    [TestCase(true)]
    public void Cppcheck_finds_nothing_in_the_storage_but_the_listed_deviations(bool plant)
    {
        Network network = new Sequential(5)
            .Dense<Tanh>(3)
            .Dense<Sigmoid>(2)
            .Compile<Quadratic>(new NetworkOptions { Optimizer = new Adam(), Seed = 7 });
        CExporter.Write(network, build.Folder, new CExportOptions { Name = "net", Training = CTrainingOptions.Of(network, 0.1f) });
        if (plant)
        {
            const string Choice = "uint32_t slot = 0u;", Planted = "uint32_t slot = (newest == 0u) ? 1u : 0u;";
            build.Write("net_storage.c", build.Read("net_storage.c").Replace(Choice, Planted, StringComparison.Ordinal));
        }

        Assert.That(Findings("net_storage.c").Where(finding => !Allowed(finding)), plant ? Has.Some.Contains("misra-c2012-10.6") : Is.Empty);
    }

    [Test]
    public void Cppcheck_finds_nothing_in_an_export_with_binary_weights_but_the_listed_deviations()
    {
        ExportDense(Arithmetic.Separate, CStorage.Float16, isBinary: true);
        Assert.That(Findings("net.c", "net_selftest.c").Where(finding => !Allowed(finding)), Is.Empty);
    }

    [TestCase("z[j] = s0;", "z[j++] = s0;", "misra-c2012-13.3")]
    [TestCase("size_t k;", "size_t k; int unused = 3;", "unreadVariable")]
    [TestCase("at += outputs;", "if (at != 0u) at += outputs;", "misra-c2012-15.6")]
    public void Control_cppcheck_finds_what_is_planted(string text, string planted, string finding)
    {
        ExportDense(Arithmetic.Separate, CStorage.Float32);
        Plant(text, planted);
        Assert.That(Findings("net.c").Where(found => !Allowed(found)), Has.Some.Contains(": " + finding + ":"));
    }

    [TestCase(Arithmetic.Separate, CStorage.Float32, 784, 30, 10)]
    [TestCase(Arithmetic.Separate, CStorage.Int8, 20, 31, 1, Category = "Slow")]
    [TestCase(Arithmetic.Fused, CStorage.Float32, 20, 31, 1, Category = "Slow")]
    [TestCase(Arithmetic.Fused, CStorage.Float16, 784, 30, 10, Category = "Slow")]
    public void Frama_C_proves_that_a_dense_net_has_no_run_time_error(Arithmetic arithmetic, CStorage storage, int inputs, int hidden, int outputs)
    {
        ExportDense(arithmetic, storage, inputs, hidden, outputs);
        List<string> alarms = Alarms(out string log);
        Assert.That(alarms, Is.Empty);
        Assert.That(log, Does.Contain("100% coverage"), "all functions were reached");
    }

    [TestCase("at += outputs;", "at += outputs + 1u;")]
    [TestCase("k < inputs; k++", "k <= inputs; k++")]
    public void Control_Frama_C_finds_what_is_planted(string text, string planted)
    {
        ExportDense(Arithmetic.Separate, CStorage.Float32, inputs: 20, hidden: 31, outputs: 1);
        Plant(text, planted);
        Assert.That(Alarms(out _), Is.Not.Empty);
    }

    private void ExportDense(Arithmetic arithmetic, CStorage storage, int inputs = 784, int hidden = 30, int outputs = 10, bool isBinary = false)
    {
        Network network = new Sequential(inputs)
            .Dense<Sigmoid>(hidden)
            .Dense<Sigmoid>(outputs)
            .Compile(new NetworkOptions { Arithmetic = arithmetic, Seed = 7 });
        CExporter.Write(network, build.Folder, new CExportOptions { Name = "net", Storage = storage, BinaryWeights = isBinary });
    }

    private void Plant(string text, string planted)
    {
        string source = build.Read("net.c");
        Assert.That(source, Does.Contain(text));
        build.Write("net.c", source.Replace(text, planted, StringComparison.Ordinal));
    }

    /// <summary>
    /// The findings of cppcheck about files, one line each: "file:line: rule: text". Tables in a file of their own are left out: a rule is checked at
    /// every number.
    /// </summary>
    private List<string> Findings(params ReadOnlySpan<string> files)
    {
        string cppcheck = Tools.Require("cppcheck", "cppcheck");
        Tools.Result result = Tools.Run(
            build.Folder, cppcheck,
            [
                .. Configuration, "--enable=warning,style,performance,portability", "--std=c99", "--addon=misra", "--suppress=missingIncludeSystem",
                "--template={file}:{line}: {id}: {message}", "-q", .. files,
            ]);
        Assert.That(result.ExitCode, Is.Zero, result.Output + result.Errors);
        return [.. result.Errors.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)];
    }

    /// <summary>The rules that docs/c-export.md lists with a reason, in the first column of a table.</summary>
    private static bool Allowed(string finding)
    {
        const string Rule = ": misra-c2012-";
        int at = finding.IndexOf(Rule, StringComparison.Ordinal);
        return at >= 0
            && File.ReadAllText(Path.Combine(Repository.Root, "docs", "c-export.md"))
                .Contains($"\n| {finding[(at + Rule.Length)..].Split(':')[0]} | ", StringComparison.Ordinal);
    }

    /// <summary>
    /// The alarms of Frama-C's value analysis over all inputs. Infinities and NaN are values here as they are for the engine; it proves
    /// memory, shifts, conversions, overflow of integers and that no memory is read before it is written.
    /// </summary>
    private List<string> Alarms(out string log)
    {
        string frama = Tools.Require("frama-c", "frama-c-base");
        build.Write("all_inputs.c", """
            #include "net.h"
            #include "__fc_builtin.h"

            int main(void)
            {
                float input[NET_INPUTS];
                float output[NET_OUTPUTS];
                float arena[NET_ARENA_FLOATS]; /* not written before: a read of it would be an alarm */
                size_t i;
                //@ loop unroll 784;
                for (i = 0u; i < NET_INPUTS; i++) {
                    input[i] = Frama_C_float_interval(-3.4e38f, 3.4e38f);
                }
                net_predict(input, output, arena);
                return 0;
            }

            """);
        log = Tools.RunChecked(
            build.Folder,
            frama,
            [
                "-eva",
                "-eva-precision",
                "3",
                "-warn-special-float",
                "none",
                "-eva-no-show-progress",
                "-cpp-extra-args=-I" + build.Folder,
                .. new[] { "all_inputs.c", "net.c", "net_weights.c" }.Select(file => Path.Combine(build.Folder, file)),
            ]);
        return [.. log.Split('\n').Where(line => line.Contains("[eva:alarm]", StringComparison.Ordinal))];
    }
}
