using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Data;
using EmbeddedBackprop.Export;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Quantization;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Export;

/// <summary>A network that a target cannot hold or compute is refused before a file is written; the message names the cause.</summary>
[TestFixture]
internal sealed class CTargetTests
{
    [Test]
    public void Every_target_is_found_by_its_name()
    {
        Assert.That(CTarget.All.Select(target => CTarget.Find(target.Name)), Is.EqualTo(CTarget.All));
        Assert.That(CTarget.All.Select(target => target.Name), Is.Unique.And.Contain("cortex-m4f").And.Contain("avr"));
        Assert.That(CTarget.Find("cortex-m5"), Is.Null);
        Assert.That(() => CTarget.Find(null!), Throws.ArgumentNullException);
    }

    [TestCase("CORTEX-M4F", "cortex-m4f")]
    [TestCase("m4f", "cortex-m4f")]
    [TestCase("CortexM0+", "cortex-m0plus")]
    [TestCase("m0+", "cortex-m0plus")]
    [TestCase("ESP32-C3", "esp32c3")]
    [TestCase("RV32IMAC", "rv32imac")]
    [TestCase("Arduino-is-none", null)]
    [TestCase("Nano", "uno")]
    [TestCase("ATmega328P", "uno")]
    [TestCase("nano_every", "nano-every")]
    public void A_target_is_found_by_the_ways_in_which_people_write_it(string written, string? name) =>
        Assert.That(CTarget.Find(written)?.Name, Is.EqualTo(name));

    [Test]
    public void A_board_has_the_memory_of_its_data_sheet()
    {
        Assert.That(
            CTarget.All.Where(target => target.FlashBytes > 0).Select(board => (board.Name, board.FlashBytes / 1024, board.RamBytes)),
            Is.EqualTo(new[]
            {
                ("uno", 32L, 2048L), ("leonardo", 32, 2560), ("mega2560", 256, 8192), ("atmega1284p", 128, 16384), ("nano-every", 48, 6144),
                ("attiny85", 8, 512),
            }));
        Assert.That(CTarget.All.Where(target => target.RamBytes > 0), Has.All.Matches<CTarget>(board => !board.AllowsFused));
    }

    [Test]
    public void Avr_alone_copies_constants_and_cannot_fuse_and_its_cycles_are_counted()
    {
        Assert.That(CTarget.All.Where(target => target.CopiesConstants).Select(target => target.Name), Is.EqualTo(
            new[] { "avr", "uno", "leonardo", "mega2560", "atmega1284p", "attiny85" }));
        Assert.That(CTarget.All.Where(target => !target.AllowsFused), Is.EqualTo(CTarget.All.Where(target => target.CountsCycles)));
        Assert.That(CTarget.All.Count(target => target.CountsCycles), Is.EqualTo(7));
        Assert.That(CTarget.All.Where(target => target.HasFusedInstruction).Select(target => target.Name), Is.EqualTo(
            new[] { "cortex-m4f", "cortex-m7", "cortex-m33", "rv32imafc", "esp32", "esp32s3" }));
    }

    [TestCase("cortex-m3")]
    [TestCase("cortex-m4f")]
    [TestCase("cortex-m7")]
    [TestCase("rv32imafc")]
    public void A_target_of_32_bits_changes_nothing_in_the_text(string target) =>
        Assert.That(Generate(target, Arithmetic.Fused, 20, 9, 2), Is.EqualTo(Generate(null, Arithmetic.Fused, 20, 9, 2)));

    [Test]
    public void Avr_has_no_fused_arithmetic_and_separate_is_offered()
    {
        Assert.That(
            () => Generate("avr", Arithmetic.Fused, 4, 2),
            Throws.InstanceOf<NotSupportedException>().With.Message.StartsWith("avr: ").And.Message.Contains("'separate'"));
        Assert.That(Generate("avr", Arithmetic.Separate, 4, 2), Has.Count.EqualTo(5));
    }

    [Test]
    public void A_table_above_what_avr_takes_is_refused_by_name()
    {
        Assert.That(
            () => Generate("avr", Arithmetic.Separate, 1024, 8),
            Throws
                .InstanceOf<NotSupportedException>()
                .With.Message.EqualTo(
                    "avr: dense1.weight [1024 inputs][8 outputs] takes 32,768 bytes, and an array there has at most 32,767; float16 or int8 would be smaller"
                ));
        Assert.That(Generate("avr", Arithmetic.Separate, 1023, 8), Has.Count.EqualTo(5));
    }

    [Test]
    public void A_table_of_integers_above_what_avr_takes_is_refused_without_an_offer()
    {
        using Network network = NetCompiler.Compile(
            "input 1024; dense 40", null, new NetworkOptions { Arithmetic = Arithmetic.Separate, Batch = 4 });
        FloatDataset samples = FloatDataset.Regression(Samples.Array(4 * 1024, 1), 1024, Samples.Array(4 * 40, 2), 40);
        using QuantizedModel model = Quantizer.Quantize(network, samples);
        Network integers = model.Network;
        Assert.That(
            () => CExporter.Generate(
                integers.InferencePlan, integers.Parameters, new CExportOptions { Target = CTarget.Find("avr") }, state: integers.State),
            Throws.InstanceOf<NotSupportedException>().With.Message.EndsWith("takes 40,960 bytes, and an array there has at most 32,767"));
    }

    [TestCase(1, "the self-test's 1 samples of x takes 32,768 bytes")]
    [TestCase(4, "the arena takes 32,768 bytes")]
    public void Every_other_array_is_checked_too(int count, string what)
    {
        Graph graph = new();
        Node output = graph.Input(new Shape(8192 / count), "x");
        if (count > 1)
        {
            output = graph.Apply(new Concat(), [.. Enumerable.Repeat(graph.Apply(new Scale(2f), [output]), count)]);
            output = graph.Apply(new Slice(0, 1), [output]);
        }
        else
        {
            output = graph.Apply(new Scale(2f), [output]);
        }

        Plan plan = Plan.ForInference(graph, new PlanOptions { Arithmetic = Arithmetic.Separate }, output);
        Assert.That(
            () => CExporter.Generate(plan, [], new CExportOptions { Target = CTarget.Avr }),
            Throws.InstanceOf<NotSupportedException>().With.Message.StartsWith("avr: " + what));
    }

    [Test]
    public void The_self_test_of_many_inputs_has_as_many_samples_as_fit()
    {
        string text = Generate("avr", Arithmetic.Separate, 3000, 2).Single(file => file.Name == "model_selftest.c").Text;
        Assert.That(text, Does.Contain("#define MODEL_SAMPLES 2u\n"));
    }

    private static IReadOnlyList<(string Name, string Text)> Generate(string? target, Arithmetic arithmetic, params int[] sizes)
    {
        Sequential layers = new(sizes[0]);
        foreach (int size in sizes.AsSpan(1))
        {
            layers.Dense<Sigmoid>(size);
        }

        Network network = layers.Compile(new NetworkOptions { Arithmetic = arithmetic, Seed = 2 });
        return CExporter.Generate(
            network.InferencePlan,
            network.Parameters,
            new CExportOptions { Target = target is null ? null : CTarget.Find(target)! });
    }
}
