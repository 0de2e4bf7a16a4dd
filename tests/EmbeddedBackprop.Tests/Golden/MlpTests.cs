using System.Text.Json;
using EmbeddedBackprop.Losses;

namespace EmbeddedBackprop.Tests.Golden;

/// <summary>Dense networks against PyTorch in float64: output, loss, gradients of parameters and inputs.</summary>
internal sealed class MlpTests
{
    [Test]
    public void Dense_networks_agree_with_the_reference_in_both_arithmetics_at_every_width()
    {
        GoldenErrors errors = new();
        foreach (string file in GoldenFolder.Files(GoldenFolder.Networks))
        {
            Check(file, errors, sabotage: false);
        }

        errors.AssertSmall(GoldenFolder.Networks);
    }

    [Test]
    public void A_flipped_sign_in_one_gradient_is_caught()
    {
        GoldenErrors errors = new();
        Check(GoldenFolder.Files(GoldenFolder.Networks)[0], errors, sabotage: true);
        Assert.That(() => errors.AssertSmall("sabotaged"), Throws.InstanceOf<MultipleAssertException>().Or.InstanceOf<AssertionException>());
    }

    [Test]
    public void Families_of_later_work_are_counted()
    {
        SortedDictionary<string, int> others = GoldenFolder.OtherFamilies();
        if (others.Count > 0)
        {
            Assert.Ignore(
                $"{others.Values.Sum()} cases of families that the engine does not have yet: {string.Join(", ", others.Select(o => $"{o.Key} {o.Value}"))}"
            );
        }
    }

    private static void Check(string file, GoldenErrors errors, bool sabotage)
    {
        string where = Path.GetFileNameWithoutExtension(file);
        using JsonDocument document = GoldenFolder.Read(file);
        JsonElement root = document.RootElement;
        GoldenJson.OnlyFields(
            root, where, "about", "spec", "loss", "params", "inputs", "target", "output", "loss_value", "grads", "input_grads");
        GoldenNetwork network = GoldenNetwork.Read(GoldenJson.Field(root, where, "spec"), where + ".spec");
        Case golden = new(
            where, network, GoldenJson.Field(root, where, "loss").GetString()!,
            GoldenJson.Tensors(root, where, "params"), Single(root, where, "inputs"), GoldenJson.Tensor(root, where, "target"),
            GoldenJson.Tensor(root, where, "output"), GoldenJson.Field(root, where, "loss_value").GetDouble(),
            GoldenJson.Tensors(root, where, "grads"), Single(root, where, "input_grads"));
        foreach (Arithmetic arithmetic in Widths.Arithmetics)
        {
            foreach (Layout layout in new[] { Layout.Padded, Layout.Compact })
            {
                Widths.ForEach(width =>
                    Run(golden, arithmetic, layout, Execution.Vector, $"{where} {arithmetic} {layout} width {width}", errors, sabotage));
            }

            Run(golden, arithmetic, Layout.Padded, Execution.Scalar, $"{where} {arithmetic} scalar", errors, sabotage);
        }
    }

    private static void Run(Case golden, Arithmetic arithmetic, Layout layout, Execution execution, string where, GoldenErrors errors, bool sabotage)
    {
        int batch = golden.Input.Shape[0];
        int outputs = golden.Network.Sizes[^1];
        Graph graph = new();
        Node input = graph.Input(new Shape(golden.Network.Sizes[0]));
        // A target without a second axis holds class indices.
        int targetColumns = golden.Target.Shape.Length == 1 && golden.Target.Shape[0] == batch ? 1 : outputs;
        Node target = graph.Input(new Shape(targetColumns), "target");
        Loss loss = GoldenNetwork.LossOf(golden.Loss, golden.Where);
        Node output = golden.Network.Build(graph, input, target, ref loss, out Node lossNode);
        PlanOptions options = new() { Batch = batch, Arithmetic = arithmetic, Layout = layout, InputGradients = true };
        Plan plan = Plan.ForTraining(graph, options, lossNode, output);

        float[] parameters = new float[plan.ParameterLength],
            gradients = new float[plan.ParameterLength],
            workspace = new float[plan.WorkspaceLength];
        GoldenNetwork.Load(golden.Parameters, plan.Parameters, parameters, golden.Where);
        GoldenRows.Write(golden.Input.Floats, golden.Network.Sizes[0], plan.ValueSpan<float>(workspace, input, batch), plan.Stride(input));
        GoldenRows.Write(golden.Target.Floats, targetColumns, plan.ValueSpan<float>(workspace, target, batch), plan.Stride(target));
        GoldenExport.Note(where, plan, parameters);
        RunInfo run = RunInfo.Single(batch, training: true);
        plan.Forward(new PlanMemory<float>(parameters, gradients, workspace), in run, execution);
        float[] actualOutput = GoldenRows.Read(plan.ValueSpan<float>(workspace, output, batch), plan.Stride(output), outputs);
        errors.Add($"{where} output", golden.Output.ErrorOf(actualOutput));
        float value = loss.Value(plan.LossParts<float>(workspace), batch);
        errors.Add($"{where} loss", new GoldenTensor([1], [golden.LossValue]).ErrorOf([value]));

        plan.Backward(new PlanMemory<float>(parameters, gradients, workspace), in run, execution);
        if (sabotage)
        {
            gradients[plan.Parameters[^1].Offset] *= -1;
        }

        GoldenNetwork.Compare(golden.Gradients, plan.Parameters, gradients, where + " gradient of", errors);
        float[] inputGradient = GoldenRows.Read(plan.GradientSpan<float>(workspace, input, batch), plan.Stride(input), golden.Network.Sizes[0]);
        errors.Add($"{where} input gradient", golden.InputGradient.ErrorOf(inputGradient));
    }

    private static GoldenTensor Single(JsonElement root, string where, string name)
    {
        JsonElement list = GoldenJson.Field(root, where, name);
        Assert.That(list.GetArrayLength(), Is.EqualTo(1), $"{where}: {name}");
        return GoldenTensor.Read(list[0], where + "." + name);
    }

    private sealed record Case(
        string Where, GoldenNetwork Network, string Loss, Dictionary<string, GoldenTensor> Parameters, GoldenTensor Input, GoldenTensor Target,
        GoldenTensor Output, double LossValue, Dictionary<string, GoldenTensor> Gradients, GoldenTensor InputGradient);
}
