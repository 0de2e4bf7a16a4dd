using EmbeddedBackprop.Data;
using EmbeddedBackprop.Training;
using EmbeddedBackprop.Training.Schedules;

namespace EmbeddedBackprop.Tests.Training;

/// <summary>Trainer.Run: the loop that a program would otherwise write itself, with early stopping, progress and cancellation.</summary>
internal sealed class TrainerRunTests
{
    [Test]
    public void A_run_is_the_loop_of_epochs_and_judgements()
    {
        FloatDataset data = SmallNet.Classes(60), validation = SmallNet.Classes(40, seed: 8);
        Trainer byHand = Make(data, epochs: 40, patience: 3), trainer = Make(data, epochs: 40, patience: 3);
        List<(EpochResult, Evaluation)> expected = [], seen = [];
        List<bool> better = [], best = [];
        while (!byHand.Finished)
        {
            EpochResult epoch = byHand.TrainEpoch()!.Value;
            Evaluation judged = byHand.Evaluate(validation);
            expected.Add((epoch with { Seconds = 0 }, judged));
            better.Add(byHand.Judge(judged));
        }

        byHand.RestoreBest();
        int updates = 0;
        TrainingOutcome outcome = trainer.Run(validation, p =>
        {
            if (p.Result is { } result)
            {
                seen.Add((result with { Seconds = 0 }, p.Validation!.Value));
                best.Add(p.IsBest);
            }
            else
            {
                updates++;
            }
        });
        Assert.That(seen, Is.EqualTo(expected));
        Assert.That(best, Is.EqualTo(better));
        Assert.That(updates, Is.EqualTo(12 * expected.Count));
        Bits.AssertEqual(SmallNet.Parameters(trainer.Network), SmallNet.Parameters(byHand.Network), "the best epoch's weights");
        Assert.That(outcome.StoppedEarly, Is.True, "control: it did stop early");
        Assert.That(outcome.Epochs - outcome.BestEpoch, Is.EqualTo(3));
        Assert.That(outcome.Validation, Is.EqualTo(expected[^1].Item2));
        Assert.That(
            trainer.Evaluate(validation), Is.EqualTo(expected[outcome.BestEpoch - 1].Item2), "the network predicts with the best weights");

        // Nothing is left to do, and nothing is done.
        TrainingOutcome again = trainer.Run(validation, _ => Assert.Fail());
        Assert.That((again.StoppedEarly, again.Epochs, again.Result), Is.EqualTo((true, outcome.Epochs, (EpochResult?)null)));
    }

    [Test]
    public void What_looks_at_validation_data_needs_some()
    {
        FloatDataset data = SmallNet.Classes(20);
        Assert.That(() => Make(data, 3, patience: 2).Run(), Throws.ArgumentException.With.Message.Contains("early stopping"));
        Assert.That(
            () => new Trainer(SmallNet.Make(new NetworkOptions()), data, new TrainerOptions { Schedule = new Plateau() }).Run(),
            Throws.ArgumentException.With.Message.Contains("plateau"));
        Assert.That(
            () => Make(data, 3, patience: 0).Run(FloatDataset.Regression(new float[8], 4, new float[6], 3)),
            Throws.ArgumentException.With.Message.Contains("expected 5 values, got 4"));
    }

    [Test]
    public void A_run_without_one_update_that_could_be_applied_ends()
    {
        Network net = SmallNet.Make(new NetworkOptions { Batch = 5, FuseUpdate = false });
        net.Parameters.Fill(1e30f);
        Trainer trainer = new(net, SmallNet.Classes(20), new TrainerOptions());
        Assert.That(() => trainer.Run(), Throws.InstanceOf<NotFiniteNumberException>().With.Message.Contains("no gradient of epoch 1"));
    }

    [Test]
    public void An_evaluation_is_cancelled_and_shows_its_progress()
    {
        FloatDataset data = SmallNet.Classes(23);
        foreach (WeightAveraging averaging in (WeightAveraging[])[WeightAveraging.None, WeightAveraging.Exponential(0.5f)])
        {
            Trainer trainer = new(
                SmallNet.Make(new NetworkOptions { Batch = 5 }), data, new TrainerOptions { Epochs = 1, Averaging = averaging });
            trainer.TrainEpoch();
            float[] before = SmallNet.Parameters(trainer.Network);
            List<int> samples = [];
            Assert.That(trainer.Evaluate(data, default, samples.Add), Is.EqualTo(trainer.Evaluate(data)));
            Assert.That(samples, Is.EqualTo(new[] { 5, 10, 15, 20, 23 }));
            using CancellationTokenSource source = new();
            samples.Clear();
            Assert.That(
                () => trainer.Evaluate(data, source.Token, n =>
                {
                    samples.Add(n);
                    source.Cancel();
                }),
                Throws.InstanceOf<OperationCanceledException>());
            Assert.That(samples, Is.EqualTo(new[] { 5 }));
            Bits.AssertEqual(SmallNet.Parameters(trainer.Network), before, "the network is as it was");
        }
    }

    [Test]
    public void A_gradient_check_is_cancelled_and_shows_its_progress()
    {
        Network net = SmallNet.Make(new NetworkOptions { Batch = 5 });
        FloatDataset data = SmallNet.Classes(5);
        List<GradientCheckRow> rows = [];
        GradientCheckReport report = GradientCheck.Run(net, data, new GradientCheckOptions { Progress = rows.Add });
        Assert.That(rows, Is.EqualTo(report.Rows));
        using CancellationTokenSource source = new();
        rows.Clear();
        Assert.That(
            () => GradientCheck.Run(net, data, new GradientCheckOptions
            {
                Cancellation = source.Token,
                Progress = row =>
                {
                    rows.Add(row);
                    source.Cancel();
                },
            }),
            Throws.InstanceOf<OperationCanceledException>());
        Assert.That(rows, Has.Count.EqualTo(1));
    }

    private static Trainer Make(FloatDataset data, int epochs, int patience) => new(
        SmallNet.Make(new NetworkOptions { Batch = 5, Seed = 2 }), data,
        new TrainerOptions { Epochs = epochs, LearningRate = 0.5f, EarlyStopping = new EarlyStopping(patience) });
}
