using EmbeddedBackprop.Data;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Optimizers;
using EmbeddedBackprop.Training;
using EmbeddedBackprop.Training.Schedules;

namespace EmbeddedBackprop.Tests.Training;

/// <summary>After compile nothing is allocated: not in a step, a prediction, an evaluation or an epoch.</summary>
[TestFixture]
internal sealed class AllocationTests
{
    private static readonly FloatDataset Data = SmallNet.Classes(96);

    public static IEnumerable<string> Optimizers => Registry.OptimizerNames;

    [Test]
    public void A_training_step_allocates_nothing([ValueSource(nameof(Optimizers))] string optimizer, [Values(1, 7, 32)] int batch)
    {
        Network net = SmallNet.Make(Options(Registry.Optimizer(optimizer), batch));
        Assert.That(StepBytes(net, batch), Is.Zero);
    }

    [Test]
    public void A_step_with_every_option_allocates_nothing([ValueSource(nameof(Optimizers))] string optimizer)
    {
        Network net = SmallNet.Make(Options(Registry.Optimizer(optimizer), 7) with
        {
            Clipping = new Clipping { Value = 0.1f, Norm = 0.2f },
            Regularization = new Regularization { L1 = 0.01f, L2 = 0.01f, WeightDecay = 0.01f, MaxNorm = 0.5f },
        });
        Assert.That(StepBytes(net, 7), Is.Zero);
    }

    [Test]
    public void A_refused_step_allocates_nothing()
    {
        Network net = SmallNet.Make(Options(new Sgd(), 7));
        SmallNet.Backpropagate(net, 7);
        net.Gradients[0] = float.NaN;
        Assert.That(Allocations.Of(1000, () => net.Update(0.1f)), Is.Zero);
    }

    [Test]
    public void A_step_that_allocates_is_caught()
    {
        Network net = SmallNet.Make(Options(new Wasteful(), 7));
        Assert.That(StepBytes(net, 7), Is.GreaterThanOrEqualTo(1000 * 24));
    }

    [Test]
    public void A_prediction_allocates_nothing([Values(1, 7, 32)] int batch)
    {
        Network net = SmallNet.Make(Options(new Sgd(), 32));
        float[] sample = new float[SmallNet.Inputs];
        Assert.That(Allocations.Of(1000, () => net.Predict(batch)), Is.Zero);
        Assert.That(Allocations.Of(1000, () => net.Predict(sample)), Is.Zero);
    }

    [Test]
    public void An_evaluation_allocates_nothing([Values(1, 7, 32)] int batch)
    {
        Trainer trainer = new(SmallNet.Make(Options(new Sgd(), batch)), Data, new TrainerOptions());
        Assert.That(Allocations.Of(50, () => trainer.Evaluate(Data)), Is.Zero);
    }

    [Test]
    public void Epochs_allocate_nothing([ValueSource(nameof(Schedules))] string schedule, [Values(1, 3)] int accumulation)
    {
        Network net = SmallNet.Make(Options(new Adam(), 7));
        Trainer trainer = new(net, Data, new TrainerOptions
        {
            Epochs = 100,
            Accumulation = accumulation,
            Schedule = Registry.Schedule(schedule),
            EarlyStopping = new EarlyStopping(1000),
        });
        long steps = net.StepNumber;
        Assert.That(Allocations.Of(80, () => trainer.Judge(Judged(trainer))), Is.Zero);
        Assert.That(net.StepNumber - steps, Is.GreaterThanOrEqualTo(85 * 5), "it trained");
    }

    public static IEnumerable<string> Schedules => Registry.ScheduleNames;

    private static Evaluation Judged(Trainer trainer)
    {
        trainer.TrainEpoch();
        return trainer.Evaluate(Data);
    }

    private static NetworkOptions Options(Optimizer optimizer, int batch) => new() { Batch = batch, Optimizer = optimizer };

    private static long StepBytes(Network net, int batch)
    {
        SmallNet.Backpropagate(net, batch);
        return Allocations.Of(1000, () => net.TrainStep(batch, 0.01f));
    }

    /// <summary>The control: an optimiser that allocates at each tensor.</summary>
    private sealed class Wasteful : Optimizer
    {
        public static float[] Kept { get; private set; } = [];

        public override string Name => "wasteful";

        public override void Update(in UpdateContext c) => Kept = new float[1];

        public override void UpdateScalar(in UpdateContext c) => Update(in c);
    }
}
