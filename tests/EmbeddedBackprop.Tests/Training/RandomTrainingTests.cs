using EmbeddedBackprop.Data;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Training;

/// <summary>Trainings drawn by a seed (layers, loss, optimiser, penalties, clipping, schedule, ragged batches), run in every way there is.</summary>
[TestFixture]
internal sealed class RandomTrainingTests
{
    private static readonly int[] LayerWidths = [1, 1, 2, 3, 7, 16, 17, 19, 32, 33, 50];

    [Test]
    public void Every_way_of_training_gives_the_same_bits() => Check(0, 60);

    [Test]
    [Category("Slow")]
    public void Every_way_of_training_gives_the_same_bits_in_many_trainings() => Check(60, 1000);

    [TestCase(1)]
    [TestCase(999)]
    [TestCase(1000)]
    public void Many_outputs_and_a_single_sample(int outputs)
    {
        Case wide = new(7)
        {
            Inputs = 21,
            Layers = [17, outputs],
            Activations = ["softmax", outputs == 1 ? "sigmoid" : "softmax"],
            Samples = 1,
            Batch = 4,
            Accumulation = 1,
        };
        wide.LossName = outputs == 1 ? "binary-cross-entropy" : "cross-entropy";
        Assert.That(Compare(wide), Is.True, "it did not diverge");
    }

    [Test]
    public void Nothing_is_allocated_whatever_is_trained()
    {
        for (uint seed = 0; seed < 60; seed++)
        {
            Case c = new(seed);
            foreach (Layout layout in (Layout[])[Layout.Padded, Layout.Compact])
            {
                Trainer trainer = c.Trainer(Execution.Vector, layout, seed % 2 == 0, c.Batch, c.Accumulation, epochs: 8);
                TrainingProgress last = default;
                Action<TrainingProgress> progress = now => last = now;
                long bytes = Allocations.Of(3, () => trainer.TrainEpoch(progress));
                Assert.That(bytes, Is.Zero, $"an epoch of {c}");
                Assert.That(last.Samples, Is.EqualTo(c.Samples));
                Assert.That(Allocations.Of(3, () => trainer.Evaluate(c.Data)), Is.Zero, $"an evaluation of {c}");
                Assert.That(Allocations.Of(3, () => trainer.Network.Predict(1)), Is.Zero, $"a prediction of {c}");
            }
        }
    }

    private static void Check(uint first, uint count)
    {
        int skipped = 0;
        for (uint seed = first; seed < first + count; seed++)
        {
            skipped += Compare(new Case(seed)) ? 0 : 1;
        }

        Assert.That(skipped, Is.LessThan(count / 10), "trainings that diverge");
    }

    /// <summary>False where the training diverges: then the ways differ in what they refuse.</summary>
    private static bool Compare(Case c)
    {
        Result expected = c.Run(Execution.Scalar, Layout.Compact, fuse: false, c.Batch * c.Accumulation, 1, cancel: false);
        if (expected.Rejected > 0)
        {
            return false;
        }

        expected.AssertSame(
            c.Run(Execution.Scalar, Layout.Padded, false, c.Batch, c.Accumulation, cancel: true),
            $"padded twins, cancelled at every step, {c}");
        Widths.ForEach(width =>
        {
            expected.AssertSame(
                c.Run(Execution.Vector, Layout.Padded, true, c.Batch * c.Accumulation, 1, cancel: false),
                $"padded, one batch, width {width}, {c}");
            expected.AssertSame(
                c.Run(Execution.Vector, Layout.Compact, false, c.Batch, c.Accumulation, cancel: false),
                $"compact, accumulated, width {width}, {c}");
        });
        expected.AssertSame(
            c.Run(Execution.Vector, Layout.Compact, true, c.Batch * c.Accumulation, 1, cancel: true),
            $"compact, fused, cancelled at every step, {c}");
        expected.AssertSame(c.Run(Execution.Vector, Layout.Padded, false, c.Batch, c.Accumulation, cancel: false), $"padded, accumulated, {c}");
        return true;
    }

    private sealed record Result(float[] Parameters, double[] Losses, Evaluation Evaluation, long Rejected)
    {
        public void AssertSame(Result other, string way)
        {
            Bits.AssertEqual(other.Parameters, Parameters, way);
            Assert.That(other.Losses, Is.EqualTo(Losses), $"losses, {way}");

            // An evaluation sums its batches' losses in double, so it depends on the batch in the last digits.
            Assert.That(other.Evaluation.Loss, Is.EqualTo(Evaluation.Loss).Within(1e-4).Percent, $"evaluation, {way}");
            Assert.That(other.Evaluation.Correct, Is.EqualTo(Evaluation.Correct), $"right predictions, {way}");
        }
    }

    private sealed class Case
    {
        private readonly uint seed;
        private IBatchSource? data;

