using System.Diagnostics;
using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Data;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Optimizers;
using EmbeddedBackprop.Probe;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Training;

/// <summary>A network on any number of threads has the weights of one thread, allocates nothing, and reports errors.</summary>
[TestFixture]
internal sealed class ThreadsTests
{
    private const int Inputs = 61, Classes = 7, Count = 230;

    private static readonly int[] ThreadCounts = [2, 3, 4, 7];

    private static readonly FloatDataset Data = RandomSamples(Count);

    public static IEnumerable<string> Optimizers => Registry.OptimizerNames;

    [Test]
    public void One_weights_hash_at_every_number_of_threads([ValueSource(nameof(Optimizers))] string optimizer, [Values] Arithmetic arithmetic)
    {
        NetworkOptions options = Options(arithmetic) with { Optimizer = Registry.Optimizer(optimizer) };
        string expected = Train(options, out Evaluation judged);
        Assert.That(Train(options with { Execution = Execution.Scalar }, out _), Is.EqualTo(expected), "scalar twins");
        foreach (int threads in ThreadCounts)
        {
            Assert.That(Train(options with { Threads = threads }, out Evaluation evaluation), Is.EqualTo(expected), $"{threads} threads");
            Assert.That(evaluation, Is.EqualTo(judged), $"{threads} threads");
        }
    }

    [Test]
    public void One_weights_hash_with_every_option([Values] Layout layout, [Values(1, 3)] int accumulation, [Values] bool fuseUpdate)
    {
        NetworkOptions options = Options(Arithmetic.Fused) with
        {
            Layout = layout,
            FuseUpdate = fuseUpdate,
            Regularization = new Regularization { L1 = fuseUpdate ? 0 : 0.001f, L2 = 0.01f, AllParameters = true },
            Clipping = fuseUpdate ? Clipping.None : new Clipping { Value = 0.1f, Norm = 0.2f },
        };
        string expected = Train(options, out _, accumulation);
        foreach (int threads in ThreadCounts)
        {
            Assert.That(Train(options with { Threads = threads }, out _, accumulation), Is.EqualTo(expected), $"{threads} threads");
        }
    }

    [Test]
    public void Predictions_have_the_same_bits([Values(1, 5, 48)] int batch)
    {
        using Network one = Make(Options(Arithmetic.Fused));
        foreach (int threads in ThreadCounts)
        {
            using Network net = Make(Options(Arithmetic.Fused) with { Threads = threads });
            Samples.Fill(one.PredictionInput(batch), 5);
            Samples.Fill(net.PredictionInput(batch), 5);
            Bits.AssertEqual(net.Predict(batch), one.Predict(batch), $"{threads} threads");
        }
    }

    [Test]
    public void The_hash_sees_a_single_bit()
    {
        using Network net = Make(Options(Arithmetic.Fused));
        string before = Hash(net);
        net.Parameters[100] = BitConverter.Int32BitsToSingle(BitConverter.SingleToInt32Bits(net.Parameters[100]) ^ 1);
        Assert.That(Hash(net), Is.Not.EqualTo(before));
    }

    [Test]
    public void Two_networks_with_workers_train_at_the_same_time()
    {
        string expected = Train(Options(Arithmetic.Fused), out _);
        string[] hashes = new string[3];
        Thread[] trainings =
        [
            .. Enumerable
                .Range(0, hashes.Length)
                .Select(i => new Thread(() => hashes[i] = Train(Options(Arithmetic.Fused) with { Threads = i + 2 }, out _))),
        ];
        foreach (Thread training in trainings)
        {
            training.Start();
        }

        foreach (Thread training in trainings)
        {
            Assert.That(training.Join(ChildProcess.Longest), "no deadlock");
        }

        Assert.That(hashes, Is.All.EqualTo(expected));
    }

    [Test]
    public void Steps_allocate_nothing_on_any_thread([ValueSource(nameof(Optimizers))] string optimizer, [Values(2, 4)] int threads)
    {
        using Network net = Make(Options(Arithmetic.Fused) with { Threads = threads, Optimizer = Registry.Optimizer(optimizer) });
        Trainer trainer = new(net, Data, new TrainerOptions { Epochs = 1_000_000, LearningRate = 0.01f });
        Allocations.Of(20, () => trainer.TrainEpoch());
        trainer.Evaluate(Data);
        Assert.That(
            Allocations.OfWorkers(
                () => net.WorkerAllocatedBytes,
                () =>
                {
                    Assert.That(Allocations.Of(60, () => trainer.TrainEpoch()), Is.Zero, "300 steps, the caller's thread");
                    Assert.That(Allocations.Of(10, () => trainer.Evaluate(Data)), Is.Zero, "evaluations");
                }),
            Is.Zero,
            "the workers");
        // On a busy machine the caller may have done all parts before a worker woke up.
        Assert.That(() => { trainer.TrainEpoch(); return net.Pool!.PartsByWorkers; }, Is.Positive.After(60_000, 1), "they worked");
    }

    [Test]
    public void What_the_data_throw_on_a_worker_reaches_the_caller()
    {
        using Network net = Make(Options(Arithmetic.Fused) with { Threads = 3 });
        Trainer trainer = new(net, new FailingSource(Data), new TrainerOptions { Epochs = 3 });
        for (int i = 0; i < 20; i++)
        {
            Assert.That(() => trainer.TrainEpoch(), Throws.InstanceOf<IOException>());
        }

        Assert.That(new Trainer(net, Data, new TrainerOptions { Epochs = 1 }).TrainEpoch(), Is.Not.Null, "the network can still be trained");
    }

