using System.Text.Json;
using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Tests.Golden;

/// <summary>Graphs with several inputs, with several outputs and losses, against PyTorch in float64.</summary>
internal sealed class DagTests
{
    [Test]
    public void Concat_split_multiply_add() => Check("dag", ["n1", "n2"], ConcatSplit);

    [Test]
    public void Two_heads_and_two_losses_with_weights() => Check("two_heads", ["n"], TwoHeads);

    [Test]
    public void Control_a_loss_with_another_weight_is_caught() => Assert.That(
        () => Check("two_heads", ["n"], (graph, spec, inputs) =>
        {
            (Node, Loss)[] heads = TwoHeads(graph, spec, inputs);
            return [heads[0], (heads[1].Item1, new Loss<MeanSquared> { Weight = 0.25f })];
        }),
        Throws.InstanceOf<MultipleAssertException>().Or.InstanceOf<AssertionException>());

    private static (Node Output, Loss Loss)[] ConcatSplit(Graph graph, Spec spec, Node[] inputs)
    {
        int hidden = spec["hidden"];
        Node a = graph.Apply(new Dense(hidden, new Activation<Tanh>()), inputs[0], "A"),
            b = graph.Apply(new Dense(hidden, new Activation<Relu>()), inputs[1], "B");
        Node c = graph.Apply(new Concat(), a, b);
        Node s1 = graph.Apply(new Slice(0, hidden), c),
            s2 = graph.Apply(new Slice(hidden, hidden), c);
        Node sum = graph.Apply(new Add(), graph.Apply(new Multiply(), s1, s2), s1);
        return [(graph.Apply(new Dense(spec["out"], new Activation<Identity>()), sum, "C"), spec.Loss())];
    }

    private static (Node Output, Loss Loss)[] TwoHeads(Graph graph, Spec spec, Node[] inputs)
    {
        Node h = graph.Apply(new Dense(spec["hidden"], new Activation<Relu>()), inputs[0], "T");
        return
        [
            (graph.Apply(new Dense(spec["classes"], new Activation<Identity>()), h, "P"), new SoftmaxCrossEntropy()),
            (graph.Apply(new Dense(spec["out"], new Activation<Identity>()), h, "Q"), new Loss<MeanSquared> { Weight = 0.5f }),
        ];
    }

    private static void Check(string family, string[] inputs, Func<Graph, Spec, Node[], (Node Output, Loss Loss)[]> build)
    {
        GoldenErrors errors = new();
        foreach (string file in GoldenFolder.Files(family))
        {
            using JsonDocument document = GoldenFolder.Read(file);
            JsonElement root = document.RootElement;
            string where = Path.GetFileNameWithoutExtension(file);
            GoldenJson.OnlyFields(
                root,
                where,
                "about", "spec", "loss", "params", "inputs", "target", "targets", "output", "outputs", "loss_value", "grads",
                "input_grads");
            Spec spec = new(root, where, inputs);
            foreach (Arithmetic arithmetic in Widths.Arithmetics)
            {
                foreach (Layout layout in new[] { Layout.Padded, Layout.Compact })
                {
                    Widths.ForEach(width => Run(root, spec, build, arithmetic, layout, $"{where} {arithmetic} {layout} width {width}", errors));
                }
            }
        }

        errors.AssertSmall(family);
    }

