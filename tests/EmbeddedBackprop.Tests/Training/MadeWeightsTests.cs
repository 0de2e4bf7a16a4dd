using EmbeddedBackprop.Data;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Quantization;
using EmbeddedBackprop.Tests.IO;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Training;

/// <summary>
/// Integers of weights are made once for many predictions, and anew after whatever writes to parameters, state or the memory of a training step.
/// </summary>
[TestFixture]
public sealed class MadeWeightsTests
{
    /// <summary>What may write between two predictions, and whether the network sees it.</summary>
    private static readonly Dictionary<string, Action<Network>> Writers = new()
    {
        ["a span of parameters"] = network => Change(network.Parameters),
        ["a step"] = network => Step(network),
        ["an epoch"] = network => _ = new Trainer(network, Data(network), new TrainerOptions { Epochs = 1, LearningRate = 0.5f }).TrainEpoch(),
        ["first weights"] = network => network.Initialize(77),
        ["a file"] = network =>
        {
            using Network other = Quantized(seed: 9);
            byte[] file = ModelFile.ToArray(other, new Trainer(other, Data(other), new TrainerOptions()));
            ModelFile.Parse(file, "other").LoadWeights(network);
        },
        ["a scale in the state"] = network =>
        {
            foreach (ref readonly StateRange range in network.InferencePlan.State)
            {
                if (range.Name.EndsWith("weight_scale", StringComparison.Ordinal))
                {
                    network.State[range.Offset] *= 2f;
                }
            }
        },
        ["gradients"] = network =>
        {
            Fill(network);
            _ = network.ComputeGradients(4, out _);
        },
        ["samples of a training step"] = Fill,
    };

    private static IEnumerable<string> Names => Writers.Keys;

    [Test]
    public void Predictions_keep_what_the_first_one_made()
    {
        using Network network = Quantized(seed: 3);
        float[] sample = Sample(network), first = network.Predict(sample).ToArray();
        Assert.That(network.IsMade, Is.True);
        float[] second = network.Predict(sample).ToArray();
        Assert.That(second, Is.EqualTo(first));
        network.ResetState();
        _ = network.PredictionInput(4);
        Assert.That(network.IsMade, Is.True, "inputs and carried state are no weights");
    }

    [TestCaseSource(nameof(Names))]
    public void A_prediction_after_a_writer_is_that_of_a_new_network(string writer)
    {
        using Network network = Quantized(seed: 3);
        float[] sample = Sample(network), before = network.Predict(sample).ToArray();
        Writers[writer](network);
        Assert.That(network.IsMade, Is.False);
        float[] after = network.Predict(sample).ToArray();
        using Network fresh = Quantized(seed: 4);
        network.Parameters.CopyTo(fresh.Parameters);
        network.State.CopyTo(fresh.State);
        Assert.That(after, Is.EqualTo(fresh.Predict(sample).ToArray()));
        bool writes = writer is not ("gradients" or "samples of a training step");
        Assert.That(after.SequenceEqual(before), Is.Not.EqualTo(writes), "the writer changes predictions");
    }

    [TestCaseSource(nameof(Names))]
    public void A_predictor_after_a_writer_predicts_as_a_new_network(string writer)
    {
        using Network network = Quantized(seed: 3);
        Predictor predictor = network.CreatePredictor();
        float[] sample = Sample(network), before = predictor.Predict(sample).ToArray();
        Assert.That(predictor.IsMade, Is.True);
        Writers[writer](network);
        float[] after = predictor.Predict(sample).ToArray();
        using Network fresh = Quantized(seed: 4);
        network.Parameters.CopyTo(fresh.Parameters);
        network.State.CopyTo(fresh.State);
        Assert.That(after, Is.EqualTo(fresh.Predict(sample).ToArray()));
        bool writes = writer is not ("gradients" or "samples of a training step");
        Assert.That(after.SequenceEqual(before), Is.Not.EqualTo(writes), "the writer changes predictions");
    }

