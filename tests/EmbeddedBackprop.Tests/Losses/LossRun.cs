using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Losses;

namespace EmbeddedBackprop.Tests.Losses;

/// <summary>A loss by itself: prediction and target are inputs of the graph, the prediction's gradient is asked for.</summary>
internal sealed class LossRun
{
    private readonly Node prediction;
    private readonly Node target;
    private readonly float[] workspace;

    public LossRun(Loss loss, int batch, int outputs, int targets, Arithmetic arithmetic = Arithmetic.Fused, Layout layout = Layout.Padded)
    {
        Graph graph = new();
        Loss = loss;
        prediction = graph.Input(new Shape(outputs), "prediction");
        target = graph.Input(new Shape(targets), "target");
        PlanOptions options = new() { Batch = batch, Arithmetic = arithmetic, Layout = layout, InputGradients = true };
        Plan = Plan.ForTraining(graph, options, graph.Apply(loss, prediction, target, "loss"));
        workspace = new float[Plan.WorkspaceLength];
        // The contents of padding and of fresh memory must not matter.
        workspace.AsSpan().Fill(7f);
    }

    public Loss Loss { get; }

    public Plan Plan { get; }

    public Dictionary<Node, float[]> Inputs(float[] a, float[] y) => new() { [prediction] = a, [target] = y };

    /// <summary>Loss and gradient of a batch, or of the part of a logical batch that begins at a sample offset.</summary>
    public (float Value, float[] Gradient) Compute(
        float[] a, float[] y, Execution execution = Execution.Vector, int logicalBatch = 0, int sampleOffset = 0)
    {
        int columns = prediction.Shape.Length, batch = a.Length / columns;
        Write(a, prediction);
        Write(y, target);
        RunInfo run = new(batch, logicalBatch == 0 ? batch : logicalBatch, sampleOffset, Training: true);
        PlanMemory<float> memory = new([], [], workspace);
        Plan.Forward(in memory, in run, execution);
        float value = Loss.Value(Plan.LossParts<float>(workspace), run.LogicalBatch);
        Plan.Backward(in memory, in run, execution);
        return (value, Golden.GoldenRows.Read(Plan.GradientSpan<float>(workspace, prediction, batch), Plan.Stride(prediction), columns));
    }

    private void Write(float[] values, Node node) =>
        Golden.GoldenRows.Write(
            values, node.Shape.Length, Plan.ValueSpan<float>(workspace, node, values.Length / node.Shape.Length), Plan.Stride(node));
}
