using EmbeddedBackprop.IO;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.IO;

/// <summary>2N steps are N steps, a file, and N steps, bit for bit.</summary>
public sealed class ModelFileResumeTests
{
    /// <summary>An epoch has six steps: the file is written in its middle, at its end, and in the next one's.</summary>
    [Test]
    public void Training_goes_on_with_the_bits_of_never_having_stopped(
        [ValueSource(typeof(Registry), nameof(Registry.OptimizerNames))] string optimizer,
        [Values] Arithmetic arithmetic,
        [Values(4, 6, 9)] int steps)
    {
        Trainer whole = ModelNets.Trainer(ModelNets.Network(ModelNets.Options(optimizer, arithmetic)));
        ModelNets.Run(whole, 2 * steps);

        Trainer first = ModelNets.Trainer(ModelNets.Network(ModelNets.Options(optimizer, arithmetic)));
        ModelNets.Run(first, steps);
        ModelFile file = ModelFile.Parse(ModelFile.ToArray(first.Network, first), "m");
        Assert.That(first.State.NextSample, Is.EqualTo(steps % 6 * 4));

        // Rebuilt from the file alone.
        Trainer second = new(file.ToNetwork(), ModelNets.Data, file.ToTrainerOptions());
        file.Restore(second);
        ModelNets.Run(second, steps);
        Assert.That(ModelNets.Hash(second), Is.EqualTo(ModelNets.Hash(whole)));

        // Built in code, in the other layout, used for something else before; an epoch more to come.
        Trainer third = ModelNets.Trainer(ModelNets.Network(ModelNets.Options(optimizer, arithmetic) with { Layout = Layout.Compact }), epochs: 5);
        ModelNets.Run(third, 3);
        file.Restore(third);
        ModelNets.Run(third, steps);
        Assert.That(WeightsHash.Of(third.Network), Is.EqualTo(WeightsHash.Of(whole.Network)));
    }

    [TestCase("optimizer")]
    [TestCase("step")]
    [TestCase("order")]
    public void A_training_that_loses_a_part_of_its_state_is_caught(string part)
    {
        Trainer whole = ModelNets.Trainer(ModelNets.Network());
        ModelNets.Run(whole, 18);
        Trainer first = ModelNets.Trainer(ModelNets.Network());
        ModelNets.Run(first, 9);
        ModelFile file = ModelFile.Parse(ModelFile.ToArray(first.Network, first), "m");
        Trainer second = new(file.ToNetwork(), ModelNets.Data, file.ToTrainerOptions());
        file.Restore(second);
        switch (part)
        {
            case "optimizer":
                second.Network.OptimizerState[..second.Network.Parameters.Length].Clear();
                break;
            case "step":
                second.Network.StepNumber--;
                break;
            default:
                second.State.NextSample = 0;
                break;
        }

        ModelNets.Run(second, 9);
        Assert.That(ModelNets.Hash(second), Is.Not.EqualTo(ModelNets.Hash(whole)));
    }

    [Test]
    public void Early_stopping_goes_on_where_it_stood()
    {
        Trainer whole = ModelNets.Trainer(ModelNets.Network(), epochs: 40, patience: 3),
            resumed = ModelNets.Trainer(ModelNets.Network(), epochs: 40, patience: 3);
        int files = 0;
        while (!whole.Finished)
        {
            ModelNets.Run(whole, 6);
        }

        while (!resumed.Finished)
        {
            ModelNets.Run(resumed, 2);
            ModelFile file = ModelFile.Parse(ModelFile.ToArray(resumed.Network, resumed), "m");
            resumed = new Trainer(file.ToNetwork(), ModelNets.Data, file.ToTrainerOptions());
            file.Restore(resumed);
            files++;
        }

        Assert.That(ModelNets.Hash(resumed), Is.EqualTo(ModelNets.Hash(whole)));
        Assert.That(whole.State.Stopped, Is.True, "the case is meant to stop early");
        Assert.That(files, Is.GreaterThan(6));
    }

    [TestCase(double.NaN, double.NegativeInfinity)]
    [TestCase(0.1 + 0.2, -1.0 / 3.0)]
    [TestCase(double.Epsilon, -0.0)]
    public void Numbers_of_the_state_come_back_with_their_bits(double lossSum, double bestScore)
    {
        Trainer trainer = ModelNets.Trainer(ModelNets.Network()), second = ModelNets.Trainer(ModelNets.Network());
        trainer.State = new TrainerState
        {
            Epoch = int.MaxValue,
            NextSample = 22,
            LossSum = lossSum,
            Correct = 21,
            Seconds = Math.PI,
            Rejected = long.MaxValue,
            BestEpoch = 3,
            BestScore = bestScore,
            Stopped = true,
        };
        ModelFile.Parse(ModelFile.ToArray(trainer.Network, trainer), "m").Restore(second);
        Assert.That(BitConverter.DoubleToInt64Bits(second.State.LossSum), Is.EqualTo(BitConverter.DoubleToInt64Bits(lossSum)));
        Assert.That(BitConverter.DoubleToInt64Bits(second.State.BestScore), Is.EqualTo(BitConverter.DoubleToInt64Bits(bestScore)));
        Assert.That(second.State, Is.EqualTo(trainer.State).UsingPropertiesComparer());
    }