    [Test]
    public void A_predictor_sees_each_write_through_a_span_that_is_held()
    {
        using Network network = Quantized(seed: 3), fresh = Quantized(seed: 3);
        Predictor predictor = network.CreatePredictor();
        float[] sample = Sample(network);
        Span<float> parameters = network.Parameters;
        for (int i = 0; i < 3; i++)
        {
            float[] before = predictor.Predict(sample).ToArray();
            Change(parameters);
            parameters.CopyTo(fresh.Parameters);
            float[] after = predictor.Predict(sample).ToArray();
            Assert.That(after, Is.EqualTo(fresh.Predict(sample).ToArray()));
            Assert.That(after, Is.Not.EqualTo(before));
        }
    }

    [Test]
    public void A_span_that_is_held_is_seen_however_often_it_is_written_through()
    {
        using Network network = Quantized(seed: 3), fresh = Quantized(seed: 3);
        float[] sample = Sample(network);
        Span<float> parameters = network.Parameters;
        for (int i = 0; i < 3; i++)
        {
            float[] before = network.Predict(sample).ToArray();
            Change(parameters);
            Assert.That(network.IsMade, Is.False);
            parameters.CopyTo(fresh.Parameters);
            float[] after = network.Predict(sample).ToArray();
            Assert.That(after, Is.EqualTo(fresh.Predict(sample).ToArray()));
            Assert.That(after, Is.Not.EqualTo(before));
        }
    }

    [Test]
    public void The_callers_own_memory_is_never_trusted()
    {
        using Network model = Quantized(seed: 3);
        Memory<float> memory = new float[model.MemoryLength + 1000];
        using Network network = new(model.Input, model.Output, null, new NetworkOptions { Batch = 4 }, memory);
        model.Parameters.CopyTo(network.Parameters);
        model.State.CopyTo(network.State);
        _ = network.Predict(Sample(network));
        Assert.That(network.IsMade, Is.False);
    }

    [Test]
    public void Control_weights_that_are_trusted_wrongly_are_stale()
    {
        using Network network = Quantized(seed: 3);
        float[] sample = Sample(network), before = network.Predict(sample).ToArray();
        Change(network.Parameters);
        sample.CopyTo(network.PredictionInput(1));
        float[] stale = network.Predict(1, unchanged: true)[..before.Length].ToArray(), after = network.Predict(sample).ToArray();
        Assert.That(stale, Is.EqualTo(before));
        Assert.That(after, Is.Not.EqualTo(before));
    }

    [Test]
    public void A_file_and_a_quantiser_leave_networks_whose_weights_are_made_once()
    {
        using Network model = QuantizedFiles.Quantized(QuantizedFiles.Dense);
        using Network read = ModelFile.Parse(ModelFile.ToArray(model), "m").ToNetwork();
        foreach (Network network in (ReadOnlySpan<Network>)[model, read])
        {
            _ = network.Predict(Sample(network));
            Assert.That(network.IsMade, Is.True);
        }
    }

    private static Network Quantized(int seed)
    {
        using Network network = QuantizedFiles.Float(QuantizedFiles.Dense, seed);
        return Quantizer.ForTraining(network, QuantizedFiles.Data(network)).Network;
    }

    private static FloatDataset Data(Network network) => QuantizedFiles.Data(network);

    private static float[] Sample(Network network) => Samples.Array(network.Input.Shape.Length, 21);

    private static void Change(Span<float> parameters)
    {
        for (int i = 0; i < parameters.Length; i++)
        {
            parameters[i] *= i % 3 == 0 ? 0.5f : 1f;
        }
    }

    private static void Fill(Network network)
    {
        Samples.Array(4 * network.InputStride, 5).CopyTo(network.TrainingInput(4));
        network.TrainingTarget(4).Fill(0.25f);
    }

    private static void Step(Network network)
    {
        Fill(network);
        _ = network.TrainStep(4, 0.5f);
    }
}
