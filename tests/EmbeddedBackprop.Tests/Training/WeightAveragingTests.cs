using EmbeddedBackprop.Data;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Optimizers;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Training;

/// <summary>Averaged weights: their values, their use, that they are saved, and that they do not change training.</summary>
internal sealed class WeightAveragingTests
{
    private static readonly FloatDataset Data = SmallNet.Classes(30);

    [Test]
    public void The_average_is_that_of_the_definition([Values] bool everyEpoch, [Values(0.5f, 0.9f, 1f)] float decay, [Values(0, 1)] int from)
    {
        WeightAveraging options = new() { Decay = decay, EveryEpoch = everyEpoch, FromEpoch = from };
        Trainer trainer = Make(options);
        List<float[]> taken = [];
        for (int epoch = 0; epoch < 4; epoch++)
        {
            trainer.TrainEpoch(_ =>
            {
                if (!everyEpoch && epoch >= from)
                {
                    taken.Add(SmallNet.Parameters(trainer.Network));
                }
            });
            if (everyEpoch && epoch >= from)
            {
                taken.Add(SmallNet.Parameters(trainer.Network));
            }
        }

        float[] actual = SmallNet.Compact(trainer.Network, trainer.AveragedParameters);
        Assert.That(trainer.State.Averages, Is.EqualTo(taken.Count));
        for (int i = 0; i < actual.Length; i++)
        {
            double a = taken[0][i];
            for (int k = 2; k <= taken.Count; k++)
            {
                a += Math.Max(1.0 / k, 1 - decay) * (taken[k - 1][i] - a);
            }

            Assert.That(actual[i], Is.EqualTo(a).Within(2e-6), $"parameter {i}");
        }

        if (decay == 1f)
        {
            Assert.That(actual[3], Is.EqualTo(taken.Average(w => (double)w[3])).Within(2e-6), "the plain mean");
        }

        Assert.That(Bits.FirstDifference(actual, taken[^1]), Is.Not.EqualTo(-1), "an average that were the last weights would pass");
    }

    [Test]
    public void Stochastic_averaging_is_the_plain_mean_of_the_epochs_ends()
    {
        Assert.That(WeightAveraging.Stochastic(3), Is.EqualTo(new WeightAveraging { Decay = 1f, FromEpoch = 3, EveryEpoch = true }));
        Assert.That(() => WeightAveraging.Stochastic(-1), Throws.InstanceOf<ArgumentOutOfRangeException>().With.Message.Contains("first epoch"));
        Assert.That(() => WeightAveraging.Exponential(1.5f), Throws.InstanceOf<ArgumentOutOfRangeException>().With.Message.Contains("0 to 1"));
    }

    [Test]
    public void Training_does_not_notice_the_average()
    {
        Trainer plain = Make(WeightAveraging.None), averaged = Make(WeightAveraging.Exponential(0.8f));
        for (int epoch = 0; epoch < 3; epoch++)
        {
            plain.TrainEpoch();
            averaged.TrainEpoch();
            averaged.Evaluate(Data);
        }

        Bits.AssertEqual(SmallNet.Parameters(averaged.Network), SmallNet.Parameters(plain.Network), "weights");
        Assert.That(plain.AveragedParameters.Length, Is.Zero);
    }

    [Test]
    public void The_same_bits_at_every_width_by_the_twins_and_in_both_layouts()
    {
        float[] expected = Train(new NetworkOptions { Batch = 7, Execution = Execution.Scalar, Layout = Layout.Compact });
        Widths.ForEach(width => Bits.AssertEqual(Train(new NetworkOptions { Batch = 7 }), expected, $"width {width}"));

        static float[] Train(NetworkOptions options)
        {
            Trainer trainer = Make(WeightAveraging.Exponential(0.9f), options);
            trainer.TrainEpoch();
            trainer.TrainEpoch();
            return SmallNet.Compact(trainer.Network, trainer.AveragedParameters);
        }
    }

    [Test]
    public void Evaluation_early_stopping_and_prediction_take_the_average()
    {
        Trainer trainer = Make(WeightAveraging.Exponential(0.95f), patience: 9);
        trainer.TrainEpoch();
        trainer.TrainEpoch();
        float[] last = SmallNet.Parameters(trainer.Network), average = SmallNet.Compact(trainer.Network, trainer.AveragedParameters);
        Evaluation judged = trainer.Evaluate(Data);
        Bits.AssertEqual(SmallNet.Parameters(trainer.Network), last, "the network is as it was");
        Bits.AssertEqual(SmallNet.Compact(trainer.Network, trainer.AveragedParameters), average, "so is the average");

        Assert.That(trainer.Judge(judged), Is.True);
        Bits.AssertEqual(SmallNet.Compact(trainer.Network, trainer.BestParameters), average, "the best weights are those that were judged");
        byte[] file = ModelFile.ToArray(trainer.Network, trainer);
        trainer.RestoreBest();
        Bits.AssertEqual(SmallNet.Parameters(trainer.Network), average, "what predicts");
        Trainer direct = new(trainer.Network, Data, new TrainerOptions());
        Assert.That(direct.Evaluate(Data), Is.EqualTo(judged), "the same by the network alone");
        ModelFile opened = ModelFile.Parse(file, "m");
        Bits.AssertEqual(SmallNet.Parameters(opened.ToNetwork(best: true)), average, "the file's best");
        Bits.AssertEqual(SmallNet.Parameters(opened.ToNetwork()), last, "the file's last");
    }

