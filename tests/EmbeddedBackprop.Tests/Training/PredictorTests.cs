using System.Diagnostics;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Quantization;
using EmbeddedBackprop.Tests.IO;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Training;

/// <summary>Predictors on threads of their own: the network's bits, its parameters, no allocation.</summary>
[TestFixture]
internal sealed class PredictorTests
{
    private const int ThreadCount = 4;
    private const int SampleCount = 16;

    private static readonly string[] Nets =
    [
        "input 64; dense 32 tanh; dense 16 tanh; dense 4 softmax",
        "input 37; dense 19 sigmoid; dense 3",
        "input 1x8x8; conv 4 3x3 relu; batchnorm; maxpool 2x2; dense 3 softmax",
        "input 6x4; gru 5 carry; dense 3",
        "input 6x4; lstm 5 all bidirectional; rnn 4 relu; dense 3",
    ];

    private static readonly string[] QuantizedNets =
        [QuantizedFiles.Dense, QuantizedFiles.Convolutions, QuantizedFiles.Recurrent, QuantizedFiles.Cells];

    [Test]
    public void Each_thread_has_the_networks_bits([ValueSource(nameof(Nets))] string net)
    {
        using Network network = NetCompiler.Compile(net, null, new NetworkOptions { Batch = 4, Seed = 7 });
        AssertAllRight(network);
    }

    [Test]
    public void Each_thread_has_the_bits_of_a_quantised_network([ValueSource(nameof(QuantizedNets))] string net)
    {
        using Network network = QuantizedFiles.Quantized(net);
        AssertAllRight(network);
    }

    [Test]
    public void Control_threads_that_share_a_workspace_are_wrong()
    {
        using Network network = NetCompiler.Compile(Nets[0], null, new NetworkOptions { Batch = 4, Seed = 7 });
        float[][] expected = Expected(network);
        float[] parameters = network.Parameters.ToArray(), workspace = new float[network.InferencePlan.WorkspaceLength];
        int wrong = 0;
        TwoThreadsTests.RunTogether(ThreadCount, thread =>
        {
            Stopwatch watch = Stopwatch.StartNew();
            for (int i = thread; Volatile.Read(ref wrong) == 0 && watch.Elapsed.TotalSeconds < 60; i++)
            {
                Sample(network, i % SampleCount).CopyTo(network.InferencePlan.ValueSpan<float>(workspace, network.Input, 1));
                network.InferencePlan.Forward(new PlanMemory<float>(parameters, [], workspace), RunInfo.Single(1));
                ReadOnlySpan<float> result = network.InferencePlan.ValueSpan<float>(workspace, network.Output, 1);
                if (Bits.FirstDifference(result[..network.Output.Shape.Length], expected[i % SampleCount]) >= 0)
                {
                    Interlocked.Increment(ref wrong);
                }
            }
        });
        Assert.That(wrong, Is.Positive);
    }

    [Test]
    public void Predictions_allocate_nothing([ValueSource(nameof(Nets))] string net)
    {
        using Network network = NetCompiler.Compile(net, null, new NetworkOptions { Batch = 4 });
        Predictor predictor = network.CreatePredictor();
        float[] sample = Sample(network, 0);
        Assert.That(Allocations.Of(1000, () => predictor.Predict(sample)), Is.Zero);
        Assert.That(Allocations.Of(1000, predictor.ResetState), Is.Zero);
    }

    [Test]
    public void Predictions_of_a_quantised_network_allocate_nothing_and_make_weights_once()
    {
        using Network network = QuantizedFiles.Quantized(QuantizedFiles.Dense);
        Predictor predictor = network.CreatePredictor();
        float[] sample = Sample(network, 0);
        Assert.That(Allocations.Of(1000, () => predictor.Predict(sample)), Is.Zero);
        Assert.That(predictor.IsMade, Is.True);
    }

    [Test]
    public void A_predictor_carries_its_own_state()
    {
        using Network network = NetCompiler.Compile("input 6x4; gru 5 carry; dense 3", null, new NetworkOptions { Batch = 4, Seed = 7 });
        float[] sample = Sample(network, 0), first = network.Predict(sample).ToArray(), second = network.Predict(sample).ToArray();
        Assert.That(second, Is.Not.EqualTo(first), "the network carries");
        Predictor one = network.CreatePredictor(), other = network.CreatePredictor(batch: 1);
        Bits.AssertEqual(one.Predict(sample), first, "a new sequence");
        Bits.AssertEqual(one.Predict(sample), second, "and on");
        Bits.AssertEqual(other.Predict(sample), first, "another one's sequence");
        one.ResetState();
        Bits.AssertEqual(one.Predict(sample), first, "a new sequence again");
        network.ResetState();
        Bits.AssertEqual(other.Predict(sample), second, "the network's reset is its own");
    }

    [Test]
    public void Fewer_samples_at_once_take_less_memory_and_give_the_same_bits([ValueSource(nameof(Nets))] string net)
    {
        using Network network = NetCompiler.Compile(net, null, new NetworkOptions { Batch = 64, Seed = 7 });
        Predictor whole = network.CreatePredictor(), small = network.CreatePredictor(batch: 1);
        Assert.That((whole.Batch, small.Batch), Is.EqualTo((64, 1)));
        Assert.That(small.MemoryLength, Is.LessThan(whole.MemoryLength / 16));
        Assert.That(whole.Network, Is.SameAs(network));
        for (int i = 0; i < SampleCount; i++)
        {
            network.ResetState();
            small.ResetState();
            Bits.AssertEqual(small.Predict(Sample(network, i)), network.Predict(Sample(network, i)), net);
        }
    }

    [Test]
    public void The_callers_memory_and_the_scalar_definition_have_predictors()
    {
        using Network model = NetCompiler.Compile(Nets[0], null, new NetworkOptions { Batch = 4, Seed = 7 });
        float[] expected = model.Predict(Sample(model, 0)).ToArray();
        using Network scalar = NetCompiler.Compile(Nets[0], null, new NetworkOptions { Batch = 4, Seed = 7, Execution = Execution.Scalar });
        Bits.AssertEqual(scalar.CreatePredictor().Predict(Sample(model, 0)), expected, "scalar");
        Graph graph = model.InferencePlan.Graph;
        using Network given = new(graph.Nodes[0], model.Output, null, model.Options, new float[model.MemoryLength]);
        Bits.AssertEqual(given.CreatePredictor().Predict(Sample(model, 0)), expected, "the caller's memory");
    }

    private static void AssertAllRight(Network network)
    {
        float[][] expected = Expected(network);
        Predictor[] predictors = [.. Enumerable.Range(0, ThreadCount).Select(i => network.CreatePredictor(batch: i % 2))];
        int wrong = 0, done = 0;
        TwoThreadsTests.RunTogether(ThreadCount, thread =>
        {
            Predictor predictor = predictors[thread];
            for (int i = thread; i < 2000; i++)
            {
                predictor.ResetState();
                ReadOnlySpan<float> result = predictor.Predict(Sample(network, i % SampleCount));
                wrong += Bits.FirstDifference(result, expected[i % SampleCount]) >= 0 ? 1 : 0;
                Interlocked.Increment(ref done);
            }
        });
        Assert.That((wrong, done), Is.EqualTo((0, (ThreadCount * 2000) - 6)));
    }

    private static float[][] Expected(Network network) => [.. Enumerable.Range(0, SampleCount).Select(i =>
    {
        network.ResetState();
        return network.Predict(Sample(network, i)).ToArray();
    })];

    private static float[] Sample(Network network, int index) => Samples.Array(network.InputLength, 100 + index);
}
