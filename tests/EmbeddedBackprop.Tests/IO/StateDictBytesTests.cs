using EmbeddedBackprop.Data;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Quantization;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.IO;

/// <summary>State dicts put together by hand: the types of elements, and what no file of PyTorch is.</summary>
internal sealed class StateDictBytesTests
{
    [Test]
    public void Floats_of_16_32_and_64_bits_are_the_same_weights()
    {
        float[] weights = [1f, -2.5f], bias = [0.5f];
        foreach (SafetensorsType type in (SafetensorsType[])[SafetensorsType.F32, SafetensorsType.F64, SafetensorsType.F16, SafetensorsType.BF16])
        {
            using Network network = Compile();
            StateDict.Load(File(("0.weight", type, [1, 2], Bytes(type, weights)), ("0.bias", type, [1], Bytes(type, bias))), "file", network);
            Assert.That(network.Predict([3f, 2f])[0], Is.EqualTo(3f - 5f + 0.5f), $"{type}");
        }
    }

    [Test]
    public void Integers_are_refused_by_name_and_the_network_stays_as_it_is()
    {
        using Network network = Compile();
        string before = WeightsHash.Of(network);
        byte[] file = File(("0.weight", SafetensorsType.I64, [1, 2], new byte[16]), ("0.bias", SafetensorsType.F32, [1], new byte[4]));
        Assert.That(
            () => StateDict.Load(file, "file", network),
            Throws.TypeOf<DataFormatException>().With.Message.Contains("the elements of '0.weight' are I64, expected floats"));
        Assert.That(WeightsHash.Of(network), Is.EqualTo(before));
    }

    [Test]
    public void Two_tensors_of_one_place_are_refused()
    {
        using Network network = Compile();
        byte[] file = File(("r.weight_ih_l1", SafetensorsType.F32, [1], new byte[4]), ("r:1.weight_ih", SafetensorsType.F32, [1], new byte[4]));
        Assert.That(
            () => StateDict.Load(file, "file", network), Throws.TypeOf<DataFormatException>().With.Message.Contains("a second 'weight_ih' of 'r:1'"));
    }

    [Test]
    public void A_quantised_network_has_no_state_dict()
    {
        using Network network = Compile();
        FloatDataset samples = FloatDataset.Classified([1, 2, 3, 4], 2, [0, 0], 1);
        using Network quantized = Quantizer.Quantize(network, samples).Network;
        Assert.That(
            () => StateDict.Save("unwritten.npz", quantized),
            Throws.ArgumentException.With.Message.Contains("the network is quantised: a state dict holds the weights of a float network"));
    }

    private static Network Compile() => NetCompiler.Compile("input 2; dense 1", null, new NetworkOptions { Batch = 1, Seed = 1 });

    private static byte[] Bytes(SafetensorsType type, float[] values) => [.. values.SelectMany(x => type switch
    {
        SafetensorsType.F64 => BitConverter.GetBytes((double)x),
        SafetensorsType.F16 => BitConverter.GetBytes((Half)x),
        SafetensorsType.BF16 => BitConverter.GetBytes(x)[2..],
        _ => BitConverter.GetBytes(x),
    })];

    private static byte[] File(params ReadOnlySpan<(string Name, SafetensorsType Type, int[] Shape, byte[] Bytes)> tensors)
    {
        SafetensorsWriter writer = new();
        foreach ((string name, SafetensorsType type, int[] shape, byte[] bytes) in tensors)
        {
            writer.Add(name, type, shape, bytes);
        }

        return writer.ToArray();
    }
}
