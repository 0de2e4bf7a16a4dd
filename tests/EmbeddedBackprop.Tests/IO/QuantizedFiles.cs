using System.Buffers.Binary;
using EmbeddedBackprop.Data;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Quantization;
using EmbeddedBackprop.Tests.Quantization;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.IO;

/// <summary>Quantised networks and their files.</summary>
internal static class QuantizedFiles
{
    /// <summary>Clamps, tables, one output of 16 bits.</summary>
    public const string Dense = "input 12; dense 9 relu; dense 7 tanh; dense 6 gelu; dense 3 softmax";

    /// <summary>Norms that fold, groups, a transposed convolution.</summary>
    public const string Convolutions =
        "input 2x8x8; conv 4 3x3 p1 relu; conv 8 3x3 s2 g4; batchnorm; activate relu; conv-transpose 4 2x2 s2 g2 sigmoid; dense 5 softmax";

    /// <summary>Two values that one scale must hold, and a mean.</summary>
    public const string Residual = "input 2x6x6; a = conv 4 3x3 p1 relu; b = conv 4 3x3 p1 tanh; add a b; global-avgpool; dense 3 softmax";

    public const string Recurrent = "input 6x4; gru 5; dense 3 softmax";

    /// <summary>Two directions, all steps, a cell; a simple layer whose biases of the state are floats.</summary>
    public const string Cells = "input 6x4; lstm 5 all bidirectional; rnn 4 relu; dense 3 softmax";

    /// <summary>A network with drawn weights and its loss.</summary>
    public static Network Float(string net, int seed = 3)
    {
        Loss? loss = net.EndsWith("softmax", StringComparison.Ordinal) ? new SoftmaxCrossEntropy() : null;
        Network network = NetCompiler.Compile(net, loss, new NetworkOptions { Batch = 4, Seed = 5 });
        QuantizationNets.Fill(network, seed);
        return network;
    }

    /// <summary>Samples of classes for a network.</summary>
    public static FloatDataset Data(Network network, int count = 40)
    {
        int length = network.Inputs.Sum(node => node.Shape.Length), classes = network.Output.Shape.Length;
        return FloatDataset.Classified(
            Samples.Array(count * length, seed: 8), length, [.. Enumerable.Range(0, count).Select(i => i % classes)], classes);
    }

    public static Network Quantized(string net, QuantizerOptions? options = null)
    {
        using Network network = Float(net);
        return Quantizer.Quantize(network, Data(network), options).Network;
    }

    public static byte[] Saved(string net = Dense, QuantizerOptions? options = null)
    {
        using Network network = Quantized(net, options);
        return ModelFile.ToArray(network);
    }

    /// <summary>Changes the bytes of a tensor and sets the sums anew.</summary>
    public static byte[] With(byte[] file, string tensor, int firstByte, params ReadOnlySpan<byte> bytes)
    {
        byte[] changed = [.. file];
        bytes.CopyTo(changed.AsSpan(Begin(file, tensor) + firstByte));
        SafetensorsBytes.Seal(changed);
        return changed;
    }

    public static byte[] Bytes(float value)
    {
        byte[] bytes = new byte[4];
        BinaryPrimitives.WriteSingleLittleEndian(bytes, value);
        return bytes;
    }

    /// <summary>The offset of a tensor in the file.</summary>
    public static int Begin(byte[] file, string tensor)
    {
        SafetensorsTensor found = SafetensorsFile.Parse(file, "m").GetTensor(tensor);
        return (int)found.Error("").Offset;
    }
}
