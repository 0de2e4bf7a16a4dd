using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Data;
using EmbeddedBackprop.Data.Digits;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Optimizers;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Training;

/// <summary>
/// Batches that idle threads gather while the network computes: the bits of gathering them in between, no allocation, and nobody gathers when a
/// step has ended, however it ends.
/// </summary>
[TestFixture]
internal sealed class BatchAheadTests
{
    private const int Count = 61;

    private static readonly AugmentationOptions Changes = AugmentationOptions.Parse("shift=1,rotate=10,scale=0.1,elastic=1");

    private static readonly ByteDataset Digits = DigitsGenerator.Create(Count, seed: 1);

    private static readonly FloatDataset Small = SmallNet.Classes(Count);

    [Test]
    public void Weights_have_the_bits_of_one_thread([Values(2, 3, 5)] int threads, [Values(1, 3)] int accumulation, [Values] Layout layout)
    {
        // 61 samples in batches of 7: the last one is ragged, and so is the last piece of three.
        Assert.That(Train(threads, accumulation, layout, out bool ahead), Is.EqualTo(Train(1, accumulation, layout, out bool alone)));
        Assert.That((ahead, alone), Is.EqualTo((true, false)));

        static string Train(int threads, int accumulation, Layout layout, out bool ahead)
        {
            using Network net = Images(new NetworkOptions { Batch = 7, Threads = threads, Seed = 2, Layout = layout });
            Trainer trainer = new(net, new AugmentedImages(Digits, Changes, seed: 9), Options(accumulation));
            ahead = trainer.GathersAhead;
            trainer.Run();
            return WeightsHash.Of(net);
        }
    }

    [Test]
    public void Several_inputs_and_targets_get_their_parts()
    {
        Assert.That(Train(3, out bool ahead), Is.EqualTo(Train(1, out _)));
        Assert.That(ahead);

        static string Train(int threads, out bool ahead)
        {
            Graph graph = new();
            Node a = graph.Input(new Shape(4), "a"), b = graph.Input(new Shape(3), "b"), t = graph.Input(new Shape(2), "t");
            Node trunk = graph.Apply(new Dense(8, new Activation<Tanh>()), graph.Apply(new Concat(), a, b));
            Node first = graph.Apply(new Dense(2, new Activation<Identity>()), trunk);
            Node second = graph.Apply(new Dense(3, new Activation<Identity>()), trunk);
            Node[] losses =
            [
                graph.Apply(new Loss<MeanSquared>(), first, t), graph.Apply(new Loss<Huber>(), second, graph.Input(new Shape(3), "u")),
            ];
            using Network net = new([b, a], [second, first], losses, new NetworkOptions { Batch = 8, Seed = 5, Threads = threads });
            FloatDataset data = FloatDataset.Regression(Samples.Array(Count * 7, 1), 7, Samples.Array(Count * 5, 2), 5);
            Trainer trainer = new(Eager(net), new Watched(data), Options());
            ahead = trainer.GathersAhead;
            trainer.Run();
            return WeightsHash.Of(net);
        }
    }

    [Test]
    public void What_workers_gather_reaches_the_weights()
    {
        using Network expected = Net(1);
        new Trainer(expected, Small, Options()).Run();
        string hash = WeightsHash.Of(expected);

        // The control: a source that gives workers other values than the thread that trains. On a busy machine they may come too late in a run.
        int thread = Environment.CurrentManagedThreadId;
        Assert.That(() => Train(null), Is.EqualTo((hash, true)).After(60_000, 1), "workers gather");
        Assert.That(() => Train((_, _) => Environment.CurrentManagedThreadId != thread).Hash, Is.Not.EqualTo(hash).After(60_000, 1));

        static (string Hash, bool ByWorkers) Train(Func<int, int, bool>? spoils)
        {
            using Network net = Net(2);
            new Trainer(net, new Watched(Small) { Spoils = spoils }, Options()).Run();
            return (WeightsHash.Of(net), net.Pool!.AheadPartsByWorkers > 0);
        }
    }