        public Case(uint seed)
        {
            this.seed = seed;
            RandomSequence random = new CounterRandom(seed, RandomPurpose.Check).Sequence(2);
            Inputs = LayerWidths[random.NextBelow(LayerWidths.Length)];
            Layers = new int[1 + random.NextBelow(3)];
            Activations = new string[Layers.Length];
            for (int i = 0; i < Layers.Length; i++)
            {
                Layers[i] = LayerWidths[random.NextBelow(LayerWidths.Length)];
                Activations[i] = Registry.ActivationNames[random.NextBelow(Registry.ActivationNames.Count)];
            }

            LossName = Registry.LossNames[random.NextBelow(Registry.LossNames.Count)];
            if (LossName == "binary-cross-entropy")
            {
                Activations[^1] = random.NextBelow(2) == 0 ? "sigmoid" : "softmax";
            }

            if (LossName == "cross-entropy" && random.NextBelow(2) == 0)
            {
                Activations[^1] = "softmax";
            }

            Samples = 1 + random.NextBelow(40);
            Batch = 1 + random.NextBelow(random.NextBelow(3) == 0 ? 20 : 6);
            Accumulation = 1 + random.NextBelow(3);
            Options = new NetworkOptions
            {
                Seed = seed,
                Arithmetic = random.NextBelow(2) == 0 ? Arithmetic.Fused : Arithmetic.Separate,
                Optimizer = Registry.Optimizer(
                    random.NextBelow(3) == 0 ? "sgd" : Registry.OptimizerNames[random.NextBelow(Registry.OptimizerNames.Count)]),
                Initializer = Registry.Initializer(Registry.InitializerNames[random.NextBelow(Registry.InitializerNames.Count)]),
                Clipping = new Clipping { Value = random.NextBelow(4) == 0 ? 0.05f : 0f, Norm = random.NextBelow(4) == 0 ? 0.1f : 0f },
                Regularization = new Regularization
                {
                    L1 = random.NextBelow(4) == 0 ? 0.002f : 0f,
                    L2 = random.NextBelow(3) == 0 ? 0.01f : 0f,
                    WeightDecay = random.NextBelow(3) == 0 ? 0.02f : 0f,
                    AllParameters = random.NextBelow(2) == 0,
                },
            };
            Schedule = Registry.ScheduleNames[random.NextBelow(Registry.ScheduleNames.Count)];
        }

        public int Inputs { get; init; }

        public int[] Layers { get; init; }

        public string[] Activations { get; init; }

        public string LossName { get; set; }

        public int Samples { get; init; }

        public int Batch { get; init; }

        public int Accumulation { get; init; }

        public IBatchSource Data => data ??= MakeData();

        private NetworkOptions Options { get; }

        private string Schedule { get; }

        public Trainer Trainer(Execution execution, Layout layout, bool fuse, int batch, int accumulation, int epochs = 2)
        {
            Sequential layers = new(Inputs);
            for (int i = 0; i < Layers.Length; i++)
            {
                layers.Dense(Layers[i], Registry.Activation(Activations[i]));
            }

            Network network = layers.Compile(
                Registry.Loss(LossName),
                Options with
                {
                    Execution = execution,
                    Layout = layout,
                    FuseUpdate = fuse,
                    Batch = batch,
                });
            return new Trainer(
                network,
                Data,
                new TrainerOptions
                {
                    Epochs = epochs,
                    LearningRate = 0.02f,
                    Accumulation = accumulation,
                    Schedule = Registry.Schedule(Schedule),
                });
        }

        public Result Run(Execution execution, Layout layout, bool fuse, int batch, int accumulation, bool cancel)
        {
            Trainer trainer = Trainer(execution, layout, fuse, batch, accumulation);
            List<double> losses = [];
            long rejected = 0;
            while (!trainer.Finished)
            {
                if (trainer.TrainEpoch(null, new CancellationToken(cancel)) is { } result)
                {
                    losses.Add(result.Loss);
                    rejected += result.Rejected;
                }
            }

            return new Result(SmallNet.Parameters(trainer.Network), [.. losses], rejected > 0 ? default : trainer.Evaluate(Data), rejected);
        }

        public override string ToString() =>
            $"seed {seed}: {Inputs}-{string.Join('-', Layers)} ({string.Join(' ', Activations)}), {LossName}, {Options.Optimizer.Name}, {Schedule}, "
            + $"{Samples} samples in {Accumulation} x {Batch}, {Options.Arithmetic}, {Options.Initializer.Name}, {Options.Clipping}, {Options.Regularization}";

        private IBatchSource MakeData()
        {
            float[] x = Support.Samples.Array(Samples * Inputs, (int)seed + 1);
            // Half of the data sets are mostly background: an update may leave out what a 0 does not change.
            for (int i = 0; i < x.Length && seed % 2 == 0; i++)
            {
                x[i] = i % 3 == 0 ? x[i] : i % 7 == 0 ? -0f : 0f;
            }

            int outputs = Layers[^1], classes = outputs == 1 ? 2 : outputs;
            int[] labels = new int[Samples];
            for (int i = 0; i < Samples; i++)
            {
                labels[i] = (int)((MathF.Abs(x[i * Inputs]) * 997f) % classes);
            }

            if (outputs == 1)
            {
                return new BinaryTarget(FloatDataset.Classified(x, Inputs, labels, 2));
            }

            float[] targets = Support.Samples.Array(Samples * outputs, (int)seed + 2);
            for (int i = 0; i < targets.Length; i++)
            {
                targets[i] = MathF.Abs(targets[i]);
            }

            return seed % 3 == 0 ? FloatDataset.Regression(x, Inputs, targets, outputs) : FloatDataset.Classified(x, Inputs, labels, classes);
        }
    }
}
