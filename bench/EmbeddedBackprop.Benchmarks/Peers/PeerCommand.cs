using System.Globalization;
using System.Runtime.InteropServices;
using EmbeddedBackprop.Benchmarks.Reports;
using EmbeddedBackprop.Data;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Benchmarks.Peers;

/// <summary>
/// The engine's side of bench/peers: reads one command a line from standard input, or one from the arguments, and answers each by one line of JSON.
/// All peers speak this protocol, so that a driver can take them in turn; bench/peers/README.md lists the commands.
/// </summary>
internal static class PeerCommand
{
    private static readonly PeerNets Nets = new();
    private static readonly PeerGemm Products = new();

    /// <returns>0; 2 if the one command of the arguments is not known.</returns>
    public static int Run(string[] arguments)
    {
        if (arguments.Length > 0)
        {
            string answer = Answer(arguments);
            Console.WriteLine(answer);
            return answer.StartsWith("{\"missing\"", StringComparison.Ordinal) ? 2 : 0;
        }

        while (Console.ReadLine() is { } line)
        {
            Console.WriteLine(Answer(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)));
        }

        return 0;
    }

    private static string Answer(string[] words)
    {
        switch (words)
        {
            case ["hello"]:
                return $"{{\"versions\":\"{RuntimeInformation.FrameworkDescription}, tile of {LaneDispatch.Width} bit\","
                    + $"\"processor\":\"{ResultFile.Processor}\",\"folder\":\"{Path.GetFileName(ResultFile.Folder)}\"}}";
            case ["data", var count, var inputs, .. var file]:
                Nets.Data = ReadData(Number(count), Number(inputs), string.Join(' ', file));
                return "{\"ok\":true}";
            case ["epoch", var sizes, var batch, var samples, var rate]:
                return Seconds(Nets.Epoch(sizes, Number(batch), Number(samples), float.Parse(rate, CultureInfo.InvariantCulture)));
            case ["accuracy", var sizes, var batch, var samples]:
                return string.Create(CultureInfo.InvariantCulture, $"{{\"accuracy\":{Nets.Accuracy(sizes, Number(batch), Number(samples)):F4}}}");
            case ["predict", var sizes, var duration]:
                return Seconds(Nets.Predict(sizes, double.Parse(duration, CultureInfo.InvariantCulture)));
            case ["sequence", "lstm" or "gru", var steps, var features, var units, var batch, var duration]:
                return Seconds(Nets.Sequence(
                    words[1], Number(steps), Number(features), Number(units), Number(batch), double.Parse(duration, CultureInfo.InvariantCulture)));
            case ["convolution", "train" or "predict", var batch, var duration]:
                return Seconds(Nets.Convolution(words[1], Number(batch), double.Parse(duration, CultureInfo.InvariantCulture)));
            case ["net", var net, var parameters, var state, .. var file]:
                Nets.Net(net, Number(parameters), Number(state), string.Join(' ', file));
                return "{\"ok\":true}";
            case ["outputs", var net, var batch]:
                return "{\"outputs\":["
                    + string.Join(',', Nets.Outputs(net, Number(batch)).Select(x => x.ToString("R", CultureInfo.InvariantCulture))) + "]}";
            case ["forward", var net, var batch, var duration]:
                return Seconds(Nets.Forward(net, Number(batch), double.Parse(duration, CultureInfo.InvariantCulture)));
            case ["gemm", "NN" or "TN" or "NT", var m, var n, var k, var duration]:
                return Seconds(Products.Run(words[1], Number(m), Number(n), Number(k), double.Parse(duration, CultureInfo.InvariantCulture)));
            default:
                return $"{{\"missing\":\"{(words.Length == 0 ? "" : words[0])}\"}}";
        }
    }

    private static string Seconds(double seconds) => string.Create(CultureInfo.InvariantCulture, $"{{\"seconds\":{seconds:E6}}}");

    private static int Number(string word) => int.Parse(word, CultureInfo.InvariantCulture);

    /// <summary>A file of count * inputs bytes, then one byte a label (10 classes).</summary>
    private static ByteDataset ReadData(int count, int inputs, string path)
    {
        byte[] file = File.ReadAllBytes(path);
        return new ByteDataset(file[..(count * inputs)], file[(count * inputs)..], inputs, 10);
    }
}