    [Test]
    public void A_disposed_network_has_no_threads_its_weights_and_its_predictors()
    {
        string expected = Train(Options(Arithmetic.Fused), out _);
        Network net = Make(Options(Arithmetic.Fused) with { Threads = 3 });
        Trainer trainer = new(net, Data, Training(1));
        trainer.TrainEpoch();
        trainer.TrainEpoch();
        float[] sample = Samples.Array(net.InputLength, 1), prediction = net.Predict(sample).ToArray();
        Predictor predictor = net.CreatePredictor();
        net.Dispose();
        Assert.That(net.Pool!.Crew.Alive, Is.Zero);
        Assert.That(Hash(net), Is.EqualTo(expected));
        Assert.That(() => trainer.Evaluate(Data), Throws.InstanceOf<ObjectDisposedException>());
        Bits.AssertEqual(predictor.Predict(sample), prediction, "the predictor goes on");
        Assert.That(net.Dispose, Throws.Nothing);
    }

    [Test]
    public void Nielsens_net_stays_on_one_thread_and_a_large_one_takes_all_processors()
    {
        NetworkOptions automatic = new() { Threads = 0, Batch = 10 };
        using Network nielsen = new Sequential(784).Dense<Sigmoid>(30).Dense<Sigmoid>(10).Compile<Quadratic>(automatic);
        Assert.That(nielsen.Threads, Is.EqualTo(1));
        Assert.That(nielsen.Pool, Is.Null);
        using Network large = new Sequential(784)
            .Dense<Relu>(512)
            .Dense<Relu>(512)
            .Dense<Sigmoid>(10)
            .Compile<Quadratic>(automatic with { Batch = 256 });
        Assert.That(large.Threads, Is.EqualTo(Math.Min(Environment.ProcessorCount, 128)));
        Assert.That(large.TrainingPlan!.WorthwhileThreads(8), Is.EqualTo(8));
        Assert.That(large.TrainingPlan!.WorthwhileThreads(1), Is.EqualTo(1));
        Assert.That(nielsen.TrainingPlan!.WorthwhileThreads(8), Is.EqualTo(1));
    }

    [Test]
    public void A_step_too_small_for_threads_is_not_shared_out()
    {
        using Network net = SmallNet.Make(new NetworkOptions { Batch = 7, Threads = 2 });
        SmallNet.Backpropagate(net, 7);
        for (int i = 0; i < 100; i++)
        {
            net.TrainStep(7, 0.1f);
        }

        Thread.Sleep(5);
        Assert.That(net.Pool!.PartsByWorkers, Is.Zero);
    }

    [Test]
    public void A_wide_net_is_shared_out_by_itself_and_has_the_bits_of_the_twins([Values(2, 3)] int threads) =>
        Assert.That(ThreadsRun.Train(threads, 10), Is.EqualTo((ThreadsRun.Train(1, 10, Execution.Scalar).Hash, 0.0)));

    [TestCase("DOTNET_PROCESSOR_COUNT", "1", 1)]
    [TestCase("DOTNET_PROCESSOR_COUNT", "2", 2)]
    public void One_processor_is_enough_for_four_threads(string name, string value, int processors)
    {
        // Both: threads that know they are alone and sleep at once, and threads that do not and spin.
        using Process process = ChildProcess.Start([new(name, value)], "one-processor", "4", "50");
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        ChildProcess.WaitForExit(process);
        Assert.That(output.Result.Trim(), Is.EqualTo($"{processors} {ThreadsRun.Train(1, 50).Hash} 0"));
    }

    [TestCase(-1)]
    [TestCase(257)]
    [TestCase(int.MaxValue)]
    public void A_senseless_number_of_threads_is_refused(int threads) =>
        Assert.That(
            () => SmallNet.Make(new NetworkOptions { Threads = threads }),
            Throws.InstanceOf<ArgumentOutOfRangeException>().With.Message.Contains($"{threads}"));

    private static NetworkOptions Options(Arithmetic arithmetic) => new() { Batch = 48, Seed = 3, Arithmetic = arithmetic };

    private static TrainerOptions Training(int accumulation) => new() { Epochs = 2, LearningRate = 0.05f, Accumulation = accumulation };

    private static Network Make(NetworkOptions options)
    {
        Network net = new Sequential(Inputs)
            .Dense<Relu>(130)
            .Dense<Sigmoid>(35)
            .Dense(Classes, new EmbeddedBackprop.Activations.Softmax())
            .Compile(new SoftmaxCrossEntropy(), options);

        // Everything that can be shared out is, however small.
        if (net.Pool is { } pool)
        {
            pool.MinimumWork = 1;
        }

        return net;
    }

    private static string Train(NetworkOptions options, out Evaluation judged, int accumulation = 1)
    {
        using Network net = Make(options);
        Trainer trainer = new(net, Data, Training(accumulation));
        trainer.TrainEpoch();
        trainer.TrainEpoch();
        judged = trainer.Evaluate(Data);
        return Hash(net);
    }

    private static string Hash(Network net) => WeightsHash.Of(SmallNet.Parameters(net));

    private static FloatDataset RandomSamples(int count) =>
        FloatDataset.Classified(Samples.Array(count * Inputs, 1), Inputs, [.. Enumerable.Range(0, count).Select(i => i * i % Classes)], Classes);

    /// <summary>Fails for one sample, which some thread gathers.</summary>
    private sealed class FailingSource(IBatchSource source) : IBatchSource
    {
        public int Count => source.Count;

        public int InputLength => source.InputLength;

        public int TargetLength => source.TargetLength;

        public int ClassCount => source.ClassCount;

        public int Label(int sample) => source.Label(sample);

        public void Gather(ReadOnlySpan<int> samples, Span<float> inputs, int inputStride, Span<float> targets, int targetStride)
        {
            if (samples.Contains(17))
            {
                throw new IOException("the disk is gone");
            }

            source.Gather(samples, inputs, inputStride, targets, targetStride);
        }
    }
}
