using EmbeddedBackprop.Activations;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.IO;

/// <summary>Which of a file's weights a network gets: the last, the best or the averaged ones, with the state of normalisations.</summary>
[TestFixture]
internal sealed class ModelFileWeightsTests
{
    private static readonly WeightAveraging Average = WeightAveraging.Exponential(0.9f);

    [TestCase(false)]
    [TestCase(true)]
    public void Weights_are_the_last_ones_or_those_that_predict(bool averaged)
    {
        Trainer trainer = Trained(averaged);
        ModelFile file = ModelFile.Parse(ModelFile.ToArray(trainer.Network, trainer), "m");
        Assert.That((file.HasAverage, file.HasBest), Is.EqualTo((averaged, !averaged)));
        string last = WeightsHash.Of(trainer.Network);
        string predicts = WeightsHash.Of(Ranges(trainer), averaged ? trainer.AveragedParameters : trainer.BestParameters);
        Assert.That(predicts, Is.Not.EqualTo(last), "the control: the two differ");

        using Network network = Net(seed: 8);
        file.LoadWeights(network);
        Assert.That(WeightsHash.Of(network), Is.EqualTo(last));
        file.LoadWeights(network, best: true);
        Assert.That(WeightsHash.Of(network), Is.EqualTo(predicts));

        using Network matching = Net(seed: 9);
        Assert.That(file.LoadMatching(matching), Is.Empty);
        Assert.That(WeightsHash.Of(matching), Is.EqualTo(predicts), "what is trained further");
    }

    [Test]
    public void State_comes_with_the_weights_it_belongs_to([Values] bool averaged)
    {
        Trainer trainer = Trained(averaged);
        ModelFile file = ModelFile.Parse(ModelFile.ToArray(trainer.Network, trainer), "m");
        float[] last = trainer.Network.State.ToArray(), best = averaged ? last : trainer.BestState.ToArray();
        using Network network = Net(seed: 8);
        Assert.That(Bits.FirstDifference(network.State, last), Is.Not.EqualTo(-1), "the control: a new network has another state");
        file.LoadWeights(network);
        Bits.AssertEqual(network.State, last, "last");
        file.LoadWeights(network, best: true);
        Bits.AssertEqual(network.State, best, "best");

        using Network matching = Net(seed: 9);
        file.LoadMatching(matching);
        Bits.AssertEqual(matching.State, best, "matching");

        Trainer restored = new(Net(seed: 7), ModelNets.Data, file.ToTrainerOptions());
        file.Restore(restored);
        Bits.AssertEqual(restored.Network.State, last, "restored");
    }

    [Test]
    public void A_foreign_file_without_the_state_is_refused_and_changes_nothing()
    {
        using Network network = Net(seed: 8), other = Net(seed: 9);
        SafetensorsWriter writer = new();
        foreach (ParameterRange range in other.InferencePlan.Parameters)
        {
            float[] values = new float[range.Count];
            range.CopyTo<float>(other.Parameters, values);
            int[] shape = range.Kind == ParameterKind.Weight ? [range.Columns, range.Rows] : [range.Count];
            writer.Add(range.Name, shape, values);
        }

        string before = WeightsHash.Of(network);
        Assert.That(
            () => ModelFile.LoadWeights(writer.ToArray(), network),
            Throws.TypeOf<DataFormatException>().With.Message.Contains("running_mean"));
        Assert.That(WeightsHash.Of(network), Is.EqualTo(before));
    }

    [Test]
    public void A_file_tells_its_arithmetic_and_the_memory_it_may_take([Values] Arithmetic arithmetic)
    {
        byte[] bytes = ModelFile.ToArray(ModelNets.Network(ModelNets.Options(arithmetic: arithmetic)));
        ModelFile file = ModelFile.Parse(bytes, "m");
        Assert.That(file.Arithmetic, Is.EqualTo(arithmetic));
        Assert.That(file.MemoryLimit, Is.EqualTo((1L << 30) + (8L * bytes.Length)));
    }

    [Test]
    public void Missing_arguments_are_named()
    {
        ModelFile file = ModelFile.Parse(ModelNets.Saved(), "m");
        Assert.That(() => file.LoadWeights(null!), Throws.ArgumentNullException.With.Property("ParamName").EqualTo("network"));
        Assert.That(() => file.LoadMatching(null!), Throws.ArgumentNullException.With.Property("ParamName").EqualTo("network"));
        Assert.That(() => file.Restore(null!), Throws.ArgumentNullException.With.Property("ParamName").EqualTo("trainer"));
    }

    private static Network Net(int seed) =>
        new Sequential(ModelNets.Inputs).Dense<Tanh>(6).BatchNorm().Dense<Sigmoid>(ModelNets.Classes)
            .Compile<Quadratic>(new NetworkOptions { Batch = 4, Seed = (ulong)seed });

    /// <summary>Three epochs, the last of which is not the best; or averaged weights and no early stopping.</summary>
    private static Trainer Trained(bool averaged)
    {
        TrainerOptions options = new() { Epochs = 9, LearningRate = 0.5f };
        Trainer trainer = new(
            Net(seed: 7), ModelNets.Data,
            averaged ? options with { Averaging = Average } : options with { EarlyStopping = new EarlyStopping(5) });
        ModelNets.Run(trainer, 17);
        return trainer;
    }

    private static ReadOnlySpan<ParameterRange> Ranges(Trainer trainer) => trainer.Network.InferencePlan.Parameters;
}
