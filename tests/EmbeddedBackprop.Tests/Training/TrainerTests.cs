using EmbeddedBackprop.Data;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Training;
using EmbeddedBackprop.Training.Schedules;

namespace EmbeddedBackprop.Tests.Training;

/// <summary>Early stopping, gradient accumulation, schedules and cancelling in the training loop.</summary>
[TestFixture]
internal sealed class TrainerTests
{
    [Test]
    public void Accumulated_batches_give_the_bits_of_one_large_batch(
        [Values(1, 2, 3, 5)] int pieces, [Values] Arithmetic arithmetic, [Values] Execution execution)
    {
        // 61 samples in batches of 15 or 20: the last one is ragged, and so are its pieces.
        foreach (int batch in (int[])[3, 4])
        {
            NetworkOptions options = new() { Arithmetic = arithmetic, Execution = execution, Optimizer = Registry.Optimizer("momentum"), Seed = 2 };
            (float[] expected, double[] expectedLosses) = Run(options with { Batch = batch * pieces }, 1);
            (float[] actual, double[] losses) = Run(options with { Batch = batch }, pieces);
            Bits.AssertEqual(actual, expected, $"{pieces} pieces of {batch}");
            Assert.That(losses, Is.EqualTo(expectedLosses), $"losses of {pieces} pieces of {batch}");
        }
    }

    [Test]
    public void Another_batch_size_gives_other_bits() =>
        Assert.That(
            Bits.FirstDifference(Run(new NetworkOptions { Batch = 6 }, 1).Parameters, Run(new NetworkOptions { Batch = 5 }, 1).Parameters),
            Is.Not.EqualTo(-1));

    [Test]
    public void Early_stopping_stops_after_its_patience_and_keeps_the_best_weights()
    {
        Network net = SmallNet.Make(new NetworkOptions { Batch = 5 });
        Trainer trainer = new(net, SmallNet.Classes(30), new TrainerOptions { Epochs = 100, EarlyStopping = new EarlyStopping(3) });
        double[] accuracies = [0.2, 0.5, 0.5, 0.4, double.NaN, 0.9];
        float[] best = [];
        int epochs = 0;
        while (!trainer.Finished)
        {
            trainer.TrainEpoch();
            bool better = trainer.Judge(new Evaluation(1, accuracies[epochs++], 0, 1));
            Assert.That(better, Is.EqualTo(epochs is 1 or 2), $"epoch {epochs}");
            if (better)
            {
                best = [.. net.Parameters];
            }
        }

        Assert.That(epochs, Is.EqualTo(5), "three epochs without an improvement after the second");
        Assert.That(trainer.State.BestEpoch, Is.EqualTo(2));
        Assert.That(Bits.FirstDifference(net.Parameters, best), Is.Not.EqualTo(-1), "training went on after the best epoch");
        trainer.RestoreBest();
        Bits.AssertEqual(net.Parameters, best, "the best epoch's weights");
    }

    [Test]
    public void A_first_epoch_without_a_score_is_not_the_best_for_ever()
    {
        Trainer trainer = new(
            SmallNet.Make(new NetworkOptions { Batch = 5 }),
            Regression(30),
            new TrainerOptions { Epochs = 9, EarlyStopping = new EarlyStopping(4) });
        double[] losses = [double.NaN, 3, 4, 2, double.NaN];
        bool[] better = new bool[losses.Length];
        for (int i = 0; i < losses.Length; i++)
        {
            trainer.TrainEpoch();
            better[i] = trainer.Judge(new Evaluation(losses[i], 0, 0, 1));
        }

        Assert.That(better, Is.EqualTo((bool[])[true, true, false, true, false]));
    }

    [Test]
    public void Without_early_stopping_epochs_are_judged_all_the_same()
    {
        Trainer trainer = new(SmallNet.Make(new NetworkOptions { Batch = 5 }), SmallNet.Classes(30), new TrainerOptions { Epochs = 3 });
        float[] last = [];
        for (int epoch = 0; !trainer.Finished; epoch++)
        {
            trainer.TrainEpoch();
            Assert.That(trainer.Judge(new Evaluation(1, 0.5 - (0.1 * epoch), 0, 1)), Is.EqualTo(epoch == 0));
            last = [.. trainer.BestParameters];
        }

        Assert.That(last, Is.Empty);
        trainer.RestoreBest();
    }

    [TestCase(7, 5)]
    [TestCase(11, 10)]
    public void The_last_batch_weighs_by_its_samples(int samples, int batch)
    {
        FloatDataset data = SmallNet.Classes(samples);
        Trainer trainer = new(
            SmallNet.Make(new NetworkOptions { Batch = batch }), data, new TrainerOptions { Epochs = 1, LearningRate = 1e-30f });
        double expected = trainer.Evaluate(data).Loss;
        Assert.That(trainer.TrainEpoch()!.Value.Loss, Is.EqualTo(expected).Within(1e-6));

        // The control: the mean of the batches' means is another number.
        double first = trainer.Evaluate(DatasetView.First(data, batch)).Loss;
        double last = trainer.Evaluate(DatasetView.Slice(data, batch, samples - batch)).Loss;
        Assert.That((first + last) / 2, Is.Not.EqualTo(expected).Within(1e-4));
    }

