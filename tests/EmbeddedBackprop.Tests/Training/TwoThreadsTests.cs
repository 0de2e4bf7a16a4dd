using System.Diagnostics;
using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Data;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Training;

/// <summary>One network, one predictor: one thread at a time. Others are told, and do no harm.</summary>
[TestFixture]
internal sealed class TwoThreadsTests
{
    private const int Inputs = 12;

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    /// <summary>Everything that computes in a network's memory or hands it out to be filled.</summary>
    private static readonly Dictionary<string, Action<Network>> Calls = new()
    {
        ["Predict a sample"] = network => _ = network.Predict(Sample(1)),
        ["Predict a batch"] = network => _ = network.Predict(2),
        ["PredictionInput"] = network => _ = network.PredictionInput(1),
        ["Prediction"] = network => _ = network.Prediction(network.Output, 1),
        ["TrainingInput"] = network => _ = network.TrainingInput(1),
        ["TrainingTarget"] = network => _ = network.TrainingTarget(1),
        ["TrainStep"] = network => _ = network.TrainStep(2, 0.1f),
        ["ComputeGradients"] = network => _ = network.ComputeGradients(2, out _),
        ["ComputeLoss"] = network => _ = network.ComputeLoss(2, out _),
        ["Update"] = network => _ = network.Update(0.1f),
        ["Initialize"] = network => network.Initialize(3),
        ["ResetState"] = network => network.ResetState(),
        ["TrainEpoch"] = network => _ = Trainer(network).TrainEpoch(),
        ["Evaluate"] = network => _ = Trainer(network).Evaluate(Data()),
        ["LoadWeights"] = network => ModelFile.Parse(File(), "file").LoadWeights(network),
        ["ConfusionMatrix"] = network => _ = ConfusionMatrix.Of(network, Data()),
        ["Diagnostics"] = network => _ = Diagnostics.Run(network, Data()),
    };

    private static IEnumerable<string> Names => Calls.Keys;

    [TestCaseSource(nameof(Names))]
    public void A_call_while_another_thread_predicts_is_refused_and_the_prediction_is_right(string call)
    {
        using WaitingOp wait = new();
        using Network network = Make(wait);
        float[] expected = network.Predict(Sample(5)).ToArray(), parameters = network.Parameters.ToArray();
        Task<float[]> prediction = Begin(wait, () => network.Predict(Sample(5)).ToArray());
        Assert.That(() => Calls[call](network), Told("the network is in use by another thread"));
        wait.Open();
        Assert.That(prediction.Wait(Limit), Is.True);
        Bits.AssertEqual(prediction.Result, expected, "the first thread's prediction");
        Bits.AssertEqual(network.Parameters, parameters, "the parameters");
        Assert.That(() => Calls[call](network), Throws.Nothing, "it can be called afterwards");
    }

    [Test]
    public void A_call_while_another_thread_trains_is_refused()
    {
        using WaitingOp wait = new();
        using Network network = Make(wait);
        Predictor predictor = network.CreatePredictor();
        Task<float> step = Begin(wait, () => network.TrainStep(2, 0.1f));
        foreach (Action<Network> call in Calls.Values)
        {
            Assert.That(() => call(network), Told("the network is in use by another thread"));
        }

        Assert.That(() => predictor.Predict(Sample(5)), Told("changes the network's parameters"));
        wait.Open();
        Assert.That(step.Wait(Limit), Is.True);
        Assert.That(() => predictor.Predict(Sample(5)), Throws.Nothing);
    }

    [Test]
    public void Two_threads_that_predict_without_order_are_told()
    {
        using Network network = new Sequential(64).Dense<Sigmoid>(32).Dense<Sigmoid>(16).Dense<Sigmoid>(4).Compile(new NetworkOptions());
        float[] sample = Samples.Array(64, 1);
        InvalidOperationException? told = null;
        RunTogether(2, thread =>
        {
            Stopwatch watch = Stopwatch.StartNew();
            try
            {
                while (Volatile.Read(ref told) is null && watch.Elapsed < Limit)
                {
                    _ = network.Predict(sample);
                }
            }
            catch (InvalidOperationException exception)
            {
                Volatile.Write(ref told, exception);
            }
        });
        Assert.That(told, Is.Not.Null);
        Assert.That(told!.Message, Does.Contain("CreatePredictor"));
        Assert.That(() => network.Predict(sample), Throws.Nothing, "afterwards one thread goes on");
    }

    [Test]
    public void Threads_that_take_turns_are_welcome()
    {
        using Network network = Make(null);
        float[] expected = network.Predict(Sample(5)).ToArray();
        for (int i = 0; i < 4; i++)
        {
            Task<float[]> turn = Run(() => network.Predict(Sample(5)).ToArray());
            Assert.That(turn.Wait(Limit), Is.True);
            Bits.AssertEqual(turn.Result, expected, "a turn");
        }
    }

