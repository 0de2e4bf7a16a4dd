using System.Buffers.Binary;
using System.Text;
using System.Text.Json;
using EmbeddedBackprop.Activations;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.IO;

public sealed class ModelFileTests
{
    [Test]
    public void A_network_comes_back_from_its_file([Values] bool compact)
    {
        byte[] bytes = ModelNets.Saved();
        ModelFile file = ModelFile.Parse(bytes, "m");
        Network network = file.ToNetwork(layout: compact ? Layout.Compact : Layout.Padded);
        Assert.That(file.Net, Is.EqualTo("input 5; dense 7 sigmoid; dense 3 sigmoid"));
        Assert.That((file.Loss, file.Step, file.Epochs, file.SampleCount, file.Patience), Is.EqualTo(("quadratic", 8L, 4, 22, 2)));
        Trainer trainer = new(network, ModelNets.Data, file.ToTrainerOptions());
        file.Restore(trainer);
        // The same strings and tensors again: nothing was lost.
        Assert.That(ModelFile.ToArray(network, trainer), Is.EqualTo(bytes));
    }

    [Test]
    public void Weights_fill_a_network_built_in_code()
    {
        Network network = ModelNets.Network(ModelNets.Options("sgd", Arithmetic.Separate) with { Seed = 99, Layout = Layout.Compact, Batch = 1 });
        Trainer trained = ModelNets.Trainer(ModelNets.Network());
        ModelNets.Run(trained, 5);
        ModelFile.Parse(ModelFile.ToArray(trained.Network, trained), "m").LoadWeights(network);
        Assert.That(WeightsHash.Of(network), Is.EqualTo(WeightsHash.Of(trained.Network)));
        Assert.That(WeightsHash.Of(network), Is.Not.EqualTo(WeightsHash.Of(ModelNets.Network())));
    }

    [Test]
    public void The_layout_is_plain_safetensors()
    {
        Network network = ModelNets.Network();
        byte[] bytes = ModelFile.ToArray(network);
        int length = (int)BinaryPrimitives.ReadUInt64LittleEndian(bytes);
        using JsonDocument header = JsonDocument.Parse(Encoding.UTF8.GetString(bytes, 8, length));
        JsonElement weight = header.RootElement.GetProperty("dense1.weight");
        Assert.That(weight.GetProperty("dtype").GetString(), Is.EqualTo("F32"));
        Assert.That(weight.GetProperty("shape").EnumerateArray().Select(x => x.GetInt32()), Is.EqualTo(new[] { 7, 5 }));
        Assert.That(
            header.RootElement.GetProperty("dense2.bias").GetProperty("shape").EnumerateArray().Select(x => x.GetInt32()),
            Is.EqualTo(new[] { 3 }));
        int begin = 8 + length + weight.GetProperty("data_offsets")[0].GetInt32();
        ParameterRange range = network.InferencePlan.Parameters[0];
        for (int output = 0; output < 7; output++)
        {
            for (int input = 0; input < 5; input++)
            {
                float value = BinaryPrimitives.ReadSingleLittleEndian(bytes.AsSpan(begin + (4 * ((output * 5) + input))));
                Assert.That(value, Is.EqualTo(network.Parameters[range.Offset + (input * range.Stride) + output]));
            }
        }
    }

    [Test]
    public void A_softmax_output_comes_back_with_its_loss_on_logits()
    {
        Network network = ModelNets.SoftmaxNetwork();
        ModelFile file = ModelFile.Parse(ModelFile.ToArray(network), "m");
        Assert.That((file.Net, file.Loss), Is.EqualTo(("input 5; dense 4 tanh; dense 3 softmax", "cross-entropy")));
        CheckSamePredictionsAndTraining(network, file.ToNetwork());
    }

    [Test]
    public void A_sigmoid_output_comes_back_with_its_loss_on_logits()
    {
        Network network = new Sequential(5).Dense<Relu>(4).Dense<Sigmoid>(3).Compile<BinaryCrossEntropy>(ModelNets.Options());
        ModelFile file = ModelFile.Parse(ModelFile.ToArray(network), "m");
        Assert.That((file.Net, file.Loss), Is.EqualTo(("input 5; dense 4 relu; dense 3 sigmoid", "binary-cross-entropy")));
        CheckSamePredictionsAndTraining(network, file.ToNetwork());
    }