    [Test]
    public void The_schedule_sets_the_rate_of_every_step()
    {
        Recorder recorder = new();
        Trainer trainer = new(
            SmallNet.Make(new NetworkOptions { Batch = 5 }),
            SmallNet.Classes(23),
            new TrainerOptions
            {
                Epochs = 2,
                LearningRate = 0.5f,
                Schedule = recorder,
            });
        float[] start = SmallNet.Parameters(SmallNet.Make(new NetworkOptions { Batch = 5 }));
        while (!trainer.Finished)
        {
            trainer.TrainEpoch();
        }

        Assert.That(recorder.Times, Is.EqualTo(Enumerable.Range(0, 10).Select(i => new ScheduleTime(i, 5, 2))));

        // The recorder's rate is 0: nothing moved.
        Network still = SmallNet.Make(new NetworkOptions { Batch = 5 });
        Trainer frozen = new(still, SmallNet.Classes(23), new TrainerOptions { Epochs = 2, LearningRate = 0.5f, Schedule = new Recorder() });
        frozen.TrainEpoch();
        Bits.AssertEqual(SmallNet.Parameters(still), start, "a rate of 0");
    }

    [Test]
    public void A_cancelled_epoch_goes_on_with_the_same_bits()
    {
        float[] expected = Run(new NetworkOptions { Batch = 4 }, 1).Parameters;
        Network net = SmallNet.Make(new NetworkOptions { Batch = 4 });
        Trainer trainer = new(net, SmallNet.Classes(61), new TrainerOptions { Epochs = 3 });
        int calls = 0;
        while (!trainer.Finished)
        {
            using CancellationTokenSource stop = new();
            trainer.TrainEpoch(_ => stop.Cancel(), stop.Token);
            calls++;
        }

        Assert.That(calls, Is.EqualTo(3 * 16), "every call ended after one step");
        Bits.AssertEqual(SmallNet.Parameters(net), expected, "parameters");
    }

    [TestCase(4, 1)]
    [TestCase(4, 3)]
    public void A_source_that_fails_now_and_then_changes_nothing(int batch, int accumulation)
    {
        TrainerOptions options = new() { Epochs = 2, Accumulation = accumulation };
        Network net = SmallNet.Make(new NetworkOptions { Batch = batch }), expected = SmallNet.Make(new NetworkOptions { Batch = batch });
        Trainer trainer = new(net, new Unreliable(SmallNet.Classes(61)), options), reliable = new(expected, SmallNet.Classes(61), options);
        int failures = 0;
        while (!trainer.Finished)
        {
            EpochResult? result = null;
            while (result is null)
            {
                try
                {
                    result = trainer.TrainEpoch();
                }
                catch (IOException)
                {
                    failures++;
                }
            }

            Assert.That(result.Value with { Seconds = 0 }, Is.EqualTo(reliable.TrainEpoch()!.Value with { Seconds = 0 }));
        }

        Assert.That(failures, Is.GreaterThan(3));
        Bits.AssertEqual(SmallNet.Parameters(net), SmallNet.Parameters(expected), "parameters");
    }

    [Test]
    public void Wrong_options_are_told_by_name()
    {
        Network net = SmallNet.Make(new NetworkOptions { Batch = 4 });
        Assert.That(
            () => new Trainer(net, SmallNet.Classes(9), new TrainerOptions { EarlyStopping = new EarlyStopping(-1) }),
            Throws.InstanceOf<ArgumentOutOfRangeException>().With.Message.Contains("patience"));
        Assert.That(
            () => new Trainer(net, SmallNet.Classes(9), new TrainerOptions { LearningRate = -1 }),
            Throws.InstanceOf<ArgumentOutOfRangeException>().With.Message.Contains("learning rate"));
        Assert.That(
            () => new Trainer(net, SmallNet.Classes(9), new TrainerOptions { LearningRate = float.NaN }),
            Throws.InstanceOf<ArgumentOutOfRangeException>().With.Message.Contains("learning rate"));
        Assert.That(
            () => new Trainer(net, SmallNet.Classes(9), new TrainerOptions { Accumulation = 0 }),
            Throws.InstanceOf<ArgumentOutOfRangeException>().With.Message.Contains("accumulation"));
        Assert.That(
            () => new Trainer(net, SmallNet.Classes(9), new TrainerOptions { Epochs = -1 }),
            Throws.InstanceOf<ArgumentOutOfRangeException>().With.Message.Contains("epochs"));
    }

    private static FloatDataset Regression(int count) =>
        FloatDataset.Regression(
            Samples.Array(count * SmallNet.Inputs, 1),
            SmallNet.Inputs,
            Samples.Array(count * SmallNet.Outputs, 2),
            SmallNet.Outputs);

    private static (float[] Parameters, double[] Losses) Run(NetworkOptions options, int accumulation)
    {
        Network net = SmallNet.Make(options);
        Trainer trainer = new(net, SmallNet.Classes(61), new TrainerOptions { Epochs = 3, Accumulation = accumulation });
        List<double> losses = [];
        while (!trainer.Finished)
        {
            losses.Add(trainer.TrainEpoch()!.Value.Loss);
        }

        return (SmallNet.Parameters(net), [.. losses]);
    }

    /// <summary>Every fifth gathering fails.</summary>
    private sealed class Unreliable(IBatchSource source) : IBatchSource
    {
        private int calls;

        public int Count => source.Count;

        public int InputLength => source.InputLength;

        public int TargetLength => source.TargetLength;

        public int ClassCount => source.ClassCount;

        public int Label(int sample) => source.Label(sample);

        public void Gather(ReadOnlySpan<int> samples, Span<float> inputs, int inputStride, Span<float> targets, int targetStride)
        {
            if (++calls % 5 == 0)
            {
                throw new IOException("the disk is gone");
            }

            source.Gather(samples, inputs, inputStride, targets, targetStride);
        }
    }

    /// <summary>Keeps what it was asked and freezes the weights.</summary>
    private sealed class Recorder : Schedule
    {
        public List<ScheduleTime> Times { get; } = [];

        public override string Name => "recorder";

        public override float Rate(float rate, ScheduleTime time)
        {
            Times.Add(time);
            return 0f;
        }
    }
}
