using System.Diagnostics;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Onnx;
using EmbeddedBackprop.Tests.IO;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Onnx;

/// <summary>Large files of little substance are read in bounded memory and time; <see cref="LoaderTests"/> has the mutants of small ones.</summary>
internal sealed class OnnxLimitsTests
{
    [Test]
    public void Allocation_is_bounded_for_many_small_entries()
    {
        // A chain of as many nodes as a net may have, each as short as it can be.
        OnnxNet net = new OnnxNet().Input("0", -1, 3).Weight("w", 3, 3).Node("1 = Gemm 0 w");
        for (int i = 1; i < 400; i++)
        {
            _ = net.Node($"{i + 1} = Relu {i}");
        }

        byte[] file = net.Output("400").ToArray();
        long before = GC.GetAllocatedBytesForCurrentThread();
        try
        {
            _ = OnnxFile.Read(file, "a chain");
        }
        catch (DataFormatException)
        {
            // Refused for its bound on memory.
        }

        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before + file.Length, Is.LessThanOrEqualTo(Loader.FourTimes(file.Length)));
    }

    [Test]
    public void Time_is_linear_in_the_file()
    {
        // Values that thousands of nodes read, and names that are all alike: a square somewhere would take minutes.
        OnnxNet net = new OnnxNet().Input("x", -1, 3);
        for (int i = 0; i < 8_000; i++)
        {
            _ = net.Node($"long_name_of_a_value_that_is_like_all_the_others_{i} = Tanh x");
        }

        string[] all = [.. Enumerable.Range(0, 1000).Select(i => $"long_name_of_a_value_that_is_like_all_the_others_{i}")];
        byte[] file = net.Node($"y = Sum {string.Join(' ', all)}").Output("y").ToArray();
        long begin = Stopwatch.GetTimestamp();
        Assert.That(() => OnnxFile.Read(file, "many").ToNetwork(new NetworkOptions { Batch = 2 }), Throws.TypeOf<DataFormatException>());
        Assert.That(Stopwatch.GetElapsedTime(begin).TotalSeconds, Is.LessThan(20));
    }
}
