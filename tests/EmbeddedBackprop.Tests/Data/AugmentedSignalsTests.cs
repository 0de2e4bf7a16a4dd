using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Data;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Data;

/// <summary>Augmented windows of signals: each change by its definition, their dependencies, their bits, and a training with them.</summary>
internal sealed class AugmentedSignalsTests
{
    private const int Length = 700;
    private static readonly SignalAugmentation All = SignalAugmentation.Parse("speed=0.2,shift=30,gain=6,noise=20,band=0.3,mask=100");

    [Test]
    public void A_speed_stretches_the_signal()
    {
        // On a line a value between two samples is exact: y[t] = 1 + t speed, then zeros.
        FloatDataset line = FloatDataset.Classified(
            [.. Enumerable.Range(0, 60 * Length).Select(t => 1f + (t % Length))], Length, new int[60], 2);
        float[][] rows = Rows(line, "speed=0.25", 60);
        List<double> speeds = [];
        foreach (float[] row in rows)
        {
            double speed = row[1] - 1.0;
            speeds.Add(speed);
            for (int t = 0; t < Length; t++)
            {
                double at = t * speed;
                Assert.That(row[t], Is.EqualTo(at <= Length - 1 ? 1 + at : 0).Within(speed * 1e-3), $"{speed}, sample {t}");
            }
        }

        Assert.That(speeds, Is.All.InRange(0.7999, 1.2501));
        Assert.That(speeds.Min(), Is.LessThan(0.84), "slower");
        Assert.That(speeds.Max(), Is.GreaterThan(1.19), "faster");
        Assert.That(speeds.Count(speed => speed < 1), Is.InRange(15, 45), "as often slower as faster");

        // Any signal, with the same draws: the definition in double, from a copy of the window.
        FloatDataset data = Signals(20);
        float[][] played = Rows(data, "speed=3", 20), same = Rows(line, "speed=3", 20);
        for (int i = 0; i < 20; i++)
        {
            double speed = same[i][1] - 1.0;
            float[] source = data.Row(i).ToArray();
            for (int t = 0; t < Length; t++)
            {
                double at = t * speed;
                int before = Math.Min((int)at, Length - 1), after = Math.Min(before + 1, Length - 1);
                double expected = at > Length - 1 ? 0 : source[before] + ((at - before) * (source[after] - source[before]));
                Assert.That(played[i][t], Is.EqualTo(expected).Within(3e-3), $"speed {speed}, sample {t}");
            }
        }
    }

    [Test]
    public void A_shift_moves_samples_and_brings_zeros()
    {
        FloatDataset data = Signals(40);
        HashSet<int> seen = [];
        float[][] rows = Rows(data, "shift=3", 40);
        for (int i = 0; i < 40; i++)
        {
            float[] source = data.Row(i).ToArray();
            int shift = Enumerable.Range(-3, 7).Single(s => Enumerable.Range(0, Length).All(t =>
                rows[i][t] == (t - s >= 0 && t - s < Length ? source[t - s] : 0)));
            seen.Add(shift);
        }

        Assert.That(seen, Has.Count.EqualTo(7), "all shifts occur");
        Assert.That(Rows(data, "shift=1000000", 3).SelectMany(row => row).Count(x => x != 0), Is.LessThan(3 * Length), "beyond the window");
    }

    [Test]
    public void A_gain_is_one_factor_within_its_bounds()
    {
        FloatDataset data = Signals(40);
        float[][] rows = Rows(data, "gain=6", 40);
        List<double> gains = [];
        for (int i = 0; i < 40; i++)
        {
            double factor = rows[i][5] / (double)data.Row(i)[5];
            gains.Add(20 * Math.Log10(factor));
            for (int t = 0; t < Length; t++)
            {
                Assert.That(rows[i][t], Is.EqualTo(factor * data.Row(i)[t]).Within(1e-6));
            }
        }

        Assert.That(gains, Is.All.InRange(-6.001, 6.001));
        Assert.That(gains.Min(), Is.LessThan(-4), "both ways");
        Assert.That(gains.Max(), Is.GreaterThan(4), "both ways");
    }

