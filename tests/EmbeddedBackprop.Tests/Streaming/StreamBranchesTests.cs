using System.Globalization;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Quantization;
using EmbeddedBackprop.Streaming;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Streaming;

/// <summary>Branches of every pair of short chains of layers: a net is fed as a stream, unless its branches have rows of other times.</summary>
[Parallelizable(ParallelScope.All)]
internal sealed class StreamBranchesTests
{
    private static readonly string[] Valid =
        ["conv1d 2 1 s2", "conv1d 2 2", "conv1d 2 3 d2", "conv1d 2 2 s2", "conv1d 2 3 s2", "maxpool1d 2", "maxpool1d 1 s3", "avgpool1d 2 s3"];

    private static readonly string[] Causal = ["conv1d 2 3 causal", "conv1d 2 2 causal s2", "conv1d 2 3 causal s2", "conv1d 2 2 causal s3"];

    /// <summary>Both branches are read whole: each decision is the window's prediction.</summary>
    [Test]
    public void Windows_of_two_branches_begin_with_the_same_sample([Values(9, 12, 14)] int steps)
    {
        string[][] chains = Chains(Valid, []);
        int nets = 0;
        foreach ((string[] a, string[] b) in Pairs(chains))
        {
            if (TryCompile($"x = input 1x{steps}; {Chain("a", a)}; {Chain("b", b)}; p = flatten a; q = flatten b; concat p q") is not { } network)
            {
                continue;
            }

            using (network)
            {
                StreamingNetwork stream;
                try
                {
                    stream = new StreamingNetwork(network);
                }
                catch (ArgumentException refusal)
                {
                    // Strides of 2 and 3 meet every 6 steps: as many rows as a branch does not have.
                    Assert.That(refusal.Message, Does.Contain("steps would be skipped"), Name(a, b));
                    continue;
                }

                using StreamingNetwork ended = stream;
                float[] samples = StreamingNetworkTests.Samples(network, stream, 3 * stream.Hop);
                int decision = 0;
                Assert.That(stream.Window, Is.LessThanOrEqualTo(steps), Name(a, b));
                foreach (float[] given in StreamingNetworkTests.Decisions(stream, samples, int.MaxValue))
                {
                    float[] window = [.. samples.Skip(decision * stream.Hop).Concat(new float[steps]).Take(steps)];
                    Assert.That(Bits.FirstDifference(given, network.Predict(window)), Is.EqualTo(-1), $"{Name(a, b)}, decision {decision}");
                    decision++;
                }

                Assert.That(decision, Is.GreaterThanOrEqualTo(4), Name(a, b));
                nets++;
            }
        }

        TestContext.Out.WriteLine($"{nets} nets over {steps} steps");
        Assert.That(nets, Is.GreaterThan(1000));
    }

    /// <summary>The branches are added: the newest rows are those of the net over all samples.</summary>
    [Test]
    public void Branches_that_are_added_give_rows_of_the_same_time([Values(11, 12, 13)] int steps)
    {
        string[][] chains = Chains(Valid, Causal);
        int nets = 0, refused = 0;
        foreach ((string[] a, string[] b) in Pairs(chains))
        {
            string text = $"x = input 1x{{0}}; {Chain("a", a)}; {Chain("b", b)}; add a b";
            if (TryCompile(Sized(text, steps)) is not { } network)
            {
                continue;
            }

            using (network)
            {
                bool otherTimes = Stride(a) != Stride(b);
                StreamingNetwork stream;
                try
                {
                    stream = new StreamingNetwork(network);
                }
                catch (NotSupportedException refusal)
                {
                    Assert.That(otherTimes, Is.True, $"{Name(a, b)}: {refusal.Message}");
                    refused++;
                    continue;
                }

                using (stream)
                {
                    Assert.That(otherTimes, Is.False, Name(a, b));
                    float[] samples = StreamingNetworkTests.Samples(network, stream, 3 * stream.Hop);
                    int decision = 0;
                    foreach (float[] given in StreamingNetworkTests.Decisions(stream, samples, int.MaxValue))
                    {
                        int all = Math.Max((int)stream.Window, 1) + (decision * stream.Hop);
                        using Network whole = TryCompile(Sized(text, all))!;
                        Assert.That(whole, Is.Not.Null, Name(a, b));
                        NetworkValues.Copy(network, whole);
                        float[] rows = whole.Predict(samples.AsSpan(0, all)).ToArray();
                        int channels = given.Length, length = rows.Length / channels;
                        float[] newest = [.. Enumerable.Range(0, channels).Select(c => rows[(c * length) + length - 1])];
                        Assert.That(Bits.FirstDifference(given, newest), Is.EqualTo(-1), $"{Name(a, b)}, decision {decision}");
                        decision++;
                    }

                    Assert.That(decision, Is.GreaterThanOrEqualTo(4), Name(a, b));
                }

                nets++;
            }
        }

        TestContext.Out.WriteLine($"{nets} nets over {steps} steps, {refused} with rows at other times");
        Assert.That(nets, Is.GreaterThan(300));
        Assert.That(refused, Is.GreaterThan(0));
    }

    private static string[][] Chains(string[] valid, string[] causal)
    {
        string[] all = [.. valid, .. causal];
        return [.. all.Select(layer => (string[])[layer]), .. all.SelectMany(first => all.Select(second => (string[])[first, second]))];
    }

    private static IEnumerable<(string[] A, string[] B)> Pairs(string[][] chains) =>
        from i in Enumerable.Range(0, chains.Length) from j in Enumerable.Range(0, i) select (chains[i], chains[j]);

    private static string Chain(string name, string[] layers) => string.Join(
        "; ", layers.Select((layer, i) => $"{(i == layers.Length - 1 ? name : name + i)} = {layer} {(i == 0 ? "x" : name + (i - 1))}"));

    private static string Name(string[] a, string[] b) => $"{string.Join(", ", a)} beside {string.Join(", ", b)}";

    private static string Sized(string text, int steps) => string.Format(CultureInfo.InvariantCulture, text, steps);

    private static int Stride(string[] layers) => layers.Aggregate(1, (product, layer) => product * Stride(layer));

    private static int Stride(string layer) =>
        layer == "maxpool1d 2" ? 2 : layer.Split(' ').FirstOrDefault(word => word[0] == 's') is { } stride ? stride[1] - '0' : 1;

    private static Network? TryCompile(string net)
    {
        try
        {
            return StreamingNetworkTests.Compile(net, Arithmetic.Fused);
        }
        catch (FormatException)
        {
            return null; // no net
        }
    }
}