    [Test]
    public void A_loss_on_another_node_than_the_output_comes_back()
    {
        Graph graph = new();
        Node x = graph.Input(new Shape(5));
        Node z = graph.Apply(new Dense(3, new Activation<Identity>()), x);
        Node output = graph.Apply(new Activate(new Activation<Relu>()), z);
        Node loss = graph.Apply(new Loss<Quadratic>(), z, graph.Input(new Shape(3), "target"));
        Network network = new(x, output, loss, ModelNets.Options());
        CheckSamePredictionsAndTraining(network, ModelFile.Parse(ModelFile.ToArray(network), "m").ToNetwork());
    }

    [Test]
    public void A_network_that_only_predicts_comes_back()
    {
        Network network = new Sequential(5).Dense<Tanh>(2).Compile(new NetworkOptions { Seed = 4 });
        ModelFile file = ModelFile.Parse(ModelFile.ToArray(network), "m");
        Network again = file.ToNetwork();
        Assert.That((again.TrainingPlan, file.Loss, file.State), Is.EqualTo((default(Plan), default(string), default(TrainerState))));
        Assert.That(WeightsHash.Of(again), Is.EqualTo(WeightsHash.Of(network)));
        Assert.That(() => file.ToTrainerOptions(), Throws.ArgumentException.With.Message.Contains("without a training"));
    }

    [Test]
    public void The_callers_strings_come_back()
    {
        Dictionary<string, string> extra = new() { ["data"] = "csv:\"wines\".csv\n", ["classes"] = "a,é,\u0001", ["net"] = "mine", [""] = "" };
        Assert.That(ModelFile.Parse(ModelNets.Saved(extra: extra), "m").Extra, Is.EquivalentTo(extra));
    }

    [Test]
    public void The_best_weights_stand_beside_the_last()
    {
        Trainer trainer = ModelNets.Trainer(ModelNets.Network());
        ModelNets.Run(trainer, 9);
        ModelFile file = ModelFile.Parse(ModelFile.ToArray(trainer.Network, trainer), "m");
        Assert.That(file.HasBest, Is.True);
        Assert.That(
            WeightsHash.Of(file.ToNetwork(best: true)),
            Is.EqualTo(WeightsHash.Of(trainer.Network.InferencePlan.Parameters, trainer.BestParameters)));
        Assert.That(WeightsHash.Of(file.ToNetwork(best: false)), Is.EqualTo(WeightsHash.Of(trainer.Network)));
    }

    [TestCase(4, "tensor 'dense1.weight': expected the shape [4, 5], got [7, 5]")]
    [TestCase(0, "there is no tensor 'dense3.weight' of the shape [2, 3]")]
    [TestCase(-1, "tensor 'dense2.weight': the model has no such tensor")]
    public void Weights_for_another_network_are_refused(int hidden, string message)
    {
        Network network = hidden switch
        {
            0 => new Sequential(5).Dense<Sigmoid>(7).Dense<Sigmoid>(3).Dense<Sigmoid>(2).Compile<Quadratic>(ModelNets.Options()),
            -1 => new Sequential(5).Dense<Sigmoid>(7).Compile<Quadratic>(ModelNets.Options()),
            _ => ModelNets.Network(hidden: hidden),
        };
        string before = WeightsHash.Of(network);
        Assert.That(
            () => ModelFile.Parse(ModelFile.ToArray(ModelNets.Network()), "m").LoadWeights(network),
            Throws.TypeOf<DataFormatException>().With.Message.Contains(message));
        Assert.That(WeightsHash.Of(network), Is.EqualTo(before));
    }

