using EmbeddedBackprop.Data;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Training;
using EmbeddedBackprop.Training.Schedules;

namespace EmbeddedBackprop.Tests.Training.Schedules;

/// <summary>The rate falls when validation does not improve, and the counting survives a checkpoint.</summary>
internal sealed class PlateauTests
{
    // By hand, for 2 epochs of patience: better at 1, 2 and 5; waits at 3 and 4 (a fall), 6 and 7 (a fall), 8; better at 9; 10, 11 (a fall).
    private static readonly double[] Scores = [0.1, 0.2, 0.2, 0.15, 0.3, 0.1, 0.3, 0.2, 0.31, 0.31, 0.31];
    private static readonly int[] Falls = [0, 0, 0, 1, 1, 1, 2, 2, 2, 2, 3];

    [Test]
    public void The_rate_falls_after_as_many_epochs_without_a_better_score()
    {
        Trainer trainer = Make();
        for (int epoch = 0; epoch < Scores.Length; epoch++)
        {
            trainer.Judge(new Evaluation(0, Scores[epoch], 0, 10));
            Assert.That(trainer.State.Reductions, Is.EqualTo(Falls[epoch]), $"epoch {epoch + 1}");
        }

        Plateau plateau = new() { Factor = 0.5f, Floor = 0.03f };
        Assert.That(plateau.Rate(0.2f, new ScheduleTime(7, 5, 9)), Is.EqualTo(0.2f));
        Assert.That(plateau.Rate(0.2f, new ScheduleTime(7, 5, 9) { Reductions = 2 }), Is.EqualTo(0.05f));
        Assert.That(plateau.Rate(0.2f, new ScheduleTime(7, 5, 9) { Reductions = 5 }), Is.EqualTo(0.03f), "the floor");
        Assert.That(plateau.Rate(0.02f, new ScheduleTime(7, 5, 9) { Reductions = 1 }), Is.EqualTo(0.02f), "a floor does not lift a smaller rate");
    }

    [Test]
    public void Without_classes_the_loss_is_looked_at()
    {
        Network net = SmallNet.Make(new NetworkOptions { Batch = 5 });
        FloatDataset numbers = FloatDataset.Regression(
            Samples.Array(9 * SmallNet.Inputs, 1),
            SmallNet.Inputs,
            Samples.Array(9 * SmallNet.Outputs, 2),
            SmallNet.Outputs);
        Trainer trainer = new(net, numbers, new TrainerOptions { Schedule = new Plateau { Epochs = 1 } });
        foreach (double loss in (double[])[2, 1, double.NaN, 1, 0.5])
        {
            trainer.Judge(new Evaluation(loss, 0, 0, 9));
        }

        Assert.That(trainer.State.Reductions, Is.EqualTo(2));
    }

    [Test]
    public void A_constant_rate_and_a_plateau_train_differently_once_it_fell()
    {
        Trainer plateau = Make(), constant = Make(new Constant()), warmed = Make(new WarmUp { Steps = 2, Then = new Plateau { Epochs = 2 } });
        Assert.That((plateau.WantsJudgement, constant.WantsJudgement, warmed.WantsJudgement), Is.EqualTo((true, false, true)));
        foreach (Trainer trainer in (Trainer[])[plateau, constant])
        {
            for (int epoch = 0; epoch < 3; epoch++)
            {
                trainer.Judge(new Evaluation(0, 0.5, 0, 10));
            }

            trainer.TrainEpoch();
        }

        Assert.That((plateau.State.Reductions, constant.State.Reductions), Is.EqualTo((1, 0)));
        Assert.That(Bits.FirstDifference(SmallNet.Parameters(plateau.Network), SmallNet.Parameters(constant.Network)), Is.Not.EqualTo(-1));
    }

    [Test]
    public void A_checkpoint_at_any_epoch_goes_on_with_the_same_bits([Range(0, 6)] int saved)
    {
        Trainer whole = Make(), resumed = Make();
        Run(whole, 0, 8);
        Run(resumed, 0, saved);
        ModelFile file = ModelFile.Parse(ModelFile.ToArray(resumed.Network, resumed), "m");
        Trainer second = new(file.ToNetwork(), SmallNet.Classes(20), file.ToTrainerOptions());
        file.Restore(second);
        Run(second, saved, 8);
        Bits.AssertEqual(SmallNet.Parameters(second.Network), SmallNet.Parameters(whole.Network), "weights");
        Assert.That(
            (second.State.Reductions, second.State.WaitingEpochs, second.State.ScheduleScore),
            Is.EqualTo((whole.State.Reductions, whole.State.WaitingEpochs, whole.State.ScheduleScore)));
        Assert.That(whole.State.Reductions, Is.EqualTo(2));

        // The control: a state that forgets where it waited comes out elsewhere.
        Trainer third = new(file.ToNetwork(), SmallNet.Classes(20), file.ToTrainerOptions());
        file.Restore(third);
        third.State.WaitingEpochs += 1;
        Run(third, saved, 8);
        if (saved is 2 or 5)
        {
            Assert.That(Bits.FirstDifference(SmallNet.Parameters(third.Network), SmallNet.Parameters(whole.Network)), Is.Not.EqualTo(-1));
        }
    }

    private static void Run(Trainer trainer, int from, int to)
    {
        for (int epoch = from; epoch < to; epoch++)
        {
            trainer.TrainEpoch();
            trainer.Judge(new Evaluation(0, Scores[epoch], 0, 10));
        }
    }

    private static Trainer Make(Schedule? schedule = null) => new(
        SmallNet.Make(new NetworkOptions { Batch = 5 }), SmallNet.Classes(20),
        new TrainerOptions { Epochs = 20, Schedule = schedule ?? new Plateau { Epochs = 2, Factor = 0.25f } });
}