    private static void Run(
        JsonElement root,
        Spec spec,
        Func<Graph, Spec, Node[], (Node Output, Loss Loss)[]> build,
        Arithmetic arithmetic,
        Layout layout,
        string where,
        GoldenErrors errors)
    {
        GoldenTensor[] x = [.. root.GetProperty("inputs").EnumerateArray().Select(tensor => GoldenTensor.Read(tensor, where))];
        GoldenTensor[] targets = Several(root, where, "target"), expected = Several(root, where, "output");
        int batch = x[0].Shape[0];
        Graph graph = new();
        Node[] inputs = [.. spec.Inputs.Select((size, i) => graph.Input(new Shape(size), $"x{i + 1}"))];
        Assert.That(x.Select(tensor => tensor.Shape), Is.EqualTo(spec.Inputs.Select(size => (int[])[batch, size])), $"{where}: inputs");
        (Node Output, Loss Loss)[] heads = build(graph, spec, inputs);
        Node[] wanted = [.. heads.Select((head, i) => graph.Input(head.Output.Shape, $"target{i + 1}"))];
        Node[] losses = [.. heads.Select((head, i) => graph.Apply(head.Loss, head.Output, wanted[i]))];
        PlanOptions options = new() { Batch = batch, Arithmetic = arithmetic, Layout = layout, InputGradients = true };
        Plan plan = Plan.ForTraining(graph, options, losses, [.. heads.Select(head => head.Output)]);
        float[] parameters = new float[plan.ParameterLength],
            gradients = new float[plan.ParameterLength],
            workspace = new float[plan.WorkspaceLength];
        Dictionary<string, GoldenTensor> tensors = GoldenJson.Tensors(root, where, "params"),
            grads = GoldenJson.Tensors(root, where, "grads");
        foreach (ParameterRange range in plan.Parameters)
        {
            range.CopyFrom<float>(tensors[range.Name].Floats, parameters);
        }

        for (int i = 0; i < inputs.Length; i++)
        {
            GoldenRows.Write(x[i].Floats, inputs[i].Shape.Length, plan.ValueSpan<float>(workspace, inputs[i], batch), plan.Stride(inputs[i]));
        }

        for (int i = 0; i < wanted.Length; i++)
        {
            GoldenRows.Write(targets[i].Floats, wanted[i].Shape.Length, plan.ValueSpan<float>(workspace, wanted[i], batch), plan.Stride(wanted[i]));
        }

        GoldenExport.Note(where, plan, parameters);
        RunInfo run = RunInfo.Single(batch, training: true);
        plan.Forward(new PlanMemory<float>(parameters, gradients, workspace), in run);
        for (int i = 0; i < heads.Length; i++)
        {
            Node output = heads[i].Output;
            float[] actual = GoldenRows.Read(plan.ValueSpan<float>(workspace, output, batch), plan.Stride(output), output.Shape.Length);
            errors.Add($"{where} {output.Name}", expected[i].ErrorOf(actual));
        }

        float value = plan.TotalLoss(workspace.AsSpan(), batch);
        errors.Add($"{where} loss", new GoldenTensor([1], [root.GetProperty("loss_value").GetDouble()]).ErrorOf([value]));
        plan.Backward(new PlanMemory<float>(parameters, gradients, workspace), in run);
        Assert.That(grads, Has.Count.EqualTo(plan.Parameters.Length));
        foreach (ParameterRange range in plan.Parameters)
        {
            float[] actual = new float[range.Count];
            range.CopyTo<float>(gradients, actual);
            errors.Add($"{where} gradient of {range.Name}", grads[range.Name].ErrorOf(actual));
        }

        JsonElement inputGradients = root.GetProperty("input_grads");
        for (int i = 0; i < inputs.Length; i++)
        {
            float[] dx = GoldenRows.Read(plan.GradientSpan<float>(workspace, inputs[i], batch), plan.Stride(inputs[i]), inputs[i].Shape.Length);
            errors.Add($"{where} gradient of {inputs[i].Name}", GoldenTensor.Read(inputGradients[i], where).ErrorOf(dx));
        }
    }

    // "target" for one, "targets" for several.
    private static GoldenTensor[] Several(JsonElement root, string where, string name) => root.TryGetProperty(name, out JsonElement one)
        ? [GoldenTensor.Read(one, where)]
        : [.. GoldenJson.Field(root, where, name + "s").EnumerateArray().Select(tensor => GoldenTensor.Read(tensor, where))];

    /// <summary>The sizes that a case's spec names, and its loss.</summary>
    private sealed class Spec(JsonElement root, string where, string[] inputs)
    {
        private readonly JsonElement sizes = GoldenJson.Field(root, where, "spec");

        /// <summary>A size by its name.</summary>
        public int this[string name] => GoldenJson.Field(sizes, where, name).GetInt32();

        /// <summary>The inputs' sizes, in order.</summary>
        public int[] Inputs => [.. inputs.Select(name => this[name])];

        /// <summary>The loss of a case that has one.</summary>
        public Loss Loss() => GoldenNetwork.LossOf(GoldenJson.Field(root, where, "loss").GetString()!, where);
    }
}