    [TestCase("dense1.weight", "dense1.weighs", "there is no tensor 'dense1.weight' of the shape [7, 5]")]
    [TestCase("optimizer.1.dense2.bias", "optimizer.1.dense2.bios", "there is no tensor 'optimizer.1.dense2.bias' of the shape [3]")]
    [TestCase("best.dense2.bias", "worst_dense2.bias", "there is no tensor 'best.dense2.bias'")]
    [TestCase("[7,5]", "[5,7]", "tensor 'dense1.weight': expected the shape [7, 5], got [5, 7]")]
    [TestCase("EmbeddedBackprop 1", "EmbeddedBackprop 3", "the format 'EmbeddedBackprop 1' or 'EmbeddedBackprop 2', got 'EmbeddedBackprop 3'")]
    [TestCase("EmbeddedBackprop 1", "EmbeddedBackprop 2", "metadata 'model': 'EmbeddedBackprop 2' and metadata 'quantization' belong together")]
    [TestCase("\"model\"", "\"madel\"", "this is no model file")]
    [TestCase("dense 7 sigmoid", "dense 7 sigmund", "metadata 'net': net, character 18: activation sigmund")]
    [TestCase("dense 7 sigmoid", "dense 9 sigmoid", "tensor 'dense1.weight': expected the shape [9, 5], got [7, 5]")]
    [TestCase("\"fused\"", "\"fuzed\"", "metadata 'arithmetic': expected fused or separate, got 'fuzed'")]
    [TestCase("beta1=0.9", "beta1=1.9", "metadata 'optimizer': ")]
    [TestCase("beta1=0.9", "bela1=0.9", "unknown setting 'bela1'")]
    [TestCase("\"seed\":\"7\"", "\"seed\":\"x\"", "metadata 'seed': expected a whole number")]
    [TestCase("\"batch\":\"4\"", "\"batch\":\"0\"", "metadata 'batch': expected a whole number from 1")]
    [TestCase("arrays=2", "arrays=3", "there is no tensor 'optimizer.2.dense1.weight'")]
    [TestCase("next-sample=8", "next-sample=8e", "next-sample: expected a whole number from 0 to 22, got '8e'")]
    public void A_wrong_file_is_refused_and_the_message_names_what_is_wrong(string from, string to, string message)
    {
        byte[] bytes = Replace(ModelNets.Saved(), from, to);
        Assert.That(() => ModelFile.Parse(bytes, "m").ToNetwork(), Throws.TypeOf<DataFormatException>().With.Message.Contains(message));
    }

    [Test]
    public void A_file_of_ours_without_its_sums_is_refused()
    {
        byte[] bytes = Replace(Replace(ModelNets.Saved(), "\"sha256.data\"", "\"sha257.data\""), "\"sha256.header\"", "\"sha257.header\"");
        Assert.That(() => ModelFile.Parse(bytes, "m"), Throws.TypeOf<DataFormatException>().With.Message.Contains("sums"));
    }

    [Test]
    public void A_batch_beyond_the_limit_is_refused_before_memory_is_made_for_it()
    {
        byte[] bytes = Replace(ModelNets.Saved(), "\"batch\":\"4\"", "\"batch\":\"2000000000\"");
        Assert.That(() => ModelFile.Parse(bytes, "m").ToNetwork(), Throws.TypeOf<DataFormatException>().With.Message.Contains("beyond the limit"));
        Assert.That(ModelFile.Parse(bytes, "m").ToNetwork(batch: 4).Options.Batch, Is.EqualTo(4));
    }

    [Test]
    public void Files_of_other_writers_fill_a_network_by_names_and_shapes()
    {
        SafetensorsWriter writer = new();
        writer.Add("dense2.bias", [3], Samples.Array(3, 1));
        writer.Add("dense1.weight", [7, 5], Samples.Array(35, 2));
        writer.Add("dense2.weight", [3, 7], Samples.Array(21, 3));
        writer.Add("dense1.bias", [7], Samples.Array(7, 4));
        writer.Add("somebody.else", [1], [1f]);
        using TemporaryFile path = new();
        writer.Save(path.Path);
        Network network = ModelNets.Network();
        ModelFile.LoadWeights(path.Path, network);
        float[] bias = new float[3];
        network.InferencePlan.Parameters[3].CopyTo<float>(network.Parameters, bias);
        Assert.That(bias, Is.EqualTo(Samples.Array(3, 1)));
        Assert.That(() => ModelFile.Open(path.Path), Throws.TypeOf<DataFormatException>().With.Message.Contains("no model file"));
        Assert.That(() => ModelFile.LoadWeights(path.Path, ModelNets.Network(hidden: 6)), Throws.TypeOf<DataFormatException>());
    }

