using System.Text.Json;
using EmbeddedBackprop.Activations;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Tests.Golden;

/// <summary>The fully connected network of a golden case's spec.</summary>
internal sealed record GoldenNetwork(int[] Sizes, string[] Activations)
{
    public static GoldenNetwork Read(JsonElement spec, string where)
    {
        GoldenJson.OnlyFields(spec, where, "type", "sizes", "activations");
        Assert.That(GoldenJson.Field(spec, where, "type").GetString(), Is.EqualTo("mlp"), where);
        GoldenNetwork network = new(
            [.. GoldenJson.Field(spec, where, "sizes").EnumerateArray().Select(x => x.GetInt32())],
            [.. GoldenJson.Field(spec, where, "activations").EnumerateArray().Select(x => EngineName(x.GetString()!))]);
        Assert.That(network.Activations, Has.Length.EqualTo(network.Sizes.Length - 1), $"{where}: an activation per layer");
        foreach (string activation in network.Activations)
        {
            Assert.That(Registry.ActivationNames, Does.Contain(activation), $"{where}: activation");
        }

        return network;
    }

    /// <summary>Leaky_relu is leaky-relu here.</summary>
    public static string EngineName(string name) => name.Replace('_', '-');

    public static Loss LossOf(string name, string where) => name switch
    {
        "softmax_cross_entropy" => new SoftmaxCrossEntropy(),
        "quadratic" or "mse" or "mae" or "huber" or "binary_cross_entropy" or "binary_cross_entropy_with_logits" => Registry.Loss(EngineName(name)),
        _ => throw new AssertionException($"{where}: the loss {name} is not understood"),
    };

    /// <summary>
    /// Adds the layers and the loss to a graph, as Sequential does: where the loss has a form on logits, the last layer is split into logits and
    /// activation, and the loss judges the logits.
    /// </summary>
    public Node Build(Graph graph, Node input, Node target, ref Loss loss, out Node lossNode)
    {
        Node node = input;
        for (int i = 0; i < Activations.Length; i++)
        {
            Activation activation = Registry.Activation(Activations[i]);
            if (i == Activations.Length - 1 && loss.OnLogits(activation) is { } onLogits)
            {
                loss = onLogits;
                Node logits = graph.Apply(new Dense(Sizes[i + 1], new Activation<Identity>()), node);
                lossNode = graph.Apply(loss, logits, target, "loss");
                return graph.Apply(new Activate(activation), logits);
            }

            node = graph.Apply(new Dense(Sizes[i + 1], activation), node);
        }

        lossNode = graph.Apply(loss, node, target, "loss");
        return node;
    }

    /// <summary>Copies layers.N.weight and layers.N.bias into the flat span; all of them, and nothing else.</summary>
    public static void Load(Dictionary<string, GoldenTensor> tensors, ReadOnlySpan<ParameterRange> ranges, Span<float> parameters, string where)
    {
        Assert.That(tensors, Has.Count.EqualTo(ranges.Length), $"{where}: tensors");
        for (int i = 0; i < ranges.Length; i++)
        {
            string name = NameOf(i);
            Assert.That(tensors.ContainsKey(name), $"{where}: {name} is missing");
            Assert.That(tensors[name].Shape, Is.EqualTo(ranges[i].FileShape), $"{where}: shape of {name}");
            ranges[i].CopyFrom<float>(tensors[name].Floats, parameters);
        }
    }

    /// <summary>Compares a flat span with the golden tensors, one by one.</summary>
    public static void Compare(
        Dictionary<string, GoldenTensor> tensors, ReadOnlySpan<ParameterRange> ranges, ReadOnlySpan<float> flat, string where, GoldenErrors errors)
    {
        Assert.That(tensors, Has.Count.EqualTo(ranges.Length), $"{where}: tensors");
        for (int i = 0; i < ranges.Length; i++)
        {
            float[] compact = new float[ranges[i].Count];
            ranges[i].CopyTo(flat, compact);
            errors.Add($"{where} {NameOf(i)}", tensors[NameOf(i)].ErrorOf(compact));
        }
    }

    private static string NameOf(int range) => $"layers.{range / 2}.{(range % 2 == 0 ? "weight" : "bias")}";
}
