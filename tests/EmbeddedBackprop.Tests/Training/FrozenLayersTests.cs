using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Initializers;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Optimizers;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Training;

/// <summary>A frozen layer keeps its parameters, and the others are trained as if its own gradient were thrown away.</summary>
internal sealed class FrozenLayersTests
{
    private const int Batch = 4;

    private static readonly string[] Everything = ["conv1", "batchnorm1", "conv-transpose1", "layernorm1", "gru1", "dense1"];

    /// <summary>Batch normalisation is another function when it is frozen: the layers below and above have other gradients.</summary>
    private static IEnumerable<string> SameFunction => Everything.Where(layer => layer != "batchnorm1");

    [Test]
    public void The_others_get_the_gradients_they_get_when_all_are_trained(
        [ValueSource(nameof(SameFunction))] string frozen,
        [Values] Execution execution,
        [Values] Layout layout)
    {
        using Network all = Make(
            new NetworkOptions
            {
                Batch = Batch,
                Execution = execution,
                Layout = layout,
                Optimizer = new Adam(),
            });
        using Network some = Make(
            new NetworkOptions
            {
                Batch = Batch,
                Execution = execution,
                Layout = layout,
                Optimizer = new Adam(),
                Frozen = [frozen],
            });
        Fill(all, 1);
        Fill(some, 1);
        all.ComputeGradients(Batch, out _);
        some.ComputeGradients(Batch, out _);
        foreach (ref readonly ParameterRange range in all.InferencePlan.Parameters)
        {
            if (!range.Name.StartsWith(frozen + ".", StringComparison.Ordinal))
            {
                Bits.AssertEqual(some.Gradients.Slice(range.Offset, range.Length), all.Gradients.Slice(range.Offset, range.Length), range.Name);
            }
        }
    }

    [Test]
    public void Its_numbers_stay_and_those_of_the_others_move(
        [ValueSource(nameof(Everything))] string frozen, [Values("sgd", "adam")] string optimizer, [Values] bool keepGradients)
    {
        using Network network = Make(new NetworkOptions
        {
            Batch = Batch, Optimizer = Registry.Optimizer(optimizer), Frozen = [frozen], KeepGradients = keepGradients,
            Regularization = new Regularization { L2 = 0.01f },
        });
        float[] before = [.. network.Parameters], state = [.. network.State];
        for (int step = 0; step < 3; step++)
        {
            Fill(network, step);
            network.TrainStep(Batch, 0.01f);
        }

        foreach (ref readonly ParameterRange range in network.InferencePlan.Parameters)
        {
            bool same = network.Parameters.Slice(range.Offset, range.Length).SequenceEqual(before.AsSpan(range.Offset, range.Length));
            Assert.That(same, Is.EqualTo(range.Name.StartsWith(frozen + ".", StringComparison.Ordinal)), range.Name);
        }

        Assert.That(network.State.SequenceEqual(state), Is.EqualTo(frozen == "batchnorm1"), "running statistics");
    }

    [Test]
    public void The_fused_update_has_the_bits_of_the_other_and_so_do_the_twins([ValueSource(nameof(Everything))] string frozen)
    {
        NetworkOptions options = new() { Batch = Batch, Frozen = [frozen] };
        Bits.AssertEqual(Trained(options with { FuseUpdate = false }), Trained(options), "fused");
        Bits.AssertEqual(Trained(options with { KeepGradients = false }), Trained(options), "without gradients");
        Bits.AssertEqual(Trained(options with { Execution = Execution.Scalar }), Trained(options), "twins");
    }

    [Test]
    public void Backward_ends_where_nothing_below_is_trained()
    {
        using Network network = Make(new NetworkOptions { Batch = Batch, Frozen = [.. Everything[..^1]] });
        string[] steps = [.. network.TrainingPlan!.Steps.ToArray().Where(step => step.HasBackward).Select(step => step.Name)];
        Assert.That(steps, Is.EqualTo(["dense1", "loss"]));
        using Network whole = Make(new NetworkOptions { Batch = Batch });
        Assert.That(network.TrainingPlan.WorkspaceLength, Is.LessThan(whole.TrainingPlan!.WorkspaceLength));
        Assert.That(network.ToString(), Does.Contain("frozen"));
    }

    [Test]
    public void A_frozen_normalisation_does_what_it_does_in_a_prediction()
    {
        using Network network = Make(new NetworkOptions { Batch = Batch, Frozen = ["batchnorm1"] });
        Fill(network, 5);
        network.ComputeGradients(Batch, out _);
        float trained = network.LossValues[0];
        Fill(network, 5);
        network.ComputeLoss(Batch, out _);
        Assert.That(network.LossValues[0], Is.EqualTo(trained));
        Assert.That(network.TrainingPlan!.CanSplitBatch, Is.True);
    }

    [TestCase("dense9")]
    [TestCase("")]
    [TestCase("input")]
    public void What_has_no_parameters_cannot_be_frozen(string name) =>
        Assert.That(
            () => Make(new NetworkOptions { Batch = Batch, Frozen = [name] }),
            Throws.ArgumentException.With.Message.Contains("conv1, batchnorm1"));

    [Test]
    public void All_frozen_leaves_nothing_to_train() =>
        Assert.That(
            () => Make(new NetworkOptions { Batch = Batch, Frozen = Everything }),
            Throws.ArgumentException.With.Message.Contains("nothing to train"));

    [Test]
    public void A_model_file_knows_them_and_another_network_takes_what_fits()
    {
        using Network network = Make(new NetworkOptions { Batch = Batch, Frozen = ["conv1"] });
        ModelFile file = ModelFile.Parse(ModelFile.ToArray(network), "test");
        using Network again = file.ToNetwork();
        Assert.That(again.Options.Frozen, Is.EqualTo(["conv1"]));

        using Network other = Make(new NetworkOptions { Batch = Batch, Seed = 9 }, classes: 5);
        Assert.That(file.LoadMatching(other), Is.EqualTo(["dense1.weight", "dense1.bias"]));
        ParameterRange range = network.InferencePlan.Parameters[0];
        Bits.AssertEqual(other.Parameters.Slice(range.Offset, range.Length), network.Parameters.Slice(range.Offset, range.Length), range.Name);
    }

    private static float[] Trained(NetworkOptions options)
    {
        using Network network = Make(options);
        for (int step = 0; step < 3; step++)
        {
            Fill(network, step);
            network.TrainStep(Batch, 0.05f);
        }

        return [.. network.Parameters];
    }

    private static void Fill(Network network, int seed)
    {
        Random random = new(seed);
        foreach (ref float x in network.TrainingInput(Batch))
        {
            x = random.NextSingle();
        }

        Span<float> y = network.TrainingTarget(Batch);
        y.Clear();
        for (int b = 0; b < Batch; b++)
        {
            y[(b * network.TargetStride) + random.Next(network.Output.Shape.Length)] = 1f;
        }
    }

    private static Network Make(NetworkOptions options, int classes = 3) => NetCompiler.Compile(
        "input 2x6x6; conv 3 3x3 relu; batchnorm; conv-transpose 2 2x2 tanh; layernorm; reshape 5x10; gru 5; dense " + classes,
        new SoftmaxCrossEntropy(), options with { Initializer = new Glorot() });
}