    [TestCase("plain")]
    [TestCase("a \"b\"\\ \n\t é 😀 ; = x")]
    [TestCase("../../etc")]
    [TestCase("9")]
    [TestCase("relu")]
    [TestCase("optimizer.0.dense2")]
    public void Hostile_layer_names_come_back(string name)
    {
        Graph graph = new();
        Node x = graph.Input(new Shape(2), "dense1");
        Node hidden = graph.Apply(new Dense(3, new Activation<Tanh>()), x, name);
        Node again = graph.Apply(hidden.Op!, x);
        Node output = graph.Apply(new Dense(2, new Activation<Identity>()), hidden, name + "2");
        Node loss = graph.Apply(new Loss<Quadratic>(), output, graph.Input(new Shape(2), "target"));
        Network network = new(x, output, loss, new NetworkOptions { Seed = 5 });
        Network read = ModelFile.Parse(ModelFile.ToArray(network), "m").ToNetwork();
        Assert.That(again.Name, Is.EqualTo("dense2"));
        Assert.That(WeightsHash.Of(read), Is.EqualTo(WeightsHash.Of(network)));
        Assert.That(read.InferencePlan.Parameters[0].Name, Is.EqualTo(name + ".weight"));
    }

    [Test]
    public void Layers_whose_tensors_would_take_each_others_names_are_not_written()
    {
        Network network = Named("dense", "optimizer.0.dense");
        Assert.That(() => ModelFile.ToArray(network), Throws.ArgumentException.With.Message.Contains("optimizer.0.dense.weight"));
    }

    [Test]
    public void Half_a_surrogate_pair_is_not_written() =>
        Assert.That(() => ModelFile.ToArray(Named("a", "\ud800")), Throws.ArgumentException);

    [Test]
    public void The_hash_of_a_network_is_that_of_its_compact_parameters()
    {
        Network network = ModelNets.Network();
        List<float> compact = [];
        foreach (ParameterRange range in network.InferencePlan.Parameters)
        {
            float[] values = new float[range.Count];
            range.CopyTo<float>(network.Parameters, values);
            compact.AddRange(values);
        }

        Assert.That(WeightsHash.Of(network), Is.EqualTo(WeightsHash.Of(compact.ToArray())));
        Assert.That(WeightsHash.Of(ModelNets.Network(ModelNets.Options() with { Layout = Layout.Compact })), Is.EqualTo(WeightsHash.Of(network)));
        Assert.That(Allocations.Of(1, () => WeightsHash.Of(network), warmUp: 0), Is.LessThan(1024));
    }

    /// <summary>Replaces one string by another in the header and sets length and sums anew.</summary>
    internal static byte[] Replace(byte[] file, string from, string to)
    {
        int length = (int)BinaryPrimitives.ReadUInt64LittleEndian(file);
        string header = Encoding.UTF8.GetString(file, 8, length);
        Assert.That(header, Does.Contain(from));
        int at = header.IndexOf(from, StringComparison.Ordinal);
        byte[] result = SafetensorsBytes.File(header[..at] + to + header[(at + from.Length)..], file.AsSpan(8 + length));
        SafetensorsBytes.Seal(result);
        return result;
    }

    private static Network Named(string first, string second)
    {
        Graph graph = new();
        Node x = graph.Input(new Shape(2));
        Node output = graph.Apply(new Dense(2, new Activation<Tanh>()), graph.Apply(new Dense(2, new Activation<Tanh>()), x, first), second);
        Node loss = graph.Apply(new Loss<Quadratic>(), output, graph.Input(new Shape(2), "target"));
        return new Network(x, output, loss, ModelNets.Options("momentum"));
    }

    private static void CheckSamePredictionsAndTraining(Network expected, Network actual)
    {
        float[] sample = Samples.Array(5, 8);
        Assert.That(actual.Predict(sample).ToArray(), Is.EqualTo(expected.Predict(sample).ToArray()));
        Trainer first = ModelNets.Trainer(expected), second = ModelNets.Trainer(actual);
        ModelNets.Run(first, 7);
        ModelNets.Run(second, 7);
        Assert.That(ModelNets.Hash(second), Is.EqualTo(ModelNets.Hash(first)));
    }
}
