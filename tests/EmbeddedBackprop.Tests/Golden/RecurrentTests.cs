using System.Text.Json;
using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Tests.Golden;

/// <summary>Recurrent layers with a dense head on the last step or on every step, against PyTorch in float64.</summary>
internal sealed class RecurrentTests
{
    private static readonly (string Golden, string Ours)[] Tensors =
    [
        ("rnn.weight_ih_l0", "layer.weight_ih"),
        ("rnn.weight_hh_l0", "layer.weight_hh"),
        ("rnn.bias_ih_l0", "layer.bias_ih"),
        ("rnn.bias_hh_l0", "layer.bias_hh"),
        ("head.weight", "head.weight"),
        ("head.bias", "head.bias"),
    ];

    [Test]
    public void Recurrent_layers_agree_with_the_reference_in_both_arithmetics_at_every_width()
    {
        GoldenErrors errors = new();
        foreach (string file in GoldenFolder.Recurrent.SelectMany(GoldenFolder.Files))
        {
            Check(file, errors, sabotage: false);
        }

        errors.AssertSmall("recurrent");
    }

    [Test]
    public void Exchanged_gates_are_caught()
    {
        GoldenErrors errors = new();
        Check(GoldenFolder.Files("lstm")[0], errors, sabotage: true);
        Assert.That(() => errors.AssertSmall("sabotaged"), Throws.InstanceOf<MultipleAssertException>().Or.InstanceOf<AssertionException>());
    }

    private static void Check(string file, GoldenErrors errors, bool sabotage)
    {
        string where = Path.GetFileNameWithoutExtension(file);
        using JsonDocument document = GoldenFolder.Read(file);
        JsonElement root = document.RootElement;
        GoldenJson.OnlyFields(root, where, "about", "spec", "loss", "params", "inputs", "target", "output", "loss_value", "grads", "input_grads");
        foreach (Arithmetic arithmetic in Widths.Arithmetics)
        {
            foreach (Layout layout in new[] { Layout.Padded, Layout.Compact })
            {
                Widths.ForEach(width =>
                    Run(root, where, arithmetic, layout, Execution.Vector, $"{where} {arithmetic} {layout} width {width}", errors, sabotage));
            }

            Run(root, where, arithmetic, Layout.Padded, Execution.Scalar, $"{where} {arithmetic} scalar", errors, sabotage);
        }
    }

    private static void Run(
        JsonElement root, string file, Arithmetic arithmetic, Layout layout, Execution execution, string where, GoldenErrors errors, bool sabotage)
    {
        GoldenTensor x = Single(root, file, "inputs"), y = GoldenJson.Tensor(root, file, "target");
        int batch = x.Shape[0], steps = x.Shape[1];
        Graph graph = new();
        Node input = graph.Input(new Shape(steps, x.Shape[2])), target = graph.Input(new Shape(y.Shape[1]), "target");
        Node output = Build(graph, GoldenJson.Field(root, file, "spec"), file, input, steps);
        Loss loss = GoldenNetwork.LossOf(GoldenJson.Field(root, file, "loss").GetString()!, file);
        PlanOptions options = new() { Batch = batch, Arithmetic = arithmetic, Layout = layout, InputGradients = true };
        Plan plan = Plan.ForTraining(graph, options, graph.Apply(loss, output, target), output);

        float[] parameters = new float[plan.ParameterLength],
            gradients = new float[plan.ParameterLength],
            workspace = new float[plan.WorkspaceLength];
        Dictionary<string, GoldenTensor> given = GoldenJson.Tensors(root, file, "params"),
            expected = GoldenJson.Tensors(root, file, "grads");
        Assert.That(given.Keys, Is.EquivalentTo(Tensors.Select(tensor => tensor.Golden)), file);
        foreach ((string golden, string ours) in Tensors)
        {
            ParameterRange range = Find(plan, ours);
            Assert.That(range.FileShape, Is.EqualTo(given[golden].Shape), $"{file}: {golden}");
            float[] values = given[golden].Floats;
            if (sabotage && ours == "layer.bias_ih")
            {
                Array.Reverse(values);
            }

            range.CopyFrom<float>(values, parameters);
        }

        GoldenRows.Write(x.Floats, input.Shape.Length, plan.ValueSpan<float>(workspace, input, batch), plan.Stride(input));
        GoldenRows.Write(y.Floats, target.Shape.Length, plan.ValueSpan<float>(workspace, target, batch), plan.Stride(target));
        GoldenExport.Note(where, plan, parameters);
        RunInfo run = RunInfo.Single(batch, training: true);
        PlanMemory<float> memory = new(parameters, gradients, workspace);
        plan.Forward(in memory, in run, execution);
        float[] actual = GoldenRows.Read(plan.ValueSpan<float>(workspace, output, batch), plan.Stride(output), output.Shape.Length);
        errors.Add($"{where} output", GoldenJson.Tensor(root, file, "output").ErrorOf(actual));
        double value = GoldenJson.Field(root, file, "loss_value").GetDouble();
        errors.Add($"{where} loss", new GoldenTensor([1], [value]).ErrorOf([loss.Value(plan.LossParts<float>(workspace), batch)]));
        plan.Backward(in memory, in run, execution);
        foreach ((string golden, string ours) in Tensors)
        {
            float[] gradient = new float[expected[golden].Data.Length];
            Find(plan, ours).CopyTo<float>(gradients, gradient);
            errors.Add($"{where} gradient of {golden}", expected[golden].ErrorOf(gradient));
        }

        float[] inputGradient = GoldenRows.Read(plan.GradientSpan<float>(workspace, input, batch), plan.Stride(input), input.Shape.Length);
        errors.Add($"{where} input gradient", Single(root, file, "input_grads").ErrorOf(inputGradient));
    }

    private static Node Build(Graph graph, JsonElement spec, string where, Node input, int steps)
    {
        GoldenJson.OnlyFields(spec, where, "type", "in", "hidden", "out", "head_on");
        int hidden = spec.GetProperty("hidden").GetInt32();
        bool all = spec.GetProperty("head_on").GetString() == "all";
        RecurrentOptions options = new() { AllSteps = all };
        Recurrent layer = spec.GetProperty("type").GetString() switch
        {
            "rnn_tanh" => new Rnn(hidden, RecurrentFunction.Tanh, options),
            "gru" => new Gru(hidden, options),
            "lstm" => new Lstm(hidden, options),
            string other => throw new AssertionException($"{where}: {other} is not understood"),
            null => throw new AssertionException($"{where}: no type"),
        };
        Dense head = new(spec.GetProperty("out").GetInt32(), new Activation<Identity>());
        Node h = graph.Apply(layer, input, "layer");
        if (!all)
        {
            return graph.Apply(head, h, "head");
        }

        // One dense layer, applied to every step.
        Node[] outputs = new Node[steps];
        for (int t = 0; t < steps; t++)
        {
            outputs[t] = graph.Apply(head, graph.Apply(new Slice(t, 1), h), t == 0 ? "head" : null);
        }

        return graph.Apply(new Concat(), outputs);
    }

    private static ParameterRange Find(Plan plan, string name) => Array.Find(plan.Parameters.ToArray(), range => range.Name == name);

    private static GoldenTensor Single(JsonElement root, string where, string name)
    {
        JsonElement list = GoldenJson.Field(root, where, name);
        Assert.That(list.GetArrayLength(), Is.EqualTo(1), $"{where}: {name}");
        return GoldenTensor.Read(list[0], where + "." + name);
    }
}
