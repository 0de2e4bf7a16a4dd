using System.Text;
using EmbeddedBackprop.Export;
using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Tests.Golden;

namespace EmbeddedBackprop.Tests.Export;

/// <summary>
/// The networks of the golden cases, whose results PyTorch has confirmed, as C: each predicts and, where it has parameters, trains with the engine's
/// bits.
/// </summary>
[Parallelizable(ParallelScope.Self)]
internal sealed class CGoldenTests
{
    // The golden tests run once for all tests here.
    private static readonly Lazy<IReadOnlyList<GoldenExport.Case>> Cases = new(() =>
    {
        LayerTests layers = new();
        return GoldenExport.Collect(
        [
            new MlpTests().Dense_networks_agree_with_the_reference_in_both_arithmetics_at_every_width,
            new ConvTests().Convolutions_agree_with_the_reference_in_both_arithmetics_at_every_width,
            new ConvTests().A_small_lenet_agrees_with_the_reference_in_both_arithmetics_at_every_width,
            new RecurrentTests().Recurrent_layers_agree_with_the_reference_in_both_arithmetics_at_every_width,
            new DagTests().Concat_split_multiply_add, new DagTests().Two_heads_and_two_losses_with_weights,
            .. LayerTests.Types().Select(type => (Action)(() => layers.Agrees_with_the_reference_in_both_arithmetics_at_every_width(type))),
        ]);
    });

    [TestCase("gcc -O0")]
    [TestCase("gcc -O2", Category = "Slow")]
    public void Every_golden_network_predicts_and_trains_with_the_bits_of_the_engine(string compiler)
    {
        using CBuild build = new();
        string[] files = Export(build, Cases.Value, change: null);
        Assert.That(Cases.Value, Has.Count.GreaterThanOrEqualTo(30));
        build.Compile(compiler, "program", build.Together(files));
        Assert.That(build.Run("program"), Is.Zero, "the number of the first network that has other bits");
    }

    [TestCase("cortex-m4f"), TestCase("cortex-m7"), Category("Slow")]
    public void They_do_so_on_a_device(string name)
    {
        using CBuild build = new();
        string[] files = Export(build, Cases.Value, change: null);
        CDevice.All.Single(device => device.Name == name).RunChecked(build, "-Os", build.Together(files));
    }

    [Test]
    public void A_planted_mistake_shows()
    {
        using CBuild build = new();
        string[] files = Export(
            build,
            [.. Cases.Value.Where(golden => golden.Plan.Parameters.Length > 0).Take(3)],
            text => text.Replace("rate = model->learning_rate;", "rate = 1.01f * model->learning_rate;", StringComparison.Ordinal));
        build.Compile("gcc -O1", "program", files);
        Assert.That(build.Run("program"), Is.EqualTo(1), "the first network");
    }

    /// <summary>Writes all networks and a program that runs their self-tests.</summary>
    private static string[] Export(CBuild build, IReadOnlyList<GoldenExport.Case> cases, Func<string, string>? change)
    {
        List<string> files = ["main.c"];
        StringBuilder includes = new(), calls = new();
        for (int i = 0; i < cases.Count; i++)
        {
            string name = "g" + CText.Number(i);
            foreach ((string file, string text) in Generate(cases[i], name, out bool trains))
            {
                build.Write(file, change is null || file != name + ".c" ? text : change(text));
                if (file.EndsWith(".c", StringComparison.Ordinal))
                {
                    files.Add(file);
                }
                else if (file.EndsWith(".h", StringComparison.Ordinal))
                {
                    includes.Append($"#include \"{file}\" /* {cases[i].File} */\n");
                    int arguments = trains ? 1 : text.Split(name + "_selftest(")[^1].Split(')')[0].Split(',').Length;
                    calls.Append(
                        $"    if ({name}_selftest({string.Join(", ", Enumerable.Range(0, arguments).Select(k => $"memory[{k}]"))}) != 0u) return {i + 1};\n"
                    );
                }
            }
        }

        build.Write("main.c", $"{includes}\nstatic float memory[6][40000];\n\nint main(void)\n{{\n{calls}    return 0;\n}}\n");
        return [.. files];
    }

    private static IReadOnlyList<(string Name, string Text)> Generate(GoldenExport.Case golden, string name, out bool trains)
    {
        Plan plan = golden.Plan;
        trains = plan.Parameters.Length > 0;
        Plan inference = Plan.ForInference(
            plan.Graph,
            new PlanOptions
            {
                Arithmetic = plan.Options.Arithmetic,
                Layout = plan.Options.Layout,
                Batch = plan.Options.Batch,
            },
            [.. plan.Outputs]);
        CTrainingOptions? training = trains
            ? new CTrainingOptions
            {
                Losses = plan.Losses,
                Batch = 2,
                LearningRate = 0.05f,
                SelfTestSteps = 5,
            }
            : null;
        return CExporter.Generate(
            inference,
            golden.Parameters,
            new CExportOptions
            {
                Name = name,
                Training = training,
                SelfTestSamples = 3,
            },
            golden.State);
    }
}
