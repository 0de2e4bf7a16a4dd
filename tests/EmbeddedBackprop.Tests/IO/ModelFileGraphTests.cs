using System.Text;
using System.Text.RegularExpressions;
using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Data;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Optimizers;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.IO;

/// <summary>
/// Networks of several outputs and losses come back from their files: the same predictions, and the same bits when training continues.
/// </summary>
public sealed class ModelFileGraphTests
{
    private const int Count = 30;

    private static readonly FloatDataset Data = FloatDataset.Regression(Samples.Array(Count * 7, 3), 7, Samples.Array(Count * 5, 4), 5);

    [Test]
    public void Two_outputs_and_two_losses_are_built_anew_and_trained_on_with_the_same_bits()
    {
        Trainer whole = Trainer(Make()), part = Trainer(Make());
        whole.TrainEpoch();
        part.TrainEpoch();
        ModelFile file = ModelFile.Parse(ModelFile.ToArray(part.Network, part), "m");
        Network again = file.ToNetwork();
        Assert.That(again.Outputs.Select(node => node.Name), Is.EqualTo((string[])["second out", "first"]));
        Assert.That(again.Inputs.Select(node => node.Name), Is.EqualTo((string[])["b", "a"]), "in the order in which rows are dealt out");
        Assert.That(again.TrainingPlan!.Losses.Select(node => node.Name), Is.EqualTo((string[])["huber loss", "other"]));
        AssertSamePredictions(again, part.Network);
        Trainer resumed = new(again, Data, file.ToTrainerOptions());
        file.Restore(resumed);
        Assert.That(ModelFile.ToArray(again, resumed), Is.EqualTo(ModelFile.ToArray(part.Network, part)), "the file of both is the same");
        whole.TrainEpoch();
        resumed.TrainEpoch();
        Assert.That(WeightsHash.Of(resumed.Network), Is.EqualTo(WeightsHash.Of(whole.Network)));
        Assert.That(resumed.Evaluate(Data), Is.EqualTo(whole.Evaluate(Data)));
    }

    [Test]
    public void Several_outputs_without_a_loss_come_back()
    {
        Network trained = Make();
        Network network = new([.. trained.Inputs], [.. trained.Outputs], [], new NetworkOptions { Batch = 4, Seed = 9 });
        Network again = ModelFile.Parse(ModelFile.ToArray(network), "m").ToNetwork(layout: Layout.Compact);
        Assert.That(again.TrainingPlan, Is.Null);
        AssertSamePredictions(again, network);
    }

    [Test]
    public void Files_of_earlier_versions_fill_networks_that_are_built_in_code()
    {
        Trainer trainer = Trainer(Make()), second = Trainer(Make());
        trainer.TrainEpoch();
        byte[] bytes = ModelFile.ToArray(trainer.Network, trainer);
        MatchCollection entries = Regex.Matches(Encoding.UTF8.GetString(bytes), @"""graph[a-z.0-9]*"":""(\\.|[^""\\])*"",");
        Assert.That(entries, Has.Count.EqualTo(6));
        foreach (Match entry in entries)
        {
            bytes = ModelFileTests.Replace(bytes, entry.Value, "");
        }

        ModelFile old = ModelFile.Parse(bytes, "old");
        Assert.That(
            () => old.ToNetwork(),
            Throws.TypeOf<DataFormatException>().With.Message.Contains("several outputs").And.Message.Contains("built in code"));
        old.Restore(second);
        Assert.That(WeightsHash.Of(second.Network), Is.EqualTo(WeightsHash.Of(trainer.Network)));
    }

    [TestCase("loss 1", "loss 9", "there is no loss 9")]
    [TestCase("\"graph.minimised\":\"\\\"huber loss", "\"graph.minimised\":\"\\\"huber lost", "no node 'huber lost'")]
    [TestCase("\"graph.outputs\":\"\\\"second out", "\"graph.outputs\":\"\\\"huber loss", "loss")]
    [TestCase("\"graph.inputs\":\"b a\"", "\"graph.inputs\":\"b b\"", "'b' stands there twice")]
    public void What_does_not_fit_together_is_told(string text, string other, string expected)
    {
        byte[] bytes = ModelFileTests.Replace(ModelFile.ToArray(Make()), text, other);
        Assert.That(() => ModelFile.Parse(bytes, "m").ToNetwork(), Throws.TypeOf<DataFormatException>().With.Message.Contains(expected));
    }

    private static Trainer Trainer(Network network) => new(network, Data, new TrainerOptions { Epochs = 4, LearningRate = 0.02f });

    /// <summary>
    /// Inputs in another order than made, a loss between the layers, names with blanks, dropout, whose bits depend on the op's index.
    /// </summary>
    private static Network Make()
    {
        Graph graph = new();
        Node a = graph.Input(new Shape(4), "a"), b = graph.Input(new Shape(3), "b"), t = graph.Input(new Shape(2), "t");
        Node trunk = graph.Apply(new Dense(8, new Activation<Tanh>()), graph.Apply(new Concat(), a, b));
        Node first = graph.Apply(new Dense(2, new Activation<Identity>()), trunk, "first");
        Node other = graph.Apply(new Loss<MeanSquared> { Weight = 0.25f }, first, t, "other");
        Node noisy = graph.Apply(new Dropout(0.25f), trunk);
        Node second = graph.Apply(new Dense(3, new Activation<Sigmoid>()), noisy, "second out");
        Node huber = graph.Apply(new Loss<Huber>(), second, graph.Input(new Shape(3), "u"), "huber loss");
        return new Network([b, a], [second, first], [huber, other], new NetworkOptions { Batch = 8, Seed = 5, Optimizer = new Adam() });
    }

    private static void AssertSamePredictions(Network actual, Network expected)
    {
        Network[] both = [actual, expected];
        foreach (Network network in both)
        {
            foreach (Node input in network.Inputs)
            {
                for (int row = 0; row < 3; row++)
                {
                    Samples.Fill(network.PredictionInput(input, 3).Slice(row * network.InferencePlan.Stride(input), input.Shape.Length), 7 + row);
                }
            }

            network.Predict(3);
        }

        for (int i = 0; i < expected.Outputs.Count; i++)
        {
            Bits.AssertEqual(Rows(actual, i), Rows(expected, i), expected.Outputs[i].Name);
        }

        static float[] Rows(Network network, int output)
        {
            Node node = network.Outputs[output];
            int stride = network.InferencePlan.Stride(node);
            float[] rows = network.Prediction(node, 3).ToArray();
            return [.. Enumerable.Range(0, 3).SelectMany(row => rows.AsSpan(row * stride, node.Shape.Length).ToArray())];
        }
    }
}
