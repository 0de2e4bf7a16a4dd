using System.Text.Json;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Golden;

/// <summary>Ten full-batch steps of every optimiser against PyTorch in float64: each step's loss, and the parameters at the end.</summary>
internal sealed class OptimizerTests
{
    [Test]
    public void Optimizers_agree_with_the_reference_in_both_arithmetics_at_every_width()
    {
        GoldenErrors errors = new();
        foreach (string file in GoldenFolder.Files(GoldenFolder.Optimizers))
        {
            Check(file, errors, rateFactor: 1f);
        }

        errors.AssertSmall(GoldenFolder.Optimizers);
    }

    [Test]
    public void A_learning_rate_wrong_by_a_thousandth_is_caught()
    {
        GoldenErrors errors = new();
        Check(GoldenFolder.Files(GoldenFolder.Optimizers)[0], errors, rateFactor: 1.001f);
        Assert.That(() => errors.AssertSmall("sabotaged"), Throws.InstanceOf<MultipleAssertException>().Or.InstanceOf<AssertionException>());
    }

    private static void Check(string file, GoldenErrors errors, float rateFactor)
    {
        string where = Path.GetFileNameWithoutExtension(file);
        using JsonDocument document = GoldenFolder.Read(file);
        JsonElement root = document.RootElement;
        GoldenJson.OnlyFields(root, where, "about", "spec", "optimizer", "loss", "params_start", "input", "target", "losses", "params_end");
        GoldenNetwork network = GoldenNetwork.Read(GoldenJson.Field(root, where, "spec"), where + ".spec");
        string loss = root.TryGetProperty("loss", out JsonElement named) ? named.GetString()! : "mse";
        GoldenOptimizer optimizer = GoldenOptimizer.Read(GoldenJson.Field(root, where, "optimizer"), where + ".optimizer");
        Dictionary<string, GoldenTensor> start = GoldenJson.Tensors(root, where, "params_start"), end = GoldenJson.Tensors(root, where, "params_end");
        GoldenTensor input = GoldenJson.Tensor(root, where, "input"), target = GoldenJson.Tensor(root, where, "target");
        double[] losses = [.. GoldenJson.Field(root, where, "losses").EnumerateArray().Select(x => x.GetDouble())];
        Assert.That(losses, Is.Not.Empty, where);
        foreach (Arithmetic arithmetic in Widths.Arithmetics)
        {
            Widths.ForEach(width => Run(Execution.Vector, $"{where} {arithmetic} width {width}"));
            Run(Execution.Scalar, $"{where} {arithmetic} scalar");

            void Run(Execution execution, string what)
            {
                Network net = Compile(network, loss, where, optimizer.Options(input.Shape[0], arithmetic, execution));
                GoldenNetwork.Load(start, net.TrainingPlan!.Parameters, net.Parameters, where);
                float[] actual = new float[losses.Length];
                for (int step = 0; step < actual.Length; step++)
                {
                    // Inputs and targets share their memory with values that die earlier: they are written before every step.
                    GoldenRows.Write(input.Floats, network.Sizes[0], net.TrainingInput(input.Shape[0]), net.InputStride);
                    GoldenRows.Write(target.Floats, network.Sizes[^1], net.TrainingTarget(input.Shape[0]), net.TargetStride);
                    actual[step] = net.TrainStep(input.Shape[0], optimizer.LearningRate * rateFactor);
                }

                errors.Add($"{what} losses", new GoldenTensor([losses.Length], losses).ErrorOf(actual));
                GoldenNetwork.Compare(end, net.TrainingPlan!.Parameters, net.Parameters, what, errors);
            }
        }
    }

    private static Network Compile(GoldenNetwork network, string lossName, string where, NetworkOptions options)
    {
        Graph graph = new();
        Node input = graph.Input(new Shape(network.Sizes[0])), target = graph.Input(new Shape(network.Sizes[^1]), "target");
        Loss loss = GoldenNetwork.LossOf(lossName, where);
        Node output = network.Build(graph, input, target, ref loss, out Node lossNode);
        return new Network(input, output, lossNode, options);
    }
}
