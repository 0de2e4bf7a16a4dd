using EmbeddedBackprop.IO;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Training;

/// <summary>What a caller of a network or a predictor hands in wrongly is refused by name, before anything is computed.</summary>
[TestFixture]
internal sealed class WrongPredictionsTests
{
    [Test]
    public void Lengths_of_rows_and_results_are_told_with_both_numbers()
    {
        using Network network = Dense();
        Predictor predictor = network.CreatePredictor();
        float[] results = new float[4];
        foreach (Action<float[], int, float[]> predict in
            (Action<float[], int, float[]>[])[(x, n, y) => network.Predict(x, n, y), (x, n, y) => predictor.Predict(x, n, y)])
        {
            Refused(() => predict(new float[5], 2, results), "rows: expected 6 values (2 rows of 3, without padding), got 5");
            Refused(() => predict(new float[32], 2, results), "rows: expected 6 values");
            Refused(() => predict(new float[6], 2, new float[3]), "results: expected 4 values (2 rows of 2, without padding), got 3");
            Refused(() => predict(new float[6], 2, new float[5]), "got 5");
            Refused(() => predict([], 2, results), "got 0");
            Refused(() => predict(null!, 1, new float[2]), "got 0");
            Refused(() => predict(new float[6], -1, results), "count must not be negative, got -1");
            Refused(() => predict(new float[6], int.MaxValue, results), "6442450941 values");
            Assert.That(() => predict([], 0, []), Throws.Nothing);
        }

        Refused(() => network.Predict(new float[4]), "input: expected 3 values, got 4");
        Refused(() => predictor.Predict(new float[4]), "input: expected 3 values, got 4");
        Refused(() => predictor.Predict((float[]?)null), "input: expected 3 values, got 0");
        Refused(() => network.Predict(5), "1 to 4");
        Refused(() => network.Predict(0), "1 to 4");
        Refused(() => predictor.Predict(5), "1 to 4");
        Refused(() => predictor.Predict(-1), "1 to 4");
        Refused(() => network.Prediction(network.Output, 5), "1 to 4");
        Refused(() => network.PaddedPredictionInput(5), "1 to 4");
        Refused(() => network.CreatePredictor(-1), "batch must not be negative");
    }

    [Test]
    public void Memory_that_is_used_twice_is_told()
    {
        using Network network = Dense();
        Predictor predictor = network.CreatePredictor();
        float[] memory = new float[12];
        Refused(() => network.Predict(memory.AsSpan(0, 6), 2, memory.AsSpan(4, 4)), "results: the span shares memory with rows");
        Refused(() => predictor.Predict(memory.AsSpan(0, 6), 2, memory.AsSpan(5, 4)), "results: the span shares memory with rows");
        Assert.That(() => network.Predict(memory.AsSpan(0, 6), 2, memory.AsSpan(6, 4)), Throws.Nothing, "one after the other");
        Refused(() => network.Predict(network.PredictionInput(2)[..6], 2, memory.AsSpan(0, 4)), "rows: the span shares memory with the network's");
        Refused(() => network.Predict(memory.AsSpan(0, 6), 2, network.PredictionInput(2)[..4]), "results: the span shares memory with the network's");
        Refused(() => predictor.Predict(memory.AsSpan(0, 6), 2, network.Parameters[..4]), "shares memory with the network's parameters");
        Refused(() => network.WriteInput("input", network.PredictionInput(2)[..6], 2), "rows: the span shares memory");
        Refused(() => network.ReadOutput(network.Output.Name, 1, network.PredictionInput(1)[..2]), "results: the span shares memory");
    }

    [Test]
    public void Names_that_are_not_there_are_told_with_those_that_are()
    {
        using Network network = CompactRowsTests.Branches();
        Predictor predictor = network.CreatePredictor();
        float[] values = new float[8];
        Refused(() => network.WriteInput("picture", values, 1), "no input 'picture'; there are image, place");
        Refused(() => predictor.WriteInput("class", values, 1), "no input 'class'; there are image, place");
        Refused(() => network.ReadOutput("image", 1, values), "no output 'image'; there are class, height");
        Refused(() => predictor.ReadOutput("", 1, values), "no output ''; there are class, height");
        Refused(() => predictor.WriteInput("image", values, 1), "image: expected 5 values (1 rows of 5, without padding), got 8");
        Refused(() => predictor.ReadOutput("class", 2, values.AsSpan(0, 7)), "class: expected 8 values (2 rows of 4, without padding), got 7");
        Refused(() => predictor.WriteInput("image", values, 9), "1 to 3");
        Refused(() => predictor.ReadOutput("class", 0, values), "1 to 3");
        Refused(() => network.GetWeights("dense9.weight"), "no tensor 'dense9.weight'; there are dense1.weight, dense1.bias");
        Refused(() => network.SetWeights("dense1.bias", values), "dense1.bias: expected 6 values, got 8");
        Refused(() => network.GetWeights("dense1.bias", values), "dense1.bias: expected 6 values, got 8");
        Refused(() => network.WeightShape("x"), "no tensor 'x'");
        foreach (Action use in (Action[])[
            () => network.WriteInput(null!, values, 1), () => predictor.WriteInput(null!, values, 1), () => network.ReadOutput(null!, 1, values),
            () => predictor.ReadOutput(null!, 1, values), () => network.GetWeights(null!), () => network.SetWeights(null!, values),
            () => network.WeightShape(null!), () => network.Prediction(null!, 1), () => network.PaddedPredictionInput(null!, 1)])
        {
            Assert.That(use, Throws.ArgumentNullException);
        }
    }

