using System.Text.Json;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Tests.Golden;

/// <summary>Single poolings and normalisations against PyTorch in float64: output, loss, gradients, running statistics, inference.</summary>
internal sealed class LayerTests
{
    private static readonly Dictionary<string, Func<Op>> Ops = new()
    {
        ["maxpool2d"] = () => new MaxPool2D(2),
        ["maxpool2d_overlap"] = () => new MaxPool2D(3, 2, 1),
        ["avgpool2d"] = () => new AveragePool2D(2),
        ["avgpool2d_pad"] = () => new AveragePool2D(3, 2, 1),
        ["global_avgpool2d"] = () => new GlobalAveragePool(),
        ["batchnorm1d"] = () => new BatchNorm(),
        ["batchnorm2d"] = () => new BatchNorm(),
        ["layernorm"] = () => new LayerNorm(),
    };

    internal static string[] Types() => [.. Ops.Keys];

    [TestCaseSource(nameof(Types))]
    public void Agrees_with_the_reference_in_both_arithmetics_at_every_width(string type)
    {
        GoldenErrors errors = new();
        Check(type, errors, Ops[type]);
        errors.AssertSmall(type);
    }

    [Test]
    public void Control_a_mean_that_counts_padding_is_caught()
    {
        GoldenErrors errors = new();
        Check("avgpool2d_pad", errors, () => new AveragePool2D(3, 2, 1) { CountIncludePad = true });
        Assert.That(() => errors.AssertSmall("sabotaged"), Throws.InstanceOf<MultipleAssertException>().Or.InstanceOf<AssertionException>());
    }

    private static void Check(string type, GoldenErrors errors, Func<Op> op)
    {
        foreach (string file in GoldenFolder.Files(type))
        {
            string where = Path.GetFileNameWithoutExtension(file);
            using JsonDocument document = GoldenFolder.Read(file);
            JsonElement root = document.RootElement;
            GoldenJson.OnlyFields(
                root,
                where,
                "about", "spec", "loss", "params", "inputs", "target", "output", "loss_value", "grads", "input_grads", "running_mean", "running_var",
                "eval_output");
            Assert.That(root.GetProperty("loss").GetString(), Is.EqualTo("mse"));
            foreach (Arithmetic arithmetic in Widths.Arithmetics)
            {
                foreach (Layout layout in new[] { Layout.Padded, Layout.Compact })
                {
                    Widths.ForEach(width =>
                        Run(root, op(), arithmetic, layout, Execution.Vector, $"{where} {arithmetic} {layout} width {width}", errors));
                }

                Run(root, op(), arithmetic, Layout.Padded, Execution.Scalar, $"{where} {arithmetic} scalar", errors);
            }
        }
    }

    private static void Run(JsonElement root, Op op, Arithmetic arithmetic, Layout layout, Execution execution, string where, GoldenErrors errors)
    {
        GoldenTensor x = GoldenTensor.Read(root.GetProperty("inputs")[0], where), target = GoldenJson.Tensor(root, where, "target");
        int batch = x.Shape[0];
        Graph graph = new();
        Node input = graph.Input(ShapeOf(x)), output = graph.Apply(op, input, "layer");
        Node wanted = graph.Input(output.Shape, "target");
        Loss<MeanSquared> loss = new();
        Node lossNode = graph.Apply(loss, output, wanted, "loss");
        PlanOptions options = new() { Batch = batch, Arithmetic = arithmetic, Layout = layout, InputGradients = true };
        Plan plan = Plan.ForTraining(graph, options, lossNode, output);
        float[] parameters = new float[plan.ParameterLength],
            gradients = new float[plan.ParameterLength],
            workspace = new float[plan.WorkspaceLength];
        float[] state = new float[plan.StateLength];
        plan.InitializeState<float>(state);
        Dictionary<string, GoldenTensor> tensors = GoldenJson.Tensors(root, where, "params"), grads = GoldenJson.Tensors(root, where, "grads");
        Assert.That(tensors.Keys.Select(name => "layer." + name), Is.EquivalentTo(plan.Parameters.ToArray().Select(range => range.Name)));
        foreach (ParameterRange range in plan.Parameters)
        {
            range.CopyFrom<float>(tensors[range.Name["layer.".Length..]].Floats, parameters);
        }

        GoldenRows.Write(x.Floats, input.Shape.Length, plan.ValueSpan<float>(workspace, input, batch), plan.Stride(input));
        GoldenRows.Write(target.Floats, output.Shape.Length, plan.ValueSpan<float>(workspace, wanted, batch), plan.Stride(wanted));
        GoldenExport.Note(where, plan, parameters, state);
        RunInfo run = RunInfo.Single(batch, training: true);
        plan.Forward(new PlanMemory<float>(parameters, gradients, workspace, state), in run, execution);
        Compare(GoldenJson.Tensor(root, where, "output"), workspace, "output");
        float value = loss.Value(plan.LossParts<float>(workspace), batch);
        errors.Add($"{where} loss", new GoldenTensor([1], [root.GetProperty("loss_value").GetDouble()]).ErrorOf([value]));
        plan.Backward(new PlanMemory<float>(parameters, gradients, workspace, state), in run, execution);
        foreach (ParameterRange range in plan.Parameters)
        {
            float[] actual = new float[range.Count];
            range.CopyTo<float>(gradients, actual);
            errors.Add($"{where} gradient of {range.Name}", grads[range.Name["layer.".Length..]].ErrorOf(actual));
        }

        float[] dx = GoldenRows.Read(plan.GradientSpan<float>(workspace, input, batch), plan.Stride(input), input.Shape.Length);
        errors.Add($"{where} input gradient", GoldenTensor.Read(root.GetProperty("input_grads")[0], where).ErrorOf(dx));
        foreach (StateRange range in plan.State)
        {
            GoldenTensor running = GoldenJson.Tensor(root, where, range.Name["layer.".Length..]);
            errors.Add($"{where} {range.Name}", running.ErrorOf(state.AsSpan(range.Offset, range.Length)));
        }

        if (root.TryGetProperty("eval_output", out JsonElement inference))
        {
            GoldenRows.Write(x.Floats, input.Shape.Length, plan.ValueSpan<float>(workspace, input, batch), plan.Stride(input));
            plan.Forward(new PlanMemory<float>(parameters, gradients, workspace, state), RunInfo.Single(batch), execution);
            Compare(GoldenTensor.Read(inference, where), workspace, "inference");
        }

        void Compare(GoldenTensor expected, float[] memory, string what) => errors.Add(
            $"{where} {what}",
            expected.ErrorOf(GoldenRows.Read(plan.ValueSpan<float>(memory, output, batch), plan.Stride(output), output.Shape.Length)));
    }

    private static Shape ShapeOf(GoldenTensor tensor) => tensor.Shape switch
    {
        [_, int a] => new Shape(a),
        [_, int a, int b] => new Shape(a, b),
        [_, int a, int b, int c] => new Shape(a, b, c),
        _ => throw new AssertionException("a sample has one to three axes"),
    };
}