    [Test]
    public void A_call_that_fails_leaves_the_network_free()
    {
        using Network network = Make(null);
        Assert.That(() => network.Predict(99), Throws.InstanceOf<ArgumentException>());
        Assert.That(() => network.ComputeGradients(3, out _, logicalBatch: 2), Throws.InstanceOf<ArgumentException>());
        Task<float[]> other = Run(() => network.Predict(Sample(5)).ToArray());
        Assert.That(other.Wait(Limit), Is.True, "no thread is taken for the owner");
        Assert.That(() => network.CreatePredictor().Predict(Sample(5)), Throws.Nothing, "no change is under way");
    }

    [Test]
    public void A_predictor_serves_one_thread()
    {
        using WaitingOp wait = new();
        using Network network = Make(wait);
        Predictor predictor = network.CreatePredictor();
        float[] expected = predictor.Predict(Sample(5)).ToArray();
        Task<float[]> prediction = Begin(wait, () => predictor.Predict(Sample(5)).ToArray());
        Assert.That(() => predictor.Predict(Sample(6)), Told("the predictor is in use by another thread"));
        Assert.That(predictor.ResetState, Told("the predictor is in use by another thread"));
        wait.Open();
        Bits.AssertEqual(prediction.Result, expected, "the first thread's prediction");
    }

    [Test]
    public void Parameters_that_change_during_a_prediction_are_told()
    {
        using WaitingOp wait = new();
        using Network network = Make(wait);
        Predictor predictor = network.CreatePredictor();
        Task<float[]> prediction = Begin(wait, () => predictor.Predict(Sample(5)).ToArray());
        network.Initialize(77);
        wait.Open();
        AggregateException? failed = Assert.Throws<AggregateException>(() => prediction.Wait(Limit));
        Assert.That(failed!.InnerException, Is.InstanceOf<InvalidOperationException>());
        Assert.That(failed.InnerException!.Message, Does.Contain("changes the network's parameters"));
    }

    [Test]
    public void A_network_is_saved_and_predicts_while_predictors_predict()
    {
        using WaitingOp wait = new();
        using Network network = Make(wait);
        Predictor predictor = network.CreatePredictor();
        float[] expected = predictor.Predict(Sample(5)).ToArray();
        Task<float[]> prediction = Begin(wait, () => predictor.Predict(Sample(5)).ToArray());
        string hash = WeightsHash.Of(network);
        wait.Open();
        Bits.AssertEqual(network.Predict(Sample(5)), expected, "the network's own prediction");
        Bits.AssertEqual(prediction.Result, expected, "the prediction");
        Assert.That(hash, Is.EqualTo(WeightsHash.Of(network)));
    }

    private static NUnit.Framework.Constraints.ContainsConstraint Told(string text) =>
        Throws.InvalidOperationException.With.Message.Contains(text);

    /// <summary>Starts a call on another thread, and returns when it is under way: in the op that waits.</summary>
    private static Task<T> Begin<T>(WaitingOp wait, Func<T> call)
    {
        wait.Close();
        Task<T> task = Run(call);
        wait.WaitForPass();
        return task;
    }

    private static Task<T> Run<T>(Func<T> call) => Task.Factory.StartNew(call, default, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    internal static void RunTogether(int threads, Action<int> body)
    {
        using Barrier start = new(threads);
        Task[] all = [.. Enumerable.Range(0, threads).Select(i => Run(() =>
        {
            start.SignalAndWait();
            body(i);
            return 0;
        }))];
        Assert.That(Task.WaitAll(all, TimeSpan.FromSeconds(200)), Is.True, "all threads ended");
    }

    private static Network Make(WaitingOp? wait)
    {
        Graph graph = new();
        Node x = graph.Input(new Shape(Inputs)), hidden = graph.Apply(new Dense(9, new Activation<Sigmoid>()), x);
        Node middle = wait is null ? hidden : graph.Apply(wait, hidden, "waiting");
        Node y = graph.Apply(new Dense(3, new Activation<Identity>()), middle);
        Node loss = graph.Apply(new Loss<Quadratic>(), y, graph.Input(new Shape(3), "target"));
        return new Network(x, y, loss, new NetworkOptions { Batch = 4, Seed = 5, FuseUpdate = false });
    }

    private static float[] Sample(int seed) => Samples.Array(Inputs, seed);

    private static byte[] File()
    {
        using Network network = new Sequential(Inputs).Dense<Sigmoid>(9).Dense<Identity>(3).Compile<Quadratic>(new NetworkOptions { Batch = 4 });
        return ModelFile.ToArray(network);
    }

    private static Trainer Trainer(Network network) => new(network, Data(), new TrainerOptions { Epochs = 100 });

    private static FloatDataset Data() =>
        FloatDataset.Classified(Samples.Array(8 * Inputs, 3), Inputs, [0, 1, 2, 0, 1, 2, 0, 1], 3);
}
