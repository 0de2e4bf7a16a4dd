using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Tests.Golden;

namespace EmbeddedBackprop.Tests.Ops;

/// <summary>A graph that ends in a quadratic loss, with its memory: its inputs and results are in compact order.</summary>
internal sealed class RecurrentNet
{
    private readonly int batch;
    private readonly Node output;
    private readonly Node target;
    private readonly Loss loss = new Loss<Quadratic>();
    private readonly Node[] inputs;

    public RecurrentNet(int batch, Func<Graph, Node> build, Arithmetic arithmetic = Arithmetic.Fused, Layout layout = Layout.Padded)
    {
        this.batch = batch;
        Graph graph = new();
        output = build(graph);
        inputs = [.. graph.Nodes.Where(node => node.Op is null)];
        target = graph.Input(output.Shape, "target");
        PlanOptions options = new() { Batch = batch, Arithmetic = arithmetic, Layout = layout, InputGradients = true };
        Plan = Plan.ForTraining(graph, options, graph.Apply(loss, output, target), output);
        Parameters = new float[Plan.ParameterLength];
        Gradients = new float[Plan.ParameterLength];
        Workspace = new float[Plan.WorkspaceLength];
        State = new float[Plan.StateLength];
        Plan.InitializeState<float>(State);
        int seed = 1;
        foreach (ParameterRange range in Plan.Parameters)
        {
            range.CopyFrom<float>([.. Samples.Array(range.Count, seed++).Select(w => 0.7f * w)], Parameters);
        }
    }

    public Plan Plan { get; }

    public float[] Parameters { get; }

    public float[] Gradients { get; }

    public float[] Workspace { get; }

    public float[] State { get; }

    /// <summary>Every tensor's gradient in compact order, by name.</summary>
    public Dictionary<string, float[]> CompactGradients => Plan.Parameters.ToArray().ToDictionary(range => range.Name, range =>
    {
        float[] tensor = new float[range.Count];
        range.CopyTo<float>(Gradients, tensor);
        return tensor;
    });

    /// <summary>The output, [batch, length]; the inputs in the order in which the graph has them.</summary>
    public float[] Forward(Execution execution, params float[][] values)
    {
        for (int i = 0; i < inputs.Length; i++)
        {
            Write(inputs[i], values[i]);
        }

        RunInfo run = RunInfo.Single(batch, training: true);
        Plan.Forward(Memory, in run, execution);
        return Read(Plan.ValueSpan<float>(Workspace, output, batch), output);
    }

    /// <summary>Forward and backward pass. Of the loss only the output's gradient matters: (output - target) / batch.</summary>
    public void Train(Execution execution, float[] y, params float[][] values)
    {
        Write(target, y);
        _ = Forward(execution, values);
        RunInfo run = RunInfo.Single(batch, training: true);
        Plan.Backward(Memory, in run, execution);
    }

    /// <summary>One pass over memory that holds the values of the last one: nothing may be allocated.</summary>
    public void Again()
    {
        RunInfo run = RunInfo.Single(batch, training: true);
        Plan.Forward(Memory, in run);
        Plan.Backward(Memory, in run);
    }

    public float[] InputGradient(int index) => Read(Plan.GradientSpan<float>(Workspace, inputs[index], batch), inputs[index]);

    private PlanMemory<float> Memory => new(Parameters, Gradients, Workspace, State);

    private void Write(Node node, float[] values) =>
        GoldenRows.Write(values, node.Shape.Length, Plan.ValueSpan<float>(Workspace, node, batch), Plan.Stride(node));

    private float[] Read(ReadOnlySpan<float> rows, Node node) => GoldenRows.Read(rows, Plan.Stride(node), node.Shape.Length);
}