    [Test]
    public void Without_early_stopping_the_end_puts_the_average_into_the_network()
    {
        Trainer trainer = Make(WeightAveraging.Exponential(0.95f));
        trainer.TrainEpoch();
        float[] last = SmallNet.Parameters(trainer.Network), average = SmallNet.Compact(trainer.Network, trainer.AveragedParameters);
        Assert.That(Bits.FirstDifference(last, average), Is.Not.EqualTo(-1), "the control: the two differ");
        trainer.RestoreBest();
        Bits.AssertEqual(SmallNet.Parameters(trainer.Network), average, "what predicts");
    }

    [Test]
    public void A_file_without_early_stopping_predicts_with_the_average_and_goes_on_with_the_same_bits(
        [Values] bool everyEpoch,
        [Values(5, 9)] int steps)
    {
        WeightAveraging options = new() { Decay = 0.9f, EveryEpoch = everyEpoch };
        Trainer whole = Make(options), first = Make(options);
        Run(whole, 2 * steps);
        Run(first, steps);
        ModelFile file = ModelFile.Parse(ModelFile.ToArray(first.Network, first), "m");
        Assert.That(file.HasAverage);
        Bits.AssertEqual(SmallNet.Parameters(file.ToNetwork(best: true)), SmallNet.Compact(first.Network, first.AveragedParameters), "what predicts");
        Trainer second = new(file.ToNetwork(), Data, file.ToTrainerOptions());
        file.Restore(second);
        Assert.That(second.Options.Averaging, Is.EqualTo(options));
        Run(second, steps);
        Bits.AssertEqual(
            SmallNet.Compact(second.Network, second.AveragedParameters),
            SmallNet.Compact(whole.Network, whole.AveragedParameters),
            "average");
        Assert.That(second.State.Averages, Is.EqualTo(whole.State.Averages));

        // The control: an average that is lost is missed.
        Trainer forgetful = new(file.ToNetwork(), Data, file.ToTrainerOptions());
        file.Restore(forgetful);
        forgetful.AveragedParameters.Clear();
        Run(forgetful, steps);
        Assert.That(
            Bits.FirstDifference(
                SmallNet.Compact(forgetful.Network, forgetful.AveragedParameters),
                SmallNet.Compact(whole.Network, whole.AveragedParameters)),
            Is.Not.EqualTo(-1));
        Assert.That(() => file.Restore(Make(WeightAveraging.None)), Throws.ArgumentException.With.Message.Contains("average-decay=0.9"));
    }

    [Test]
    public void Averaging_allocates_nothing([Values] bool everyEpoch)
    {
        Trainer trainer = Make(new WeightAveraging { Decay = 0.99f, EveryEpoch = everyEpoch }, epochs: 1000);
        Assert.That(Allocations.Of(50, () =>
        {
            trainer.TrainEpoch();
            trainer.Evaluate(Data);
        }), Is.Zero);
    }

    [TestCase(-0.1f)]
    [TestCase(1.1f)]
    [TestCase(float.NaN)]
    public void A_decay_lies_from_0_to_1(float decay) =>
        Assert.That(
            () => WeightAveraging.Exponential(decay),
            Throws.InstanceOf<ArgumentOutOfRangeException>().With.Message.Contains("decay of the average"));

    private static Trainer Make(WeightAveraging averaging, NetworkOptions? options = null, int patience = 0, int epochs = 10) => new(
        SmallNet.Make(options ?? new NetworkOptions { Batch = 7, Optimizer = new Momentum() }), Data,
        new TrainerOptions { Epochs = epochs, LearningRate = 0.05f, Averaging = averaging, EarlyStopping = new EarlyStopping(patience) });

    private static void Run(Trainer trainer, int steps)
    {
        long end = trainer.Network.StepNumber + steps;
        while (trainer.Network.StepNumber < end)
        {
            using CancellationTokenSource source = new();
            trainer.TrainEpoch(
                _ =>
                {
                    if (trainer.Network.StepNumber == end)
                    {
                        source.Cancel();
                    }
                },
                source.Token);
        }
    }
}
