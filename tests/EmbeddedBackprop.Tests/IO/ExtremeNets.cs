using System.Globalization;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Kernels.Random;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Optimizers;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.IO;

/// <summary>
/// Nets as nobody draws them: sizes, steps, padding and batches at powers of two, their neighbours, and the ends of an int. Run in a child process,
/// which an access outside the memory would end.
/// </summary>
internal static class ExtremeNets
{
    /// <summary>What a net may take here: a model file's reader is asked for no more either.</summary>
    private const long Limit = 96L << 20;

    /// <summary>Multiply-adds of a step, at most: the others are compiled only.</summary>
    private const double MostWork = 2e7;

    private static readonly int[] Sizes =
    [
        1, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 63, 64, 65, 100, 127, 128, 129, 200, 255, 256, 257, 1000, 1023, 1024, 1025, 4095, 4096, 4097,
        10_000, 32_767, 32_768, 32_769, 65_535, 65_536, 100_000, 131_073, 1 << 20, 1 << 24, 1 << 30, int.MaxValue - 1, int.MaxValue,
    ];

    /// <summary>Prints how many nets ran and how many were refused, or what went wrong.</summary>
    public static void Run(string seed, string count)
    {
        CounterRandom random = new(ulong.Parse(seed, CultureInfo.InvariantCulture), RandomPurpose.Check);
        int ran = 0, refused = 0;
        for (uint i = 0; i < uint.Parse(count, CultureInfo.InvariantCulture); i++)
        {
            Draw draw = new(random.Sequence(i));
            string net = draw.Net();
            int batch = draw.OneOf(6) ? draw.Size(5000) : 1 + draw.Below(4);

            // The last line before the process ends names the net.
            Console.Error.WriteLine(FormattableString.Invariant($"{i}: batch {batch}, {net}"));
            if (Works(net, batch))
            {
                ran++;
            }
            else
            {
                refused++;
            }
        }

        Console.WriteLine(FormattableString.Invariant($"{ran} ran, {refused} refused"));
    }

    private static bool Works(string net, int batch)
    {
        try
        {
            using Network network = NetCompiler.Compile(
                net, new Loss<Quadratic>(), new NetworkOptions { Batch = batch, Seed = 1, Optimizer = new Sgd(), MemoryLimit = Limit });
            if (network.InferencePlan.Steps.ToArray().Sum(step => (double)step.Op.MultiplyAdds) * batch > MostWork)
            {
                return false;
            }

            Fill(network.TrainingInput(batch));
            network.TrainingTarget(batch).Clear();
            _ = network.TrainStep(batch, 1e-6f);
            network.ResetState();
            Fill(network.PredictionInput(batch));
            float[] predicted = Predicted(network, batch);
            Reload(network, batch, predicted);
            return true;
        }
        catch (Exception exception)
            when (exception.GetType() == typeof(ArgumentException) || exception is ArgumentOutOfRangeException or FormatException)
        {
            return false;
        }
    }

    /// <summary>The file of such a net gives the same predictions, or is refused as a file when it takes more than it may.</summary>
    private static void Reload(Network network, int batch, float[] predicted)
    {
        ModelFile file = ModelFile.Parse(ModelFile.ToArray(network), "extreme");
        using Network again = file.ToNetwork();
        Fill(again.PredictionInput(batch));
        if (!Predicted(again, batch).AsSpan().SequenceEqual(predicted) && !predicted.Any(float.IsNaN))
        {
            throw new InvalidOperationException("the file's network predicts otherwise");
        }

        file.MemoryLimit = 4L * (again.MemoryLength - 1);
        try
        {
            using Network refused = file.ToNetwork();
        }
        catch (DataFormatException)
        {
            return;
        }

        throw new InvalidOperationException("a network above the limit was built");
    }

    /// <summary>The rows without their padding, which means nothing.</summary>
    private static float[] Predicted(Network network, int batch)
    {
        ReadOnlySpan<float> rows = network.Predict(batch);
        int columns = network.Output.Shape.Length;
        float[] compact = new float[batch * columns];
        for (int i = 0; i < batch; i++)
        {
            rows.Slice(i * network.OutputStride, columns).CopyTo(compact.AsSpan(i * columns));
        }

        return compact;
    }

    private static void Fill(Span<float> values)
    {
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = ((i % 7) - 3) * 0.1f;
        }
    }

    /// <summary>Draws the words of a net.</summary>
    private sealed class Draw(RandomSequence sequence)
    {
        private RandomSequence sequence = sequence;

        public int Below(int limit) => sequence.NextBelow(limit);

        public bool OneOf(int count) => Below(count) == 0;

        /// <summary>Seven of eight sizes are within the limit.</summary>
        public int Size(int limit)
        {
            int size = Sizes[Below(Sizes.Length)];
            while (size > limit && !OneOf(8))
            {
                size = Sizes[Below(Sizes.Length)];
            }

            return size;
        }

        public string Net()
        {
            int far = OneOf(3) ? 100_000 : 200, channels = Size(OneOf(3) ? 70_000 : 64);
            string image = Text($"input {channels}x{Size(far)}x{Size(far)}"), window = Text($"{Side()}x{Side()}");
            return Below(12) switch
            {
                0 or 1 or 2 => Text($"{image}; conv {Size(40)} {window}{Options(far)}") + (OneOf(2) ? "; conv 2 3x3 same" : ""),
                3 => Text($"{image}; conv {channels * (long)(1 + Below(3))} {window}{Options(far)} g{channels}"),
                4 => Text($"{image}; conv-transpose {Size(20)} {window}{Options(far, same: false)}"),
                5 => Text($"{image}; conv 2 3x3 same; {(OneOf(2) ? "max" : "avg")}pool {window}{Step(far)}{Padding(far)}"),
                6 => Text($"input {channels}x{Size(far)}; conv1d {Size(20)} {Size(far)} s{Size(far)} d{Size(far)}{(OneOf(3) ? " causal" : "")}"),
                7 => Text($"input {Size(far)}x{Size(far)}; {(OneOf(2) ? "gru" : OneOf(2) ? "lstm" : "rnn")} {Size(300)}{(OneOf(3) ? " carry" : "")}"),
                8 => Text($"input {Size(1 << 24)}; dense {Size(3000)}"),
                9 => Text($"input {Size(1 << 24)}; dense {Size(30)}; softmax"),
                10 => Text($"input {Size(far)}x{Size(far)}; layernorm; dense {Size(100)}"),
                _ => Text($"{image}; batchnorm; conv {Size(9)} 1x1; global-avgpool"),
            };
        }

        private int Side() => Size(OneOf(3) ? 300 : 9);

        private string Options(int far, bool same = true) =>
            Step(far) + (same && OneOf(4) ? " same" : Padding(far)) + (OneOf(3) ? Pair('d', far) : "");

        private string Step(int far) => OneOf(2) ? Pair('s', far) : "";

        private string Padding(int far) => OneOf(3) ? Pair('p', far) : "";

        private string Pair(char letter, int far) => Text($" {letter}{Size(far)}x{Size(far)}");

        private static string Text(FormattableString text) => FormattableString.Invariant(text);
    }
}
