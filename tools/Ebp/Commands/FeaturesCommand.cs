using System.CommandLine;
using System.Globalization;
using System.Text;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Tools.DataSources;
using EmbeddedBackprop.Tools.Output;
using EmbeddedBackprop.Tools.Recipes;

namespace EmbeddedBackprop.Tools.Commands;

/// <summary>ebp features: what a net makes of a recording before its first trained layer.</summary>
internal static class FeaturesCommand
{
    /// <summary>The ops of a front end, by their names in a net's text.</summary>
    private static readonly string[] FrontEnd =
    [
        "preemphasis", "frames", "window", "rfft", "magnitude", "power", "mel", "bands", "goertzel", "biquad", "decimate", "statistics", "log", "dct",
    ];

    public static Command Create()
    {
        Command command = new(
            "features",
            "Shows what a model that was trained on recordings sees of one: the value after its last op on signals, as a table or a spectrogram.");
        Argument<string> model = ModelArgument.Create();
        Argument<string> recording = new("FILE") { Description = "The recording (or a folder, or a .zip of them)." };
        command.Arguments.Add(model);
        command.Arguments.Add(recording);
        Option<string> index = new("--index") { HelpName = "N", Description = "The window from 0 on, cut as in training (default: 0)." };
        Option<string> node = new("--node")
        {
            HelpName = "NAME", Description = "The value that is shown, as ebp plan names it (default: that of the last op on signals).",
        };
        Option<string> output = new("--out") { HelpName = "FILE", Description = "The file: .csv, .svg or .html.", Required = true };
        Option<bool> force = OutputTarget.Force();
        Option<bool> json = Json.Option();
        command.Options.Add(index);
        command.Options.Add(node);
        command.Options.Add(output);
        command.Options.Add(force);
        command.Options.Add(json);
        command.SetAction(parsed => Run(
            parsed.GetRequiredValue(model), parsed.GetRequiredValue(recording), OptionText.Integer("index", parsed.GetValue(index), 0) ?? 0,
            parsed.GetValue(node), parsed.GetRequiredValue(output), parsed.GetValue(force), parsed.GetValue(json)));
        return command;
    }

    private static int Run(string path, string recording, int index, string? wanted, string output, bool force, bool json)
    {
        string kind = Path.GetExtension(output).ToUpperInvariant();
        if (kind is not (".CSV" or ".SVG" or ".HTML"))
        {
            throw ToolException.Usage($"--out: expected a name that ends in .csv, .svg or .html, got '{output}'");
        }

        SavedModel model = ModelStore.Load(path);
        if (model.Recipe.Get(TrainOptions.Data)?.Source is not RecordingSource source)
        {
            throw ToolException.Usage($"{path}: the model was not trained on recordings");
        }

        _ = model.RequireFloat(path, "its features are those of the float model that it was made of");
        OutputTarget.CheckFeatures(output, force);
        List<RecordingWindow> windows = source.Unlabelled(model.Recipe, recording);
        if (index >= windows.Count)
        {
            throw ToolException.Usage($"--index: {index} is not among the {windows.Count} windows (0 to {windows.Count - 1})");
        }

        Graph graph = NetRecipe.BuildGraph(model.File.Net, null);
        Node shown = wanted is null ? LastOfFrontEnd(graph) : Named(graph, wanted);
        FeatureText text = Compute(graph, shown, windows[index], model.Recipe.Get(TrainOptions.Rate) ?? 0);
        if (kind != ".CSV" && text.Values.Length > FeatureText.MostCells)
        {
            throw ToolException.Usage($"--out: {text.Frames} x {text.Features} values are too many for a picture; .csv takes them");
        }

        byte[] bytes = Encoding.UTF8.GetBytes(kind == ".CSV" ? text.Table() : kind == ".SVG" ? text.Picture() : text.Page());
        OutputTarget.WriteFile(output, () => AtomicFile.Write(output, stream => stream.Write(bytes)));
        if (json)
        {
            JsonResult.Write(writer =>
            {
                writer.WriteString("command", "features");
                writer.WriteString("out", output);
                writer.WriteString("node", shown.Name);
                writer.WriteNumber("frames", text.Frames);
                writer.WriteNumber("features", text.Features);
            });
        }
        else
        {
            Console.Out.WriteLine(text.Title);
            Console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"written: {output} ({text.Frames} frames of {text.Features})"));
        }

        return ExitCode.Success;
    }

    /// <summary>The last op of the chain of ops on signals that begins at the input.</summary>
    private static Node LastOfFrontEnd(Graph graph)
    {
        HashSet<Node> front = [];
        Node? last = null;
        foreach (Node node in graph.Nodes)
        {
            bool moves = node.Op is null or Reshape;
            if ((moves || FrontEnd.Contains(node.Op!.Kind)) && node.Sources.All(front.Contains))
            {
                front.Add(node);
                last = moves ? last : node;
            }
        }

        return last ?? throw ToolException.Usage("--node: the net begins with no op on signals; --node names the value to show");
    }

    private static Node Named(Graph graph, string name)
    {
        foreach (Node node in graph.Nodes)
        {
            if (node.Op is not null && node.Name == name)
            {
                return node;
            }
        }

        throw ToolException.Usage(
            $"--node: there is no '{name}' (known: {string.Join(", ", graph.Nodes.Where(node => node.Op is not null).Select(node => node.Name))})");
    }

    /// <summary>The names of a value and of all that it is computed from.</summary>
    private static HashSet<string> Before(Graph graph, Node shown)
    {
        HashSet<Node> needed = [shown];
        foreach (Node node in graph.Nodes.Reverse())
        {
            if (needed.Contains(node))
            {
                needed.UnionWith(node.Sources);
            }
        }

        return [.. needed.Select(node => node.Name)];
    }

    private static FeatureText Compute(Graph graph, Node shown, RecordingWindow window, int rate)
    {
        Plan plan = Plan.ForInference(graph, new PlanOptions { Batch = 1, Layout = Layout.Compact }, shown);
        HashSet<string> before = Before(graph, shown);
        foreach (ParameterRange range in plan.Parameters)
        {
            // Ranges are named after their layers, as in dense1.weight.
            string layer = range.Name[..range.Name.LastIndexOf('.')];
            if (before.Contains(layer))
            {
                throw ToolException.Usage($"--node: {shown.Name} is after {layer}, which is trained; features are what goes before");
            }
        }

        float[] workspace = new float[plan.WorkspaceLength];
        window.Samples.CopyTo(plan.ValueSpan<float>(workspace, graph.Nodes[0], 1));
        plan.Forward(new PlanMemory<float>(new float[plan.ParameterLength], [], workspace, new float[plan.StateLength]), RunInfo.Single(1));
        float[] values = plan.ValueSpan<float>(workspace, shown, 1)[..shown.Shape.Length].ToArray();
        int frames = shown.Shape.Rank > 1 ? shown.Shape[0] : 1;

        // Steps in time are known where frames are cut from the samples themselves.
        Frames? cut = graph.Ops.OfType<Frames>().FirstOrDefault();
        double seconds = cut is null || rate == 0 || graph.Ops.Any(op => op is Decimate) ? 0 : (double)cut.Hop / rate;
        string title = string.Create(CultureInfo.InvariantCulture, $"{window.Recording}, window at {window.Second:0.###} s: {shown.Name}");
        return new FeatureText(title, values, frames, values.Length / frames, seconds);
    }
}
