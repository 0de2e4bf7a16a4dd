using System.Globalization;
using System.Text;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.IO;

/// <summary>A net of any sizes, as a model file may hold it, runs or is refused; nothing else, whatever its sizes are.</summary>
[TestFixture]
[Parallelizable(ParallelScope.Self)]
internal sealed class ExtremeNetsTests
{
    [Test]
    public void Any_sizes_run_or_are_refused() => Check(seed: 1, count: 300);

    [Test]
    [Category("Slow")]
    public void Any_sizes_of_many_nets_run_or_are_refused() => Check(seed: 2, count: 1_000);

    /// <summary>These ended the process, or were refused too late and by another exception.</summary>
    [TestCase("input 1x28x28; conv 1 3x3 d2147483647; dense 2", "does not fit into the padded input")]
    [TestCase("input 1x8x8; conv 1 3x3 p2147483647", "too large")]
    [TestCase("input 1x8x8; conv 60000 200x200 same", "too large")]
    [TestCase("input 536870912; softmax", "more than 536870911 elements")]
    [TestCase("input 1x70000x70000; dense 2", "has more than 2147483647")]
    public void Sizes_beyond_the_kernels_are_refused_by_name(string net, string message) =>
        Assert.That(
            () => NetCompiler.Compile(net, null, new NetworkOptions { Batch = 1 }),
            Throws.InstanceOf<Exception>().With.Message.Contains(message).And.Matches<Exception>(e => e is ArgumentException or FormatException));

    /// <summary>Found by ten million mutants (gru 399999): an exception of another kind.</summary>
    [TestCase("gru 3", "gru 399999", "gru1.weight_hh: 480002399991 floats do not fit")]
    [TestCase("gru 3", "gru 1431655766", "gru1: 5726623064 floats do not fit")]
    [TestCase("lstm 2", "lstm 536870913", "lstm1: 2147483652 floats do not fit")]
    [TestCase("lstm 2", "lstm 1073741824", "lstm1: 4294967296 floats do not fit")]
    [TestCase("dense 2", "dense 2147483647", "dense1.weight: 4294967")]
    public void Weights_that_no_span_holds_are_the_files_fault(string part, string other, string message)
    {
        using Network network = NetCompiler.Compile("input 6x4; gru 3 all; lstm 2; dense 2", null, new NetworkOptions { Batch = 1 });
        byte[] good = ModelFile.ToArray(network), before = Encoding.ASCII.GetBytes(part);
        int at = good.AsSpan().IndexOf(before);
        byte[] huge = [.. good[..at], .. Encoding.ASCII.GetBytes(other), .. good[(at + before.Length)..]];
        Assert.That(() => ModelFile.Parse(Seals.Sums(good), "good").ToNetwork(), Throws.Nothing, "the control");
        Assert.That(
            () => ModelFile.Parse(Seals.Sums(huge), "huge").ToNetwork(), Throws.TypeOf<DataFormatException>().With.Message.Contains(message));
    }

    private static void Check(int seed, int count)
    {
        (int exit, string output, string error) = ChildProcess.Run(
            "extreme", seed.ToString(CultureInfo.InvariantCulture), count.ToString(CultureInfo.InvariantCulture));
        Assert.That(exit, Is.Zero, $"the process ended in: {string.Join('\n', error.Split('\n').TakeLast(12))}");
        string[] words = output.Split(' ');
        int ran = int.Parse(words[0], CultureInfo.InvariantCulture), refused = int.Parse(words[2], CultureInfo.InvariantCulture);
        Assert.That(ran + refused, Is.EqualTo(count));
        Assert.That(ran, Is.GreaterThan(count / 8), "too few nets ran for the test to say anything");
        Assert.That(refused, Is.GreaterThan(count / 8), "too few nets were extreme");
        TestContext.Out.WriteLine(output);
    }
}