    [Test]
    public void Epochs_allocate_nothing_on_any_thread([Values(2, 4)] int threads, [Values(1, 3)] int accumulation)
    {
        using Network net = Images(new NetworkOptions { Batch = 7, Threads = threads, Optimizer = new Adam() });
        Trainer trainer = new(
            net, new AugmentedImages(Digits, Changes, seed: 9), new TrainerOptions { Epochs = 1_000_000, Accumulation = accumulation });
        Allocations.Of(20, () => trainer.TrainEpoch());
        Assert.That(
            Allocations.OfWorkers(
                () => net.WorkerAllocatedBytes, () => Assert.That(Allocations.Of(20, () => trainer.TrainEpoch()), Is.Zero, "180 batches")),
            Is.Zero,
            "the workers");
        Assert.That(() => { trainer.TrainEpoch(); return net.Pool!.AheadPartsByWorkers; }, Is.Positive.After(60_000, 1), "they gathered");
    }

    [TestCase(7, 1)]
    [TestCase(7, 3)]
    public void What_the_source_throws_reaches_the_caller_when_the_batch_is_due(int batch, int accumulation)
    {
        using Network net = Net(3, batch), expected = Net(1, batch);
        Trainer reliable = new(expected, Small, Options(accumulation));
        Trainer trainer = new(net, new Watched(Small) { FailsOnce = true }, Options(accumulation));
        int failures = 0, update = batch * accumulation;
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
                    Assert.That(trainer.State.NextSample % update, Is.Zero, "whole updates");
                    long steps = (trainer.State.Epoch * trainer.StepsPerEpoch) + (trainer.State.NextSample / update);
                    Assert.That(net.StepNumber, Is.EqualTo(steps));
                }
            }

            Assert.That(result.Value with { Seconds = 0 }, Is.EqualTo(reliable.TrainEpoch()!.Value with { Seconds = 0 }));
        }

        // Of two that failed at the same time only one would be told.
        Assert.That(failures, Is.EqualTo(1), "one sample fails once");
        Bits.AssertEqual(SmallNet.Parameters(net), SmallNet.Parameters(expected), "parameters");
    }

    [Test]
    public void Nobody_gathers_between_steps_nor_after_the_call()
    {
        using Network net = Net(4), expected = Net(1);
        Watched source = new(Small);
        Trainer trainer = new(net, source, Options());
        int calls = 0;
        while (!trainer.Finished)
        {
            using CancellationTokenSource stop = new();
            trainer.TrainEpoch(
                _ =>
                {
                    Assert.That(source.Active, Is.Zero, "a progress");
                    stop.Cancel();
                },
                stop.Token);
            Assert.That(source.Active, Is.Zero, "after the call");
            calls++;
        }

        Assert.That(calls, Is.EqualTo(2 * 9), "every call ended after one step");
        Assert.That(source.EpochWhileGathering, Is.False);
        new Trainer(expected, Small, Options()).Run();
        Bits.AssertEqual(SmallNet.Parameters(net), SmallNet.Parameters(expected), "parameters");
    }

    [Test]
    public void Data_that_change_between_calls_are_gathered_anew()
    {
        using Network net = Net(2), expected = Net(1);
        Bits.AssertEqual(Train(net), Train(expected), "parameters");

        static float[] Train(Network net)
        {
            bool spoils = false;
            Trainer trainer = new(net, new Watched(Small) { Spoils = (_, _) => spoils }, Options());
            while (!trainer.Finished)
            {
                using CancellationTokenSource stop = new();
                trainer.TrainEpoch(_ => stop.Cancel(), stop.Token);
                spoils = !spoils;
            }

            return SmallNet.Parameters(net);
        }
    }

    [Test]
    public void A_training_goes_on_from_a_file_written_within_an_epoch([Values(1, 3)] int before, [Values(1, 3)] int after)
    {
        using Network whole = Images(new NetworkOptions { Batch = 7, Seed = 2 });
        new Trainer(whole, Source(), Options()).Run();
        using Network first = Images(new NetworkOptions { Batch = 7, Seed = 2, Threads = before });
        Keeper keeper = new(4);
        new Trainer(first, Source(), Options()).TrainEpoch(null, keeper, default);
        ModelFile file = ModelFile.Parse(keeper.File!, "within an epoch");
        using Network second = Images(new NetworkOptions { Batch = 7, Seed = 2, Threads = after });
        second.Parameters.Clear();
        Trainer resumed = new(second, Source(), Options());
        file.Restore(resumed);
        Assert.That(resumed.State.NextSample, Is.EqualTo(28));
        resumed.Run();
        Assert.That(WeightsHash.Of(second), Is.EqualTo(WeightsHash.Of(whole)));

        static AugmentedImages Source() => new(Digits, Changes, seed: 9);
    }

    [Test]
    public void Early_stopping_ends_where_one_thread_ends()
    {
        (TrainingOutcome outcome, string hash) = Train(1);
        Assert.That(outcome.StoppedEarly);
        Assert.That(Train(3), Is.EqualTo((outcome, hash)));

        static (TrainingOutcome Outcome, string Hash) Train(int threads)
        {
            using Network net = Net(threads);
            Trainer trainer = new(
                net, new Watched(Small), new TrainerOptions { Epochs = 100, LearningRate = 0.5f, EarlyStopping = new EarlyStopping(2) });
            TrainingOutcome outcome = trainer.Run(DatasetView.First(Small, 20));
            return (outcome with { Result = outcome.Result!.Value with { Seconds = 0 } }, WeightsHash.Of(net));
        }
    }

    [Test]
    public void A_disposed_network_has_no_threads_and_refuses_to_train()
    {
        Network net = Net(3);
        Watched source = new(Small);
        Trainer trainer = new(net, source, Options());
        trainer.TrainEpoch();
        net.Dispose();
        Assert.That(net.Pool!.Crew.Alive, Is.Zero);
        Assert.That(() => trainer.TrainEpoch(), Throws.InstanceOf<ObjectDisposedException>());
        Assert.That(source.Active, Is.Zero);
    }

    [Test]
    public void Values_that_are_not_finite_are_named()
    {
        float[] values = Small.Inputs.ToArray();
        values[(50 * SmallNet.Inputs) + 2] = float.NaN;
        FloatDataset data = FloatDataset.Classified(values, SmallNet.Inputs, [.. Enumerable.Range(0, Count).Select(Small.Label)], SmallNet.Outputs);
        using Network net = Net(2);
        Assert.That(
            () => new Trainer(net, new Watched(data), Options()).TrainEpoch(),
            Throws.ArgumentException.With.Message.Contains("sample 50, column 2 is NaN"));
    }

    [Test]
    public void Batches_are_gathered_ahead_only_where_that_pays()
    {
        AugmentedImages costly = new(Digits, Changes, 1);
        Assert.That(Ahead(new NetworkOptions { Threads = 2 }, costly), "some work, on a second thread");
        Assert.That(Ahead(new NetworkOptions { Threads = 1 }, costly), Is.False, "no second thread");
        Assert.That(Ahead(new NetworkOptions { Threads = 2 }, Digits), Is.False, "samples that lie ready");
        Assert.That(Ahead(new NetworkOptions { Threads = 2 }, new Watched(Digits) { GatherCost = 2 }), "32 samples that cost twice a copy");
        Assert.That(Ahead(new NetworkOptions { Threads = 2, Batch = 16 }, new Watched(Digits) { GatherCost = 2 }), Is.False, "16 of them");
        Assert.That(Ahead(new NetworkOptions { Threads = 2, MemoryBudget = 1 << 20 }, costly), Is.False, "a memory budget");
        Assert.That(Ahead(new NetworkOptions { Threads = 2 }, new Watched(costly) { GatherCost = int.MaxValue }), "any cost");
        IBatchSource[] views =
        [
            DatasetView.First(costly, 9), new WatchedSource(costly, default), DatasetView.Subset(costly, [1, 2]),
            new BinaryTarget(new AugmentedImages(new ByteDataset(new byte[4], [1], 4, 2) { InputShape = new Shape(2, 2) }, Changes, 1)),
        ];
        Assert.That(views.Select(view => view.GatherCost), Is.All.EqualTo(costly.GatherCost));
        Assert.That(((IBatchSource)Digits).GatherCost, Is.EqualTo(1));

        static bool Ahead(NetworkOptions options, IBatchSource source)
        {
            using Network net = new Sequential(784).Dense<Sigmoid>(10).Compile<Quadratic>(options);
            return new Trainer(net, source, Options()).GathersAhead;
        }
    }

    private static TrainerOptions Options(int accumulation = 1) => new() { Epochs = 2, LearningRate = 0.1f, Accumulation = accumulation };

    private static Network Net(int threads, int batch = 7) => Eager(SmallNet.Make(new NetworkOptions { Batch = batch, Threads = threads, Seed = 4 }));

    private static Network Images(NetworkOptions options) =>
        Eager(new Sequential(784).Dense<Relu>(12).Dense<Sigmoid>(10).Compile<Quadratic>(options));

    /// <summary>Everything that can be shared out is, however small.</summary>
    private static Network Eager(Network net)
    {
        if (net.Pool is { } pool)
        {
            pool.MinimumWork = 1;
        }

        return net;
    }

    /// <summary>A source that says it is costly, and watches who gathers.</summary>
    private sealed class Watched(IBatchSource source) : IBatchSource
    {
        private readonly int[] gathered = new int[source.Count];
        private int active;

        public int Count => source.Count;

        public int InputLength => source.InputLength;

        public int TargetLength => source.TargetLength;

        public int ClassCount => source.ClassCount;

        public int GatherCost { get; init; } = 50;

        /// <summary>Threads that gather now.</summary>
        public int Active => Volatile.Read(ref active);

        /// <summary>Whether an epoch began while a thread gathered.</summary>
        public bool EpochWhileGathering { get; private set; }

        /// <summary>Sample 23 fails when it is gathered for the first time.</summary>
        public bool FailsOnce { get; init; }

        /// <summary>Given sample and time of gathering it: whether its first input is another.</summary>
        public Func<int, int, bool>? Spoils { get; init; }

        public int Label(int sample) => source.Label(sample);

        public void BeginEpoch(int epoch) => EpochWhileGathering |= Active != 0;

        public void Gather(ReadOnlySpan<int> samples, Span<float> inputs, int inputStride, Span<float> targets, int targetStride)
        {
            Interlocked.Increment(ref active);
            try
            {
                source.Gather(samples, inputs, inputStride, targets, targetStride);
                for (int i = 0; i < samples.Length; i++)
                {
                    int time = Interlocked.Increment(ref gathered[samples[i]]);
                    if (FailsOnce && time == 1 && samples[i] == 23)
                    {
                        throw new IOException("the disk is gone");
                    }

                    if (Spoils is not null && Spoils(samples[i], time))
                    {
                        inputs[i * inputStride] += 1f;
                    }
                }

                Thread.SpinWait(100);
            }
            finally
            {
                Interlocked.Decrement(ref active);
            }
        }
    }

    /// <summary>Writes the training after an update.</summary>
    private sealed class Keeper(int update) : ICheckpoints
    {
        private int updates;

        public byte[]? File { get; private set; }

        public void AfterUpdate(Trainer trainer)
        {
            if (++updates == update)
            {
                File = ModelFile.ToArray(trainer.Network, trainer);
            }
        }

        public void AtEnd(Trainer trainer)
        {
        }
    }
}
