using EmbeddedBackprop.Data;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Tests.Training;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.IO;

/// <summary>A training that is run to its end, saved on the way, cut off and gone on with.</summary>
internal sealed class CheckpointFolderTests
{
    private static readonly FloatDataset Data = SmallNet.Classes(43), Validation = SmallNet.Classes(30, seed: 5);

    private string folder = "";

    [SetUp]
    public void Make() => folder = Path.Combine(Path.GetTempPath(), $"ebp-checkpoints-{Guid.NewGuid():N}");

    [TearDown]
    public void Delete()
    {
        if (Directory.Exists(folder))
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Test]
    public void The_last_ones_are_kept_every_so_many_steps()
    {
        // 9 updates an epoch.
        CheckpointFolder checkpoints = new(folder, new CheckpointOptions { EverySteps = 4, Keep = 3 });
        Trainer trainer = Trainer(epochs: 3);
        List<long> steps = [];
        trainer.Run(progress: p => steps.AddRange(p.Result is null ? [trainer.Network.StepNumber] : []), checkpoints: checkpoints);
        Assert.That(steps, Has.Count.EqualTo(27));
        Assert.That(
            checkpoints.Paths.Select(Path.GetFileName),
            Is.EqualTo(new[] { "checkpoint-0000000020.safetensors", "checkpoint-0000000024.safetensors", "checkpoint-0000000027.safetensors" }));
        Assert.That(Directory.GetFiles(folder).Order(), Is.EqualTo(checkpoints.Paths.Order()));
        Assert.That(CheckpointFolder.Latest(folder), Is.EqualTo(checkpoints.Paths[^1]));
        Assert.That(CheckpointFolder.Latest(folder + "-not-there"), Is.Null);
        Assert.That(CheckpointFolder.Latest(folder, "other"), Is.Null);

        // Those of an earlier training are the older ones, whatever their steps; other files are left alone.
        File.WriteAllText(Path.Combine(folder, "checkpoint-notes.safetensors"), "mine");
        CheckpointFolder again = new(folder, new CheckpointOptions { EverySteps = 8, Keep = 2 });
        Trainer(epochs: 1).Run(checkpoints: again);
        Assert.That(
            again.Paths.Select(Path.GetFileName),
            Is.EqualTo(new[] { "checkpoint-0000000008.safetensors", "checkpoint-0000000009.safetensors" }));
        Assert.That(Directory.GetFiles(folder), Has.Length.EqualTo(3));
    }

    [Test]
    public void A_training_goes_on_from_any_of_them_with_the_bits_of_never_having_stopped()
    {
        Trainer whole = Trainer(epochs: 4, patience: 9);
        TrainingOutcome expected = whole.Run(Validation);
        CheckpointFolder checkpoints = new(folder, new CheckpointOptions { EverySteps = 1, Keep = 100, Every = TimeSpan.Zero });
        Trainer(epochs: 4, patience: 9).Run(Validation, checkpoints: checkpoints);
        Assert.That(checkpoints.Paths, Has.Count.EqualTo(36));
        foreach (string path in checkpoints.Paths)
        {
            Trainer resumed = Trainer(epochs: 4, patience: 9);
            ModelFile.Open(path).Restore(resumed);
            TrainingOutcome actual = resumed.Run(Validation);
            Bits.AssertEqual(SmallNet.Parameters(resumed.Network), SmallNet.Parameters(whole.Network), Path.GetFileName(path));
            Assert.That((actual.BestEpoch, actual.Epochs), Is.EqualTo((expected.BestEpoch, expected.Epochs)), path);
        }
    }

    [Test]
    public void Time_alone_is_a_reason_to_save()
    {
        CheckpointFolder often = new(folder, new CheckpointOptions { Every = TimeSpan.FromTicks(1), Keep = 100 });
        Trainer(epochs: 1).Run(checkpoints: often);
        Assert.That(often.Paths, Has.Count.EqualTo(9));
        CheckpointFolder rarely = new(folder, new CheckpointOptions { Name = "rare" });
        Trainer(epochs: 1).Run(checkpoints: rarely);
        Assert.That(rarely.Paths, Has.Count.EqualTo(1), "the end alone");
    }

    [Test]
    public void A_cancelled_run_is_saved_and_another_one_continues()
    {
        Trainer whole = Trainer(epochs: 3);
        whole.Run();
        CheckpointFolder checkpoints = new(folder);
        Trainer trainer = Trainer(epochs: 3);
        using CancellationTokenSource source = new();
        TrainingOutcome cut = trainer.Run(null, p => Cancel(p.Epoch == 2 && p.Samples == 20), source.Token, checkpoints);
        Assert.That((cut.Cancelled, cut.Epochs, trainer.State.NextSample), Is.EqualTo((true, 1, 20)));
        Assert.That(ModelFile.Open(CheckpointFolder.Latest(folder)!).State!.NextSample, Is.EqualTo(20));
        Assert.That(trainer.Run(null, null, source.Token).Cancelled, Is.True, "cancelled before it began");
        TrainingOutcome done = trainer.Run();
        Assert.That((done.Cancelled, done.Epochs), Is.EqualTo((false, 3)));
        Bits.AssertEqual(SmallNet.Parameters(trainer.Network), SmallNet.Parameters(whole.Network), "parameters");

        void Cancel(bool now)
        {
            if (now)
            {
                source.Cancel();
            }
        }
    }

    [Test]
    public void Updates_without_a_file_allocate_nothing()
    {
        CheckpointFolder checkpoints = new(folder, new CheckpointOptions { EverySteps = 1_000_000 });
        Trainer trainer = Trainer(epochs: 100);
        long before = 0, allocated = 0;
        trainer.Run(
            null,
            p =>
            {
                long now = GC.GetAllocatedBytesForCurrentThread();
                allocated += p.Epoch is > 10 and < 90 ? now - before : 0;
                before = now;
            },
            default,
            checkpoints);
        Assert.That(allocated, Is.Zero);
    }

    [Test]
    public void Wrong_options_are_told()
    {
        Assert.That(() => new CheckpointOptions { EverySteps = -1 }, Throws.InstanceOf<ArgumentOutOfRangeException>());
        Assert.That(() => new CheckpointOptions { Every = TimeSpan.FromSeconds(-1) }, Throws.InstanceOf<ArgumentOutOfRangeException>());
        Assert.That(() => new CheckpointOptions { Keep = 0 }, Throws.InstanceOf<ArgumentOutOfRangeException>());
        Assert.That(() => new CheckpointOptions { Name = "a/b" }, Throws.ArgumentException);
        string file = Path.GetTempFileName();
        Assert.That(() => new CheckpointFolder(file), Throws.InstanceOf<IOException>());
        File.Delete(file);
    }

    private static Trainer Trainer(int epochs, int patience = 0) => new(
        SmallNet.Make(new NetworkOptions { Batch = 5, Seed = 4, Optimizer = Registry.Optimizer("momentum") }), Data,
        new TrainerOptions { Epochs = epochs, LearningRate = 0.05f, EarlyStopping = new EarlyStopping(patience) });
}