    [Test]
    public void Noise_has_its_ratio_and_is_normal()
    {
        FloatDataset data = Signals(40);
        foreach (int ratio in (int[])[0, 20, -10])
        {
            float[][] rows = Rows(data, $"noise={ratio}", 40);
            List<double> noise = [];
            double signal = 0;
            for (int i = 0; i < 40; i++)
            {
                double own = Enumerable.Range(0, Length).Sum(t => (double)data.Row(i)[t] * data.Row(i)[t]) / Length;
                for (int t = 0; t < Length; t++)
                {
                    // In deviations of the window's own noise.
                    noise.Add((rows[i][t] - data.Row(i)[t]) / Math.Sqrt(own) * Math.Pow(10, ratio / 20.0));
                }

                signal += own;
            }

            Assert.That(noise.Average(), Is.Zero.Within(0.03), $"{ratio} dB");
            Assert.That(noise.Average(x => x * x), Is.EqualTo(1).Within(0.03), $"{ratio} dB");
            Assert.That(noise.Average(x => x * x * x * x), Is.EqualTo(3).Within(0.3), "the fourth moment of a normal variate");
            Assert.That(signal, Is.Positive);
        }

        FloatDataset silent = FloatDataset.Classified(new float[Length], Length, [0], 2);
        Assert.That(Rows(silent, "noise=0", 1)[0], Is.All.Zero, "silence has no ratio");
    }

    [Test]
    public void A_band_is_taken_out_of_frames_that_add_up_to_the_signal()
    {
        foreach (int length in (int[])[1, 511, 512, 513, 700, 2000])
        {
            float[] signal = Samples.Array(length, 7);
            foreach ((int first, int count) in ((int, int)[])[(0, 0), (0, 30), (100, 1), (60, 200), (400, 113), (0, 513)])
            {
                float[] changed = [.. signal];
                BandStop.Apply(changed, first, count);
                double[] expected = WithoutBand(signal, first, count);
                Assert.That(
                    Enumerable.Range(0, length).Max(t => Math.Abs(changed[t] - expected[t])), Is.LessThan(2e-6), $"{length}: {first}, {count}");
                Assert.That(
                    count == 0 || Enumerable.Range(0, length).Max(t => Math.Abs(changed[t] - signal[t])) > 1e-4, $"{length}: {first}, {count}");
            }
        }
    }

    [Test]
    public void A_band_silences_neighbouring_tones_and_keeps_the_others()
    {
        // Tones of 16, 48, ... 496 steps of 1/1024 of the rate, of amplitude 1, in 200 windows.
        const int Tones = 16, Long = 4096, Windows = 200;
        double[][] tones = [.. Enumerable.Range(0, Tones).Select(tone => (double[])[.. Enumerable.Range(0, Long).Select(t =>
            Math.Sin(2 * Math.PI * ((32 * tone) + 16) * t / 1024.0))])];
        float[] sum = [.. Enumerable.Range(0, Long).Select(t => (float)tones.Sum(tone => tone[t]))];
        FloatDataset data = FloatDataset.Classified([.. Enumerable.Repeat(sum, Windows).SelectMany(row => row)], Long, new int[Windows], 2);
        List<int> silent = [];
        HashSet<int> ever = [];
        foreach (float[] row in Rows(data, "band=0.25", Windows))
        {
            // Whole periods in the middle, where no frame begins or ends outside.
            double[] amplitudes = [.. tones.Select(tone => Enumerable.Range(1024, 2048).Sum(t => row[t] * tone[t]) / 1024)];
            int[] gone = [.. Enumerable.Range(0, Tones).Where(tone => amplitudes[tone] < 0.01)];
            Assert.That(gone.Length == 0 || gone[^1] - gone[0] == gone.Length - 1, "one band");
            Assert.That(Enumerable.Range(0, Tones).Count(tone => amplitudes[tone] is >= 0.01 and < 0.99), Is.LessThanOrEqualTo(2), "at its edges");
            silent.Add(gone.Length);
            ever.UnionWith(gone);
        }

        Assert.That(silent, Is.All.InRange(0, 4), "a quarter of the tones at most");
        Assert.That((silent.Min(), silent.Max()), Is.EqualTo((0, 4)));
        Assert.That(ever, Has.Count.EqualTo(Tones), "anywhere");
    }

