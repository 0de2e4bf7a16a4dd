using EmbeddedBackprop.Losses;

namespace EmbeddedBackprop.Tests.Ops;

/// <summary>The backward pass of a small graph from a drawn gradient of its output.</summary>
internal sealed record BackwardPass(Graph Graph, Node[] Inputs, Node Output, Arithmetic Arithmetic, Layout Layout, Execution Execution)
{
    /// <summary>Whether ops behave as in training.</summary>
    public bool Training { get; init; } = true;

    /// <summary>An input without gradient, and its values.</summary>
    public (Node Node, float[] Values)? Mask { get; init; }

    /// <summary>The gradients of all parameters and then of all inputs, from one logical batch in pieces.</summary>
    /// <param name="x">The values of each input, [batch, length].</param>
    /// <param name="batch">Samples.</param>
    /// <param name="pieces">Samples of each micro-batch.</param>
    /// <param name="prepare">Sets parameters and state, or another gradient.</param>
    public float[] Run(float[][] x, int batch, int[] pieces, Action<Memory> prepare)
    {
        Node given = Graph.Input(Output.Shape, "given"), target = Graph.Input(Output.Shape, "target");
        Node loss = Graph.Apply(new Loss<Quadratic>(), Graph.Apply(new GivenGradient(), Output, given), target);
        PlanOptions options = new() { Batch = batch, Arithmetic = Arithmetic, Layout = Layout, InputGradients = true };
        Plan plan = Plan.ForTraining(Graph, options, loss, Output);
        Memory memory = new(plan) { Gradient = Samples.Array(batch * Output.Shape.Length, 5) };
        int seed = 11;
        foreach (ParameterRange range in plan.Parameters)
        {
            range.CopyFrom<float>(Samples.Array(range.Count, seed++), memory.Parameters);
        }

        prepare(memory);
        float[] gradients = new float[plan.ParameterLength], workspace = new float[plan.WorkspaceLength];
        gradients.AsSpan().Fill(3f);
        workspace.AsSpan().Fill(-5f);
        List<float>[] dx = [.. Inputs.Select(_ => new List<float>())];
        int first = 0;
        foreach (int count in pieces)
        {
            for (int i = 0; i < Inputs.Length; i++)
            {
                Write(plan, workspace, Inputs[i], x[i], first, count);
            }

            if (Mask is (Node mask, float[] values))
            {
                Write(plan, workspace, mask, values, first, count);
            }

            Write(plan, workspace, given, memory.Gradient, first, count);
            Write(plan, workspace, target, new float[memory.Gradient.Length], first, count);
            RunInfo run = new(count, batch, first, Training);
            PlanMemory<float> spans = new(memory.Parameters, gradients, workspace, memory.State);
            plan.Forward(in spans, in run, Execution);
            memory.Output.AddRange(Golden.GoldenRows.Read(plan.ValueSpan<float>(workspace, Output, count), plan.Stride(Output), Output.Shape.Length));
            memory.BeforeBackward?.Invoke(workspace);
            plan.Backward(in spans, in run, Execution);
            for (int i = 0; i < Inputs.Length; i++)
            {
                Node input = Inputs[i];
                dx[i].AddRange(Golden.GoldenRows.Read(plan.GradientSpan<float>(workspace, input, count), plan.Stride(input), input.Shape.Length));
            }

            first += count;
        }

        List<float> result = [];
        foreach (ParameterRange range in plan.Parameters)
        {
            float[] tensor = new float[range.Count];
            range.CopyTo<float>(gradients, tensor);
            result.AddRange(tensor);
        }

        return [.. result, .. dx.SelectMany(values => values)];
    }

    private static void Write(Plan plan, float[] workspace, Node node, float[] values, int first, int count)
    {
        int length = node.Shape.Length;
        Golden.GoldenRows.Write(
            values.AsSpan(first * length, count * length), length, plan.ValueSpan<float>(workspace, node, count), plan.Stride(node));
    }

    /// <summary>What a run reads besides the inputs, and the output of its forward pass.</summary>
    internal sealed class Memory(Plan plan)
    {
        public Plan Plan { get; } = plan;

        public float[] Parameters { get; } = new float[plan.ParameterLength];

        public float[] State { get; } = new float[plan.StateLength];

        public required float[] Gradient { get; set; }

        public List<float> Output { get; } = [];

        /// <summary>Changes what the forward pass has left in the workspace.</summary>
        public Action<float[]>? BeforeBackward { get; set; }
    }
}
