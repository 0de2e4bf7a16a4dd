using EmbeddedBackprop.IO;

namespace EmbeddedBackprop.Tests.Ops;

/// <summary>A net of ops on signals from its text, ready to be run on a signal.</summary>
internal sealed class FeatureNet
{
    private readonly Graph graph;
    private readonly float[] workspace;

    public FeatureNet(string text, Shape input, Arithmetic arithmetic)
    {
        graph = NetText.Build(text, Registry.Activation, input);
        Plan = Plan.ForInference(graph, new PlanOptions { Batch = 1, Arithmetic = arithmetic }, graph.Nodes[^1]);
        workspace = new float[Plan.WorkspaceLength];
    }

    public Plan Plan { get; }

    public Shape OutputShape => graph.Nodes[^1].Shape;

    /// <summary>The features of one signal.</summary>
    public float[] Run(ReadOnlySpan<float> signal, Execution execution = Execution.Vector)
    {
        Node input = graph.Nodes[0], output = graph.Nodes[^1];
        signal.CopyTo(Plan.ValueSpan<float>(workspace, input, 1));
        Plan.Forward(new PlanMemory<float>([], [], workspace), RunInfo.Single(1, training: false), execution);
        return Plan.ValueSpan<float>(workspace, output, 1)[..output.Shape.Length].ToArray();
    }
}