    [Test]
    public void A_mask_is_one_stretch_of_zeros()
    {
        FloatDataset data = Signals(60);
        float[][] rows = Rows(data, "mask=100", 60);
        List<int> lengths = [];
        for (int i = 0; i < 60; i++)
        {
            int[] zeros = [.. Enumerable.Range(0, Length).Where(t => rows[i][t] == 0)];
            lengths.Add(zeros.Length);
            Assert.That(zeros.Length == 0 || zeros[^1] - zeros[0] == zeros.Length - 1, "one stretch");
            Assert.That(Enumerable.Range(0, Length).Except(zeros).All(t => rows[i][t] == data.Row(i)[t]));
        }

        Assert.That(lengths.Max(), Is.InRange(80, 100));
        Assert.That(lengths.Min(), Is.LessThan(20));
        Assert.That(Rows(data, "mask=100000", 5), Has.Length.EqualTo(5), "a mask as long as the window");
    }

    [Test]
    public void A_window_depends_on_seed_epoch_and_sample_alone()
    {
        FloatDataset data = Signals(12);
        AugmentedSignals signals = new(data, All, seed: 5);
        signals.BeginEpoch(3);
        float[] together = Gathered(signals, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]), fourth = together.AsSpan(4 * Length, Length).ToArray();
        Bits.AssertEqual(
            Gathered(signals, [7, 2, 7]),
            [.. together[(7 * Length)..(8 * Length)], .. together[(2 * Length)..(3 * Length)], .. together[(7 * Length)..(8 * Length)]],
            "other company, twice");
        AugmentedSignals again = new(data, All, seed: 5);
        again.BeginEpoch(3);
        Widths.ForEach(width => Bits.AssertEqual(Gathered(again, [4]), fourth, $"width {width}"));
        Assert.That(Differs(new AugmentedSignals(data, All, seed: 6), 3), "another seed");
        Assert.That(Differs(again, 4), "another epoch");
        Assert.That(signals.Label(7), Is.EqualTo(data.Label(7)));

