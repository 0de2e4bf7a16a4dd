using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Export;

/// <summary>Inputs of the self-test and the outputs that the engine computes from them.</summary>
internal sealed class CGolden
{
    private static readonly float[] Edges =
        [0f, -0f, 1f, -1f, 1e-45f, -1e-40f, 1.17549435e-38f, 1e-20f, -1e-6f, 0.5f, 100f, -100f, 16777216f, -0.33333334f];

    public CGolden(Graph graph, Node input, Node output, PlanOptions options, CTable[] tables)
    {
        Samples = options.Batch;
        InputLength = input.Shape.Length;
        OutputLength = output.Shape.Length;
        Plan plan = Plan.ForInference(graph, options, output);
        float[] parameters = new float[plan.ParameterLength];
        for (int i = 0; i < tables.Length; i++)
        {
            tables[i].Values.CopyTo(parameters, plan.Parameters[i].Offset);
        }

        Inputs = new float[Samples * InputLength];
        for (int sample = 1; sample < Samples; sample++)
        {
            FillInput(sample, Inputs.AsSpan(sample * InputLength, InputLength));
        }

        float[] workspace = new float[plan.WorkspaceLength];
        Inputs.CopyTo(plan.ValueSpan(workspace.AsSpan(), input, Samples));
        plan.Forward(new PlanMemory<float>(parameters, [], workspace), RunInfo.Single(Samples));
        Outputs = plan.ValueSpan(workspace.AsSpan(), output, Samples).ToArray();
    }

    public int Samples { get; }

    public int InputLength { get; }

    public int OutputLength { get; }

    /// <summary>[samples][inputs]</summary>
    public float[] Inputs { get; }

    /// <summary>[samples][outputs]</summary>
    public float[] Outputs { get; }

    private static void FillInput(int sample, Span<float> input)
    {
        CounterRandom random = new(0, RandomPurpose.Check);
        random.FillUniform((uint)sample, 0, (sample & 1) != 0 ? 0f : -1f, 1f, input);
        if (sample == 3)
        {
            // Every other number is an edge value.
            for (int i = 0; i < input.Length; i += 2)
            {
                input[i] = Edges[i / 2 % Edges.Length];
            }
        }
    }
}