    [Test]
    public void Every_schedule_comes_back(
        [Values(
            "constant",
            "step every=3 factor=0.3",
            "exponential factor=0.123",
            "cosine floor=0.01",
            "plateau every=4 factor=0.3 floor=0.001",
            "warm-up floor=0.5 warm-up-steps=9 then=cosine")]
            string text)
    {
        byte[] bytes = ModelFileTests.Replace(ModelNets.Saved(), "\"schedule\":\"constant\"", $"\"schedule\":\"{text}\"");
        TrainerOptions options = ModelFile.Parse(bytes, "m").ToTrainerOptions();
        Trainer trainer = new(ModelNets.Network(), ModelNets.Data, options);
        Assert.That(System.Text.Encoding.UTF8.GetString(ModelFile.ToArray(trainer.Network, trainer)), Does.Contain($"\"schedule\":\"{text}\""));
    }

    [Test]
    public void A_file_on_disk_is_the_same_as_its_bytes()
    {
        Trainer trainer = ModelNets.Trainer(ModelNets.Network());
        ModelNets.Run(trainer, 5);
        using TemporaryFile path = new();
        ModelFile.Save(path.Path, trainer.Network, trainer);
        Assert.That(File.ReadAllBytes(path.Path), Is.EqualTo(ModelFile.ToArray(trainer.Network, trainer)));
        Trainer second = ModelNets.Trainer(ModelNets.Network());
        ModelFile.Open(path.Path).Restore(second);
        Assert.That(ModelNets.Hash(second), Is.EqualTo(ModelNets.Hash(trainer)));
    }

    [TestCase("seed: the file has '7', the trainer '8'")]
    [TestCase("arithmetic: the file has 'fused', the trainer 'separate'")]
    [TestCase("batch: the file has '4', the trainer '5'")]
    [TestCase("optimizer: the file has 'adam beta1=0.9 beta2=0.999 epsilon=1E-08', the trainer 'sgd'")]
    [TestCase("net: the file has 'input 5; dense 7 sigmoid; dense 3 sigmoid', the trainer 'input 5; dense 8 sigmoid; dense 3 sigmoid'")]
    [TestCase("clipping: ")]
    [TestCase("training: ")]
    public void A_trainer_that_would_give_other_bits_is_refused(string message)
    {
        ModelFile file = ModelFile.Parse(ModelNets.Saved(), "m");
        NetworkOptions options = ModelNets.Options();
        int patience = 2, hidden = 7;
        switch (message[..message.IndexOf(':', StringComparison.Ordinal)])
        {
            case "seed": options = options with { Seed = 8 }; break;
            case "arithmetic": options = options with { Arithmetic = Arithmetic.Separate }; break;
            case "batch": options = options with { Batch = 5 }; break;
            case "optimizer": options = options with { Optimizer = Registry.Optimizer("sgd") }; break;
            case "clipping": options = options with { Clipping = Clipping.None }; break;
            case "net": hidden = 8; break;
            default: patience = 0; break;
        }

        Trainer trainer = ModelNets.Trainer(ModelNets.Network(options, hidden), patience: patience);
        Assert.That(() => file.Restore(trainer), Throws.ArgumentException.With.Message.Contains(message));
    }

    [TestCase("dense1", "", "frozen: the file has 'dense1', the trainer 'nothing'")]
    [TestCase("", "dense1", "frozen: the file has 'nothing', the trainer 'dense1'")]
    [TestCase("dense1", "dense1", null)]
    public void An_entry_that_the_file_or_the_trainer_lacks_is_refused(string written, string read, string? message)
    {
        Trainer Trainer(string frozen) =>
            ModelNets.Trainer(ModelNets.Network(ModelNets.Options() with { Frozen = frozen.Length > 0 ? [frozen] : [] }));
        Trainer first = Trainer(written), second = Trainer(read);
        ModelFile file = ModelFile.Parse(ModelFile.ToArray(first.Network, first), "m");
        Assert.That(() => file.Restore(second), message is null ? Throws.Nothing : Throws.ArgumentException.With.Message.Contains(message));
    }
}
