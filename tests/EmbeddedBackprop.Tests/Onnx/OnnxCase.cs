using EmbeddedBackprop.Onnx;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Onnx;

/// <summary>A network as a file of ONNX, samples, and the engine's results.</summary>
internal sealed class OnnxCase
{
    private readonly Node[] outputs;

    /// <param name="name">What a message calls it.</param>
    /// <param name="plan">A plan of one sample.</param>
    /// <param name="parameters">In the plan's layout.</param>
    /// <param name="state">In the plan's layout.</param>
    /// <param name="samples">How many samples.</param>
    /// <param name="values">The values of one input of one sample.</param>
    public OnnxCase(string name, Plan plan, float[] parameters, float[] state, int samples, Func<Node, int, float[]> values)
    {
        Name = name;
        Samples = samples;
        Model = OnnxExporter.ToArray(plan, parameters, state);
        HashSet<Node> read = [.. plan.Steps.ToArray().SelectMany(step => step.InputNodes), .. plan.Outputs];
        Inputs = [.. plan.Graph.Nodes.Where(node => node.Op is null && read.Contains(node))];
        outputs = [.. plan.Outputs.Distinct()];
        OutputNames = [.. outputs.Select(node => node.Op is null ? node.Name + ".output" : node.Name)];
        Data = [.. Inputs.Select(input => (float[])[.. Enumerable.Range(0, samples).SelectMany(i => values(input, i))])];
        Results = Run(plan, parameters, state);
    }

    private OnnxCase(OnnxCase other, string output, byte[] model)
    {
        (Name, Samples, outputs, Results, Model) = (other.Name, other.Samples, other.outputs, other.Results, model);
        HashSet<string> read = [.. OnnxReader.Read(model, Name).Graph.Inputs.Select(input => input.Name)];
        int[] kept = [.. Enumerable.Range(0, other.Inputs.Length).Where(i => read.Contains(other.Inputs[i].Name))];
        Inputs = [.. kept.Select(i => other.Inputs[i])];
        Data = [.. kept.Select(i => other.Data[i])];
        OutputNames = [output];
    }

    /// <summary>The same samples for a file that ends in one of the outputs.</summary>
    public OnnxCase EndingIn(string output, byte[] model) => new(this, output, model);

    /// <summary>The prediction of a network for one sample at a time.</summary>
    public static OnnxCase Of(string name, Network network, int samples, Func<Node, int, float[]> values) =>
        new(name, network.InferencePlan, network.Parameters.ToArray(), network.State.ToArray(), samples, values);

    public string Name { get; }

    public int Samples { get; }

    /// <summary>The file.</summary>
    public byte[] Model { get; set; }

    public Node[] Inputs { get; private init; }

    /// <summary>For each input the values of all samples.</summary>
    public float[][] Data { get; private init; }

    /// <summary>The names of the outputs in the file.</summary>
    public string[] OutputNames { get; private init; }


    /// <summary>For each output the values of all samples.</summary>
    public float[][] Results { get; }

    private float[][] Run(Plan plan, float[] parameters, float[] state)
    {
        float[] workspace = new float[plan.WorkspaceLength], kept = [.. state];
        float[][] results = [.. outputs.Select(node => new float[Samples * node.Shape.Length])];
        for (int sample = 0; sample < Samples; sample++)
        {
            for (int i = 0; i < Inputs.Length; i++)
            {
                int length = Inputs[i].Shape.Length;
                Data[i].AsSpan(sample * length, length).CopyTo(plan.ValueSpan<float>(workspace, Inputs[i], 1));
            }

            plan.Forward(new PlanMemory<float>(parameters, [], workspace, kept), RunInfo.Single(1));
            for (int i = 0; i < results.Length; i++)
            {
                int length = outputs[i].Shape.Length;
                plan.ValueSpan<float>(workspace, outputs[i], 1)[..length].CopyTo(results[i].AsSpan(sample * length));
            }
        }

        return results;
    }
}
