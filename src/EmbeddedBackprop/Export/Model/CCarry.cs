using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Export.Model;

/// <summary>
/// A network over sequences for one time step a call: recurrent layers carry their state, and every value over time, [T, features], becomes
/// [1, features].
/// </summary>
/// <remarks>
/// h(t) depends on x(t) and h(t-1) alone. So t calls give the bits of the network over t steps, as long as nothing looks at several steps at once;
/// an op that does is refused by name. The net's text is the copy of the graph: op by op it is what a model file keeps.
/// </remarks>
internal sealed class CCarry
{
    private readonly List<Node> nodes;
    private readonly HashSet<Node> overTime = [];

    /// <summary>Rewrites a network.</summary>
    /// <param name="source">An inference plan.</param>
    /// <param name="outputs">Its outputs.</param>
    /// <param name="parameters">The parameters in its layout.</param>
    /// <param name="state">The state in its layout.</param>
    /// <param name="options">The options of the export.</param>
    /// <exception cref="NotSupportedException">An op looks at several time steps at once; the message names it.</exception>
    public CCarry(Plan source, Node[] outputs, ReadOnlySpan<float> parameters, ReadOnlySpan<float> state, CExportOptions options)
    {
        if (options.Training is not null)
        {
            ExportErrors.CarryTrains();
        }

        nodes = NetText.Ancestors(outputs);
        Mark();
        Steps = CountSteps();
        List<NetStatement> statements = NetParser.Parse(NetText.Format(nodes));
        for (int i = 0; i < statements.Count; i++)
        {
            statements[i] = OneStep(nodes[i], statements[i]);
        }

        Graph graph = NetText.Build(statements, name => NetText.ActivationOf(nodes, name));
        Outputs = Array.ConvertAll(outputs, output => graph.Nodes.Single(node => node.Name == output.Name));
        PlanOptions planned = new() { Arithmetic = source.Options.Arithmetic, Layout = source.Options.Layout };
        Plan = Plan.ForInference(graph, planned, Outputs);
        Parameters = new float[Plan.ParameterLength];
        State = new float[Plan.StateLength];
        CWeights.Copy(source, parameters, state, Plan, Parameters, State);
        Node first = nodes.First(node => node.Op is null);
        Options = options with
        {
            InputMeans = OfOneStep(options.InputMeans, first), InputScales = OfOneStep(options.InputScales, first), Padding = null,
        };
    }

    /// <summary>The plan of one step.</summary>
    public Plan Plan { get; }

    /// <summary>Its outputs.</summary>
    public Node[] Outputs { get; }

    /// <summary>The parameters in its layout.</summary>
    public float[] Parameters { get; }

    /// <summary>The state in its layout.</summary>
    public float[] State { get; }

    /// <summary>The options, with the preparation of one step.</summary>
    public CExportOptions Options { get; }

    /// <summary>The time steps of the network before.</summary>
    public int Steps { get; }

    /// <summary>
    /// Finds the values over time: what recurrent layers read, and what ops that work step by step read and give beside such a value.
    /// </summary>
    private void Mark()
    {
        HashSet<Op> seen = [];
        foreach (Node node in nodes)
        {
            if (node.Op is Recurrent layer && (layer.Directions > 1 || !seen.Add(layer)))
            {
                ExportErrors.CarriesNot(
                    node.Name,
                    layer.Directions > 1 ? "reads the sequence from its end, too" : "is applied twice, with one state");
            }
        }

        if (seen.Count == 0)
        {
            ExportErrors.NothingToCarry();
        }

        int before;
        do
        {
            before = overTime.Count;
            foreach (Node node in nodes)
            {
                Mark(node);
            }
        }
        while (overTime.Count > before);
    }

    private void Mark(Node node)
    {
        if (node.Op is Recurrent layer)
        {
            overTime.UnionWith(layer.Options.AllSteps ? [.. node.Sources, node] : node.Sources);
        }
        else if (node.Op is not null && !IsLastStep(node) && (overTime.Contains(node) || node.Sources.Any(overTime.Contains)))
        {
            if (!WorksStepByStep(node))
            {
                ExportErrors.CarriesNot(node.Name, $"({node.Op.Kind}) looks at several time steps at once");
            }

            overTime.UnionWith([.. node.Sources, node]);
        }
    }

    private bool IsLastStep(Node node) =>
        node.Op is Slice { Count: 1 } slice && overTime.Contains(node.Sources[0]) && slice.First == node.Sources[0].Shape[0] - 1;

    private static bool WorksStepByStep(Node node) => node.Op switch
    {
        Activate or Add => ((IActivated)node.Op).Activation is not Softmax,
        Subtract or Multiply or Scale or Dropout or Embedding => true,
        LayerNorm norm => !norm.WholeSample && node.Shape.Rank == 2,
        SoftmaxOverLastAxis => node.Shape.Rank == 2,
        _ => false,
    };

    private int CountSteps()
    {
        Node first = overTime.First();
        foreach (Node node in overTime)
        {
            if (node.Shape[0] != first.Shape[0])
            {
                ExportErrors.CarriesNot(node.Name, $"has {node.Shape[0]} time steps, {first.Name} has {first.Shape[0]}");
            }
        }

        return first.Shape[0];
    }

    private NetStatement OneStep(Node node, NetStatement statement)
    {
        List<NetWord> words = [.. statement.Words];
        switch (node.Op)
        {
            case null when overTime.Contains(node):
                words[0] = words[0] with { Text = node.Shape.Rank == 1 ? "1" : "1x" + CText.Number(node.Shape[1]) };
                break;
            case Recurrent { Options.CarryState: false }:
                words.Add(new NetWord("carry", statement.Kind.Position, Quoted: false));
                break;
            case Slice when IsLastStep(node):
                words[0] = words[0] with { Text = "0" };
                break;
        }

        // The name is written out: a kind may become another one, and a default name with it.
        return statement with { Name = new NetWord(node.Name, statement.Kind.Position, Quoted: true), Words = words };
    }

    /// <summary>The figures of one step, where they were given for every step of the first input.</summary>
    private IReadOnlyList<float> OfOneStep(IReadOnlyList<float> figures, Node input)
    {
        int features = input.Shape.Length / Steps;
        if (!overTime.Contains(input) || figures.Count != input.Shape.Length)
        {
            return figures;
        }

        for (int i = features; i < figures.Count; i++)
        {
            if (figures[i] != figures[i - features])
            {
                ExportErrors.CarriesNot(input.Name, "is prepared differently from step to step");
            }
        }

        return [.. figures.Take(features)];
    }
}