    [Test]
    public void A_state_of_tensors_is_told_by_its_length()
    {
        using Network network = NetCompiler.Compile("input 1x4x4; conv 2 3x3; batchnorm; dense 2", null, new NetworkOptions());
        string mean = network.WeightNames.Single(name => name.EndsWith("running_mean", StringComparison.Ordinal));
        Refused(() => network.SetWeights(mean, new float[3]), "expected 2 values, got 3");
        Refused(() => network.GetWeights(mean, new float[1]), "expected 2 values, got 1");
        Assert.That(network.WeightShape(mean), Is.EqualTo((int[])[2]));
    }

    /// <summary>Every method of a network that computes or hands out memory to compute with.</summary>
    [Test]
    public void A_disposed_network_computes_no_more([Values(1, 2)] int threads)
    {
        Network network = SmallNet.Make(new NetworkOptions { Batch = 4, Threads = threads });
        Predictor predictor = network.CreatePredictor();
        float[] sample = Samples.Array(SmallNet.Inputs, 1), expected = network.Predict(sample).ToArray(), result = new float[SmallNet.Outputs];
        Trainer trainer = new(network, SmallNet.Classes(8), new TrainerOptions());
        network.Dispose();
        foreach (Action use in (Action[])[
            () => network.Predict(sample), () => network.Predict(1), () => network.Predict(sample, 1, result), () => network.TrainStep(1, 0.1f),
            () => network.ComputeGradients(1, out _), () => network.ComputeLoss(1, out _), () => network.Update(0.1f), () => network.Initialize(1),
            network.ResetState, () => network.WriteInput("input", sample, 1), () => network.ReadOutput(network.Output.Name, 1, result),
            () => network.SetWeights("dense1.bias", new float[19]), () => trainer.TrainEpoch(), () => trainer.Evaluate(SmallNet.Classes(8))])
        {
            Assert.That(use, Throws.InstanceOf<ObjectDisposedException>().With.Message.Contains("disposed"));
        }

        Bits.AssertEqual(predictor.Predict(sample), expected, "a predictor goes on");
        Assert.That(network.GetWeights("dense1.bias"), Has.Length.EqualTo(19));
        Assert.That(ModelFile.ToArray(network), Is.Not.Empty);
        Assert.That(network.ToString(), Is.Not.Empty);
        Assert.That(network.Dispose, Throws.Nothing);
    }

    [Test]
    public void A_network_disposed_of_during_a_call_is_told_at_its_end()
    {
        using WaitingOp wait = new();
        Network network = new Sequential(3).Apply(wait).Dense<EmbeddedBackprop.Activations.Tanh>(2).Compile(new NetworkOptions());
        wait.Close();
        Task<float[]> prediction = Task.Factory.StartNew(
            () => network.Predict(new float[3]).ToArray(), default, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        wait.WaitForPass();
        network.Dispose();
        wait.Open();
        AggregateException? failed = Assert.Throws<AggregateException>(() => prediction.Wait(TimeSpan.FromSeconds(60)));
        Assert.That(failed!.InnerException, Is.InstanceOf<ObjectDisposedException>());
    }

    [Test]
    public void Nodes_of_other_graphs_and_training_without_a_loss_are_told()
    {
        using Network network = Dense(), other = Dense();
        Refused(() => network.Prediction(other.Output, 1), "another graph");
        Refused(() => network.PaddedPredictionInput(other.Input, 1), "another graph");
        foreach (Action use in (Action[])[
            () => network.TrainStep(1, 0.1f), () => network.ComputeGradients(1, out _), () => network.ComputeLoss(1, out _),
            () => network.Update(0.1f), () => network.TrainingInput(1), () => _ = network.TargetStride])
        {
            Assert.That(use, Throws.InvalidOperationException.With.Message.Contains("without a loss"));
        }

        Assert.That(() => network.Predict(new float[3]), Throws.Nothing, "nothing is left behind");
    }

    private static Network Dense() => NetCompiler.Compile("input 3; dense 5 tanh; dense 2", null, new NetworkOptions { Batch = 4 });

    private static void Refused(Action use, string text) =>
        Assert.That(use, Throws.InstanceOf<ArgumentException>().With.Message.Contains(text));
}
