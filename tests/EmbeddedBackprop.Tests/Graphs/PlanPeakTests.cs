using System.Globalization;
using System.Text.RegularExpressions;
using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Export;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Tests.Export;
using EmbeddedBackprop.Tests.IO;

namespace EmbeddedBackprop.Tests.Graphs;

/// <summary>
/// The workspace of the nets of this test suite, compared with the most floats alive at one time, a lower bound of every placement. Random
/// graphs: <see cref="PlanCheckerTests"/>.
/// </summary>
internal sealed partial class PlanPeakTests
{
    private const double Allowed = 1.05;

    /// <summary>The nets that README and docs show, and those that the tests of the text form build.</summary>
    private static IEnumerable<string> Texts()
    {
        string[] files =
        [
            Path.Combine(Repository.Root, "README.md"),
            .. Directory.GetFiles(Path.Combine(Repository.Root, "docs"), "*.md").Order(StringComparer.Ordinal),
        ];
        foreach (string file in files)
        {
            foreach (Match match in Shown().Matches(File.ReadAllText(file)))
            {
                yield return match.Groups[1].Value.Replace('\n', ' ');
            }
        }

        System.Reflection.MethodInfo cases = typeof(NetTextTests).GetMethod(nameof(NetTextTests.A_text_becomes_a_graph_and_the_graph_the_text))!;
        foreach (TestCaseAttribute attribute in cases.GetCustomAttributes(typeof(TestCaseAttribute), inherit: false).Cast<TestCaseAttribute>())
        {
            string text = (string)attribute.Arguments[0]!;
            if (attribute.Arguments.Length == 1 || !((string)attribute.Arguments[1]!).StartsWith("nothing", StringComparison.Ordinal))
            {
                yield return text;
            }
        }
    }

    [Test]
    public void The_peak_of_every_net_is_within_five_per_cent_of_the_bound_or_the_table_says_why_not()
    {
        List<(double Ratio, string Net)> found = [];
        int nets = 0;
        foreach (string text in Texts().Distinct())
        {
            if (Build(text) is { } graph)
            {
                nets++;
                CheckExport(found, text, graph, [graph.Nodes[^1]]);
                Check(found, text, graph, graph.Nodes[^1]);
            }
        }

        CZoo zoo = new(1);
        foreach (Layout layout in (Layout[])[Layout.Padded, Layout.Compact])
        {
            Check(found, $"the zoo, {layout}", Plan.ForInference(zoo.Graph, new PlanOptions { Batch = 4, Layout = layout }, zoo.Outputs));
        }

        CheckExport(found, "the zoo", zoo.Graph, zoo.Outputs);
        Assert.That(nets, Is.GreaterThan(25));
        found.Sort((a, b) => b.Ratio.CompareTo(a.Ratio));
        TestContext.Out.WriteLine(
            string.Join(
                '\n',
                found.Select(entry => string.Create(CultureInfo.InvariantCulture, $"{entry.Ratio:F3} {entry.Net.ReplaceLineEndings(" ")}"))));
        Assert.That(found.Count(entry => entry.Ratio == 1), Is.GreaterThan(found.Count * 9 / 10));
    }

    [Test]
    public void A_table_without_its_reason_would_be_seen()
    {
        // The control: a plan above its bound, which the thousand random graphs have some of, and a table that says nothing.
        Plan? gaps = null;
        for (uint seed = 0; gaps is null; seed++)
        {
            RandomNetwork net = new(seed);
            Plan plan = Plan.ForTraining(net.Graph, net.Options(Layout.Compact) with { PlacementTries = 1 }, [.. net.Losses], net.Watched);
            gaps = plan.WorkspaceLength > plan.WorkspaceLowerBound ? plan : null;
        }

        Assert.That(SaysWhy(gaps, gaps.ToString()), Is.True);
        Assert.That(SaysWhy(gaps, gaps.ToString().Replace("leaves gaps", "", StringComparison.Ordinal)), Is.False);
    }

    private static void Check(List<(double Ratio, string Net)> found, string name, Graph graph, Node output)
    {
        foreach (Layout layout in (Layout[])[Layout.Padded, Layout.Compact])
        {
            foreach (int batch in (int[])[1, 32])
            {
                PlanOptions options = new() { Batch = batch, Layout = layout };
                Check(found, $"{name}, prediction, batch {batch}, {layout}", Plan.ForInference(graph, options, output));
                string suffix = $"{batch}{layout}";
                Node loss = graph.Apply(new Loss<Quadratic>(), output, graph.Input(output.Shape, "target" + suffix), "loss" + suffix);
                foreach (bool update in (bool[])[false, true])
                {
                    Plan plan = Plan.ForTraining(graph, options, loss);
                    if (update && !plan.CanUpdateInBackward)
                    {
                        continue;
                    }

                    plan = update ? Plan.ForTraining(graph, options with { UpdateInBackward = true }, loss) : plan;
                    Check(found, $"{name}, training{(update ? " without gradients kept" : "")}, batch {batch}, {layout}", plan);
                }
            }
        }
    }

    /// <summary>Exported predictions, with the input of the caller's and with the input in the arena.</summary>
    private static void CheckExport(List<(double Ratio, string Net)> found, string name, Graph graph, Node[] outputs)
    {
        foreach (bool inArena in (bool[])[false, true])
        {
            Plan plan = CExporter.PlanOf(Plan.ForInference(graph, new PlanOptions(), outputs), inArena);
            Check(found, $"{name}, exported{(inArena ? " with its input in the arena" : "")}: {4 * plan.WorkspaceLength} bytes", plan);
        }
    }

    private static void Check(List<(double Ratio, string Net)> found, string name, Plan plan)
    {
        Assert.That(SaysWhy(plan, plan.ToString()), Is.True, $"{name}\n{plan}");
        found.Add(((double)plan.WorkspaceLength / Math.Max(1, plan.WorkspaceLowerBound), name));
    }

    /// <summary>Whether the plan is near its bound, or the table gives the reason and how far it is above.</summary>
    private static bool SaysWhy(Plan plan, string table)
    {
        if (plan.WorkspaceLength <= Allowed * plan.WorkspaceLowerBound)
        {
            return plan.WorkspaceLength == plan.WorkspaceLowerBound || table.Contains("leaves gaps", StringComparison.Ordinal);
        }

        double above = 100.0 * (plan.WorkspaceLength - plan.WorkspaceLowerBound) / plan.WorkspaceLowerBound;
        return table.Contains(
            string.Create(CultureInfo.InvariantCulture, $"(+{above:F1} %: the order of lives leaves gaps"),
            StringComparison.Ordinal);
    }

    /// <summary>
    /// The net; with the input that an example's data would give where the text leaves it out; null where there is nothing to train.
    /// </summary>
    private static Graph? Build(string text)
    {
        Shape[] shapes = [new Shape(1, 28, 28), new Shape(32, 2), new Shape(16)];
        foreach (Shape shape in shapes)
        {
            try
            {
                Graph graph = NetText.Build(text, Registry.Activation, shape);
                return graph.Ops.Any(op => op.MultiplyAdds > 0) ? graph : null;
            }
            catch (FormatException)
            {
                // Another kind of sample.
            }
        }

        return null;
    }

    [GeneratedRegex("--net \"([^\"]+)\"")]
    private static partial Regex Shown();
}
