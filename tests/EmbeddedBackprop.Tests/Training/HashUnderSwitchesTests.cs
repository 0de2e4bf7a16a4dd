using System.Collections.Concurrent;
using System.Diagnostics;
using System.Numerics;
using System.Runtime.Intrinsics;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Probe;

namespace EmbeddedBackprop.Tests.Training;

/// <summary>One weights hash for each arithmetic under every vector width that a switch of the runtime or of the engine can choose.</summary>
[Parallelizable(ParallelScope.Self)]
internal sealed class HashUnderSwitchesTests
{
    private const int Steps = 100;

    private static readonly ConcurrentDictionary<Arithmetic, (string Net, string Layers)> Twins = new();

    // Switch, its value, and the report that the process must then give: Vector<float>.Count, 256 bit, 512 bit, FMA, the engine's width.
    private static readonly TestCaseData[] Switches =
    [
        Case("none", "", 8, true, true, true, 512),
        Case("DOTNET_MaxVectorTBitWidth", "512", 16, true, true, true, 512),
        Case("DOTNET_MaxVectorTBitWidth", "128", 4, true, true, true, 512),
        Case("DOTNET_EnableAVX512", "0", 8, true, false, true, 256),
        Case("DOTNET_PreferredVectorBitWidth", "256", 8, true, false, true, 256),
        Case("DOTNET_EnableAVX2", "0", 4, false, false, false, 128),
        Case("DOTNET_EnableHWIntrinsic", "0", 4, false, false, false, 1),
        Case("DOTNET_TieredCompilation", "1", 8, true, true, true, 512),
        Case("DOTNET_TieredPGO", "0", 8, true, true, true, 512),
        Case("EBP_TILE", "1", 8, true, true, true, 1),
        Case("EBP_TILE", "128", 8, true, true, true, 128),
        Case("EBP_TILE", "256", 8, true, true, true, 256),
        Case("EBP_TILE", "512", 8, true, true, true, 512),
        Case("EBP_TILE", "any", 8, true, true, true, 0),
        Case("EBP_TILE=any DOTNET_MaxVectorTBitWidth", "512", 16, true, true, true, 0),
        Case("EBP_TILE=any DOTNET_MaxVectorTBitWidth", "128", 4, true, true, true, 0),
    ];

    [TestCaseSource(nameof(Switches))]
    public void Every_switch_gives_the_hash_of_the_scalar_twins(string name, string value, string report)
    {
        if (!Vector512.IsHardwareAccelerated)
        {
            Assert.Ignore("the widths that these switches lead to are listed for a processor with AVX-512");
        }

        string expected = report;
        foreach (Arithmetic arithmetic in Widths.Arithmetics)
        {
            (string twins, string layers) = Twins.GetOrAdd(arithmetic, one =>
                (HashRun.Train(one, Steps, Execution.Scalar).Hash, LayersRun.Train(one, WidthProbe.LayersSteps, Execution.Scalar)));
            expected += $"\n{arithmetic} {twins} {layers}";
        }

        using Process process = ChildProcess.Start(Environment(name, value), "hash", $"{Steps}");
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        ChildProcess.WaitForExit(process);
        Assert.That(output.Result.Trim(), Is.EqualTo(expected));
    }

    [Test]
    public void Every_width_of_this_processor_gives_the_hash_of_the_scalar_twins([Values] Arithmetic arithmetic)
    {
        string twins = HashRun.Train(arithmetic, Steps, Execution.Scalar).Hash;
        Widths.ForEach(width =>
            Assert.That(HashRun.Train(arithmetic, Steps).Hash, Is.EqualTo(twins), $"width {width}, Vector<float>.Count {Vector<float>.Count}"));
    }

    [Test]
    public void Convolutions_and_a_recurrent_layer_have_one_hash_at_every_width_layout_and_number_of_threads([Values] Arithmetic arithmetic)
    {
        // In one batch: a recurrent weight's sum runs over the samples inside and the steps outside, so parts of a batch would sum otherwise.
        string twins = LayersRun.Train(arithmetic, WidthProbe.LayersSteps, Execution.Scalar);
        Widths.ForEach(width =>
        {
            foreach ((int threads, Layout layout) in new[] { (1, Layout.Padded), (1, Layout.Compact), (3, Layout.Padded) })
            {
                string hash = LayersRun.Train(arithmetic, WidthProbe.LayersSteps, Execution.Vector, threads, layout);
                Assert.That(hash, Is.EqualTo(twins), $"width {width}, {threads} threads, {layout}");
            }
        });
        Assert.That(LayersRun.Train(arithmetic, WidthProbe.LayersSteps - 1, Execution.Scalar), Is.Not.EqualTo(twins), "the control: it sees a step");
    }

    [Test]
    public void The_hash_sees_a_single_step_and_the_arithmetic()
    {
        string hash = HashRun.Train(Arithmetic.Fused, Steps).Hash;
        Assert.That(HashRun.Train(Arithmetic.Fused, Steps - 1).Hash, Is.Not.EqualTo(hash));
        Assert.That(HashRun.Train(Arithmetic.Separate, Steps).Hash, Is.Not.EqualTo(hash));
    }

    private static TestCaseData Case(string name, string value, int count, bool has256, bool has512, bool fma, int width) =>
        new TestCaseData(name, value, $"{count} {has256} {has512} {fma} {width}").SetArgDisplayNames(name, value);

    private static IEnumerable<KeyValuePair<string, string>> Environment(string name, string value)
    {
        string[] parts = name.Split(' ');
        if (parts.Length == 2)
        {
            string[] first = parts[0].Split('=');
            yield return new(first[0], first[1]);
        }

        if (name != "none")
        {
            yield return new(parts[^1], value);
        }
    }
}