        bool Differs(AugmentedSignals other, int epoch)
        {
            other.BeginEpoch(epoch);
            return Bits.FirstDifference(Gathered(other, [4]), fourth) >= 0;
        }
    }

    [TestCase("shift=30,gain=6,noise=20,mask=100", "11bda4bbe6d27769af91d9e5cd71e7ec94121a0c7260a4c4ca0976f4fd9e1dfc")]
    [TestCase("speed=0.2", "998dfa9fab4a84fa8dfb46b48d9737d42d8ebda4d84c75defebe8302803ad2ef")]
    [TestCase("band=0.3", "54fe5fd1af73a5766cbcaecbd134e01c1bedf17c6fec570f3f51b0eade4322b2")]
    public void Bits_that_every_machine_must_give(string options, string written)
    {
        AugmentedSignals signals = new(Signals(20), SignalAugmentation.Parse(options), seed: 1);
        signals.BeginEpoch(2);
        Assert.That(WeightsHash.Of(Gathered(signals, [.. Enumerable.Range(0, 20)])), Is.EqualTo(written));
    }

    [Test]
    public void A_training_gathers_other_windows_in_each_epoch_on_any_number_of_threads()
    {
        string one = Train(1, All);
        Assert.That(Train(4, All), Is.EqualTo(one));
        Assert.That(Train(1, SignalAugmentation.Parse("shift=1")), Is.Not.EqualTo(one));

        static string Train(int threads, SignalAugmentation options)
        {
            using Network net = new Sequential(Length).Dense<Relu>(12).Dense<Sigmoid>(2)
                .Compile<Quadratic>(new NetworkOptions { Batch = 20, Threads = threads, Seed = 2 });
            Trainer trainer = new(net, new AugmentedSignals(Signals(60), options, seed: 9), new TrainerOptions { Epochs = 3, LearningRate = 0.1f });
            while (!trainer.Finished)
            {
                trainer.TrainEpoch();
            }

            return WeightsHash.Of(net);
        }
    }

    [Test]
    public void Gathering_allocates_nothing()
    {
        AugmentedSignals signals = new(Signals(8), All, seed: 1);
        float[] x = new float[8 * Length], y = new float[16];
        int[] samples = [0, 1, 2, 3, 4, 5, 6, 7];
        Assert.That(Allocations.Of(20, () => signals.Gather(samples, x, Length, y, 2)), Is.Zero);
    }

    [Test]
    public void Options_are_read_and_written_and_wrong_ones_told()
    {
        foreach (string text in (string[])
            ["speed=0.1,shift=2,gain=10,noise=0.5,band=0.25,mask=7", "speed=3", "noise=-5", "noise=0", "gain=1.5", "band=1", "mask=3"])
        {
            Assert.That(SignalAugmentation.Parse(text).ToString(), Is.EqualTo(text));
        }

        Assert.That(SignalAugmentation.Parse("speed=0,shift=0,gain=0,band=0,mask=0").ToString(), Is.Empty);
        foreach (string text in (string[])
            [
                "", "shift", "shift=-1", "shift=1.5", "gain=41", "gain=-1", "gain=nan", "noise=121", "noise=x", "rotate=2", "mask=1,mask=2",
                "shift=2000000000", "speed=-0.1", "speed=3.1", "speed=nan", "speed", "band=-0.1", "band=1.1", "band=nan", "band",
            ])
        {
            Assert.That(() => SignalAugmentation.Parse(text), Throws.InstanceOf<FormatException>(), text);
        }

        FloatDataset images = Signals(1).WithShape(new Shape(7, 100));
        Assert.That(() => new AugmentedSignals(images, All, 1), Throws.ArgumentException.With.Message.Contains("no signals of one channel"));
    }

    /// <summary>The definition in double: each frame's transform by its sum, without the frequencies of the band.</summary>
    private static double[] WithoutBand(float[] signal, int first, int count)
    {
        const int Frame = 1024;
        double[] cosines = [.. Enumerable.Range(0, Frame).Select(t => Math.Cos(2 * Math.PI * t / Frame))];
        double[] result = new double[signal.Length];
        for (int at = -Frame / 2; at < signal.Length; at += Frame / 2)
        {
            double[] frame = [.. Enumerable.Range(0, Frame).Select(t =>
                at + t >= 0 && at + t < signal.Length ? signal[at + t] * (0.5 - (0.5 * cosines[t])) : 0)];
            double[] without = [.. frame];
            for (int k = first; k < first + count; k++)
            {
                double re = 0, im = 0;
                for (int t = 0; t < Frame; t++)
                {
                    re += frame[t] * cosines[k * t % Frame];
                    im += frame[t] * cosines[((k * t) + (Frame / 4)) % Frame];
                }

                for (int t = 0; t < Frame; t++)
                {
                    double part = (re * cosines[k * t % Frame]) + (im * cosines[((k * t) + (Frame / 4)) % Frame]);
                    without[t] -= part * (k is 0 or Frame / 2 ? 1 : 2) / Frame;
                }
            }

            for (int t = Math.Max(-at, 0); t < Frame && at + t < signal.Length; t++)
            {
                result[at + t] += without[t];
            }
        }

        return result;
    }

    private static FloatDataset Signals(int count)
    {
        float[] all = Samples.Array(count * Length, 3);
        return FloatDataset.Classified(
            [.. all.Select(x => x == 0 ? 0.5f : x)], Length, [.. Enumerable.Range(0, count).Select(i => i % 2)], 2);
    }

    private static float[][] Rows(FloatDataset data, string options, int count)
    {
        AugmentedSignals signals = new(data, SignalAugmentation.Parse(options), seed: 3);
        signals.BeginEpoch(1);
        return [.. Enumerable.Range(0, count).Select(i => Gathered(signals, [i]))];
    }

    private static float[] Gathered(AugmentedSignals source, int[] samples)
    {
        float[] rows = new float[samples.Length * source.InputLength];
        source.Gather(samples, rows, source.InputLength, default, 0);
        return rows;
    }
}
