using System.Text.Json;
using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Tests.Golden;

/// <summary>Convolutions against PyTorch in float64: output, loss, gradients of parameters and inputs.</summary>
internal sealed class ConvTests
{
    [Test]
    public void Convolutions_agree_with_the_reference_in_both_arithmetics_at_every_width()
    {
        GoldenErrors errors = new();
        int files = 0;
        foreach (string family in GoldenFolder.Convolutions)
        {
            foreach (string file in GoldenFolder.Files(family))
            {
                Check(file, errors, sabotage: false);
                files++;
            }
        }

        Assert.That(files, Is.GreaterThanOrEqualTo(9));
        errors.AssertSmall("convolutions");
    }

    [Test]
    public void A_small_lenet_agrees_with_the_reference_in_both_arithmetics_at_every_width()
    {
        GoldenErrors errors = new();
        Check(GoldenFolder.Files(GoldenFolder.LeNet)[0], errors, sabotage: false);
        errors.AssertSmall("lenet");
    }

    [Test]
    public void A_flipped_sign_in_one_gradient_is_caught()
    {
        GoldenErrors errors = new();
        Check(GoldenFolder.Files("conv2d")[0], errors, sabotage: true);
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
                    Run(root, arithmetic, layout, Execution.Vector, $"{where} {arithmetic} {layout} width {width}", errors, sabotage));
            }

            Run(root, arithmetic, Layout.Padded, Execution.Scalar, $"{where} {arithmetic} scalar", errors, sabotage);
        }
    }

    private static void Run(
        JsonElement root,
        Arithmetic arithmetic,
        Layout layout,
        Execution execution,
        string where,
        GoldenErrors errors,
        bool sabotage)
    {
        Dictionary<string, GoldenTensor> parameters = GoldenJson.Tensors(root, where, "params"), gradients = GoldenJson.Tensors(root, where, "grads");
        GoldenTensor x = GoldenTensor.Read(root.GetProperty("inputs")[0], where), dx = GoldenTensor.Read(root.GetProperty("input_grads")[0], where);
        GoldenTensor y = GoldenJson.Tensor(root, where, "target"), expected = GoldenJson.Tensor(root, where, "output");
        int batch = x.Shape[0];
        Graph graph = new();
        Node input = graph.Input(ShapeOf(x));
        Node output = Build(graph, input, root.GetProperty("spec"), where);
        Node target = graph.Input(output.Shape, "target");
        Loss loss = root.GetProperty("loss").GetString() switch
        {
            "mse" => new Loss<MeanSquared>(),
            "softmax_cross_entropy" => new SoftmaxCrossEntropy(),
            string other => throw new AssertionException($"{where}: the loss {other} is not understood"),
            _ => throw new AssertionException($"{where}: no loss"),
        };
        PlanOptions options = new() { Batch = batch, Arithmetic = arithmetic, Layout = layout, InputGradients = true };
        Plan plan = Plan.ForTraining(graph, options, graph.Apply(loss, output, target), output);
        Assert.That(y.Data, Has.Length.EqualTo(batch * target.Shape.Length), where);

        float[] weights = new float[plan.ParameterLength], slopes = new float[plan.ParameterLength], workspace = new float[plan.WorkspaceLength];
        foreach (ParameterRange range in plan.Parameters)
        {
            GoldenTensor tensor = Of(parameters, range);
            Assert.That(range.FileShape, Is.EqualTo(tensor.Shape), where);
            range.CopyFrom<float>(tensor.Floats, weights);
        }

        GoldenRows.Write(x.Floats, input.Shape.Length, plan.ValueSpan<float>(workspace, input, batch), plan.Stride(input));
        GoldenRows.Write(y.Floats, target.Shape.Length, plan.ValueSpan<float>(workspace, target, batch), plan.Stride(target));
        GoldenExport.Note(where, plan, weights);
        RunInfo run = RunInfo.Single(batch, training: true);
        PlanMemory<float> memory = new(weights, slopes, workspace);
        plan.Forward(in memory, in run, execution);
        errors.Add(
            $"{where} output",
            expected.ErrorOf(GoldenRows.Read(plan.ValueSpan<float>(workspace, output, batch), plan.Stride(output), output.Shape.Length)));
        errors.Add(
            $"{where} loss",
            new GoldenTensor([1], [root.GetProperty("loss_value").GetDouble()]).ErrorOf([loss.Value(plan.LossParts<float>(workspace), batch)]));
        plan.Backward(in memory, in run, execution);
        if (sabotage)
        {
            slopes[plan.Parameters[^1].Offset] *= -1;
        }

        foreach (ParameterRange range in plan.Parameters)
        {
            float[] compact = new float[range.Count];
            range.CopyTo<float>(slopes, compact);
            errors.Add($"{where} gradient of {range.Name}", Of(gradients, range).ErrorOf(compact));
        }

        errors.Add(
            $"{where} input gradient",
            dx.ErrorOf(GoldenRows.Read(plan.GradientSpan<float>(workspace, input, batch), plan.Stride(input), input.Shape.Length)));
    }

    private static Node Build(Graph graph, Node input, JsonElement spec, string where)
    {
        if (spec.GetProperty("type").GetString() != "lenet_small")
        {
            return graph.Apply(Layer(spec, where), input);
        }

        Activation<Relu> relu = new();
        Node first = graph.Apply(new MaxPool2D(2, 2), graph.Apply(new Conv2D(4, 3, 3, relu), input, "c1"));
        Node second = graph.Apply(new MaxPool2D(2, 2), graph.Apply(new Conv2D(6, 3, 3, relu, new() { PaddingY = 1, PaddingX = 1 }), first, "c2"));
        return graph.Apply(new Dense(10, new Activation<Identity>()), second, "fc");
    }

    private static Op Layer(JsonElement spec, string where)
    {
        string type = spec.GetProperty("type").GetString()!;
        int[] kernel = Numbers(spec, "kernel", []), stride = Numbers(spec, "stride", [1, 1]), padding = Numbers(spec, "padding", [0, 0]);
        int[] dilation = Numbers(spec, "dilation", [1, 1]), more = Numbers(spec, "output_padding", [0, 0]);
        int filters = spec.GetProperty("out").GetInt32();
        ConvOptions options = new()
        {
            StrideY = stride[0],
            StrideX = stride[^1],
            PaddingY = padding[0],
            PaddingX = padding[^1],
            DilationY = dilation[0],
            DilationX = dilation[^1],
            OutputPaddingY = more[0],
            OutputPaddingX = more[^1],
            Groups = spec.TryGetProperty("groups", out JsonElement groups) ? groups.GetInt32() : 1,
        };
        Activation<Identity> identity = new();
        return type switch
        {
            "conv2d" => new Conv2D(filters, kernel[0], kernel[1], identity, options),
            "conv1d" => new Conv1D(filters, kernel[0], identity, options),
            "conv_transpose2d" => new ConvTranspose2D(filters, kernel[0], kernel[1], identity, options),
            _ => throw new AssertionException($"{where}: the type {type} is not understood"),
        };
    }

    private static int[] Numbers(JsonElement spec, string name, int[] otherwise) =>
        spec.TryGetProperty(name, out JsonElement list) ? [.. list.EnumerateArray().Select(x => x.GetInt32())] : otherwise;

    // One layer has no name in its file, a net's layers do.
    private static GoldenTensor Of(Dictionary<string, GoldenTensor> tensors, ParameterRange range) =>
        tensors.TryGetValue(range.Name, out GoldenTensor? named) ? named : tensors[range.Name[(range.Name.LastIndexOf('.') + 1)..]];

    private static Shape ShapeOf(GoldenTensor tensor) =>
        tensor.Shape.Length == 3 ? new Shape(tensor.Shape[1], tensor.Shape[2]) : new Shape(tensor.Shape[1], tensor.Shape[2], tensor.Shape[3]);
}
