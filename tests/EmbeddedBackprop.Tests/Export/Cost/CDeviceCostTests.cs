using System.Globalization;
using System.Text.RegularExpressions;
using EmbeddedBackprop.Activations;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Export;

/// <summary>
/// The cost of the exported C on a Cortex-M4F: bytes of code, and instructions counted in qemu. `experiment device` of the benchmarks prints more.
/// </summary>
[TestFixture]
[Parallelizable(ParallelScope.Self)]
internal sealed partial class CDeviceCostTests
{
    private const int WeightBytes = 95_440;

    private CBuild build = null!;

    [SetUp]
    public void CreateFolder() => build = new CBuild();

    [TearDown]
    public void DeleteFolder() => build.Dispose();

    [Test]
    public void Nielsens_net_is_its_weights_and_at_most_1500_bytes_of_code()
    {
        build.Export(Nielsen());
        long code = CodeBytes("net.c"), tables = CodeBytes("net_weights.c");
        TestContext.Out.WriteLine(FormattableString.Invariant($"code {code} bytes, tables {tables}"));
        Assert.That(tables, Is.EqualTo(WeightBytes));
        Assert.That(code, Is.LessThanOrEqualTo(1500));
    }

    [TestCase("-Os")]
    [TestCase("-O2")]
    public void Nielsens_net_takes_at_most_a_tenth_more_instructions_than_a_hand_written_loop(string options)
    {
        build.Export(Nielsen());
        (double exported, double written) = Measure(options);
        TestContext.Out.WriteLine(FormattableString.Invariant($"{exported} instructions, hand-written {written}: {exported / written:F3}"));
        Assert.That(exported, Is.LessThanOrEqualTo(1.1 * written));
    }

    [Test]
    public void A_small_convolution_net_takes_at_most_6_instructions_a_multiply_add()
    {
        Network network = NetCompiler.Compile(
            "x = input 1x28x28; conv 4 3x3 s2 relu; conv 8 3x3 s2 relu; dense 10",
            null,
            new NetworkOptions { Seed = 1 });
        build.Export(network);
        (double exported, _) = Measure("-Os");
        double each = exported / network.InferencePlan.MultiplyAdds;
        TestContext.Out.WriteLine(FormattableString.Invariant($"{exported} instructions, {each:F2} a multiply-add"));
        Assert.That(each, Is.LessThanOrEqualTo(6));
    }

    [Test]
    public void Control_a_slower_loop_is_noticed()
    {
        build.Export(Nielsen());
        string source = build.Read("net.c"), slow = SumOfRow().Replace(source, "{ volatile float slow = $1; $1 = slow; } $0");
        Assert.That(slow, Is.Not.EqualTo(source));
        build.Write("net.c", slow);
        (double exported, double written) = Measure("-Os");
        Assert.That(exported, Is.GreaterThan(1.1 * written));
    }

    [GeneratedRegex(@"(s\d+) = EBP_M\(xk, ")]
    private static partial Regex SumOfRow();

    private static Network Nielsen() =>
        new Sequential(784).Dense<Sigmoid>(30).Dense<Sigmoid>(10).Compile(new NetworkOptions { Arithmetic = Arithmetic.Fused, Seed = 7 });

    /// <summary>Code and constants of a file of the folder.</summary>
    private long CodeBytes(string file)
    {
        CDevice.CortexM4F.CompileObject(build, "-Os", file, "size.o");
        string size = Tools.RunChecked(build.Folder, Tools.Require("arm-none-eabi-size", "binutils-arm-none-eabi"), "size.o");
        string[] columns = size.Split('\n')[1].Split(['\t', ' '], StringSplitOptions.RemoveEmptyEntries);
        Assert.That(columns[1], Is.EqualTo("0"), "bytes that can be written");
        Assert.That(columns[2], Is.EqualTo("0"), "bytes that can be written");
        return long.Parse(columns[0], CultureInfo.InvariantCulture);
    }

    /// <summary>Instructions of one prediction of the exported net, and of the hand-written one where it is Nielsen's.</summary>
    private (double Exported, double Written) Measure(string options)
    {
        bool dense = build.Read("net.h").Contains("#define NET_FLASH_BYTES 95440\n", StringComparison.Ordinal);
        foreach (string file in new[] { "measure.c", "hand_written_dense.c", "hand_written_dense.h" })
        {
            CDevice.CopyFile(build, file);
        }

        string[] files = ["measure.c", "net.c", "net_weights.c", "net_selftest.c", .. dense ? new[] { "hand_written_dense.c" } : []];
        CDevice.CortexM4F.Compile(build, options + (dense ? " -DHAND_WRITTEN -lm" : ""), "program", files);
        Tools.Result result = CDevice.CortexM4F.Run(build, "program", counted: true);
        Assert.That(result.ExitCode, Is.Zero, result.Output);
        double[] counts =
        [
            .. result.Output.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).Select(word => (double)Convert.ToUInt32(word, 16)),
        ];
        return (counts[0], dense ? counts[1] : 0);
    }
}
