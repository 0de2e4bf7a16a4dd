using EmbeddedBackprop.Data;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Training;

/// <summary>
/// Plain gradient descent on numbers that overflow: the fused update, a separate one and the twins agree bit for bit up to the step whose gradient is
/// not finite, and all of them refuse that one.
/// </summary>
[Parallelizable(ParallelScope.Self)]
internal sealed class OverflowTests
{
    private static readonly string[] Nets =
    [
        "input 10; scale 1e38; dense 8",
        "input 10; scale 1e38; dense 30 relu; dense 3",
        "input 10; scale 3e19; dense 1",
        "input 2x5x5; scale 1e38; conv 3 3x3; dense 2",
        "input 2x5x5; scale 1e38; conv-transpose 3 2x2 s2; dense 2",
    ];

    [TestCaseSource(nameof(Nets))]
    public void A_training_that_overflows_ends_in_the_same_step_in_the_twin(string net)
    {
        (long Step, string Message, float[] Before, float[] After) twin = TrainToTheEnd(net, new NetworkOptions { Execution = Execution.Scalar });
        Bits.AssertEqual(twin.After, twin.Before, "the twin does not apply the step");
        Widths.ForEach(width =>
        {
            foreach (bool keepGradients in (bool[])[true, false])
            {
                (long step, string message, float[] before, _) = TrainToTheEnd(net, new NetworkOptions { KeepGradients = keepGradients });
                Assert.That((step, message), Is.EqualTo((twin.Step, twin.Message)), $"width {width}");
                Bits.AssertEqual(before, twin.Before, $"parameters before the last step, width {width}");
            }
        });
    }

    [Test]
    public void A_separate_update_leaves_the_step_out_and_counts_it([Values] Execution execution)
    {
        Network network = NetCompiler.Compile(
            Nets[0], new Loss<Quadratic>(), new NetworkOptions { Batch = 4, Seed = 3, Execution = execution, FuseUpdate = false });
        float[] before = SmallNet.Parameters(network);
        Trainer trainer = new(network, Data(network), new TrainerOptions { Epochs = 1, LearningRate = 0.1f });
        Assert.That(trainer.TrainEpoch()!.Value.Rejected, Is.EqualTo(3));
        Bits.AssertEqual(SmallNet.Parameters(network), before, "parameters");
    }

    [Test]
    public void Every_update_of_extreme_trainings_has_the_twins_bits()
    {
        int count = Effort.Of(1000, 5000, 100_000), applied = 0, refused = 0, infinite = 0, large = 0;
        for (uint seed = 0; seed < count; seed++)
        {
            ExtremeTraining training = new(seed);
            List<ExtremeTraining.Result> twins = training.Run(Execution.Scalar, fuse: true);
            Widths.ForEach(width =>
            {
                AssertSame(twins, training.Run(Execution.Vector, fuse: false), $"separate, width {width}, {training}", refusedIsLost: false);
                AssertSame(twins, training.Run(Execution.Vector, fuse: true), $"fused, width {width}, {training}", refusedIsLost: true);
            });
            AssertSame(
                twins, training.Run(Execution.Vector, fuse: true, keepGradients: false), $"fused, row by row, {training}", refusedIsLost: true);
            AssertSame(twins, training.Run(Execution.Scalar, fuse: false), $"separate twins, {training}", refusedIsLost: false);
            applied += twins.Count(result => result.Applied);
            refused += twins.Count(result => !result.Applied);
            infinite += twins.Count(result => result.Parameters.Any(x => !float.IsFinite(x)));
            large += twins.Count(result => result.Applied && result.Parameters.Any(x => MathF.Abs(x) > 1e19f));
        }

        TestContext.Out.WriteLine(
            $"{count} trainings: {applied} steps applied ({large} with weights above 1e19), {refused} refused, {infinite} with weights that are not "
            + "finite; no bit differs");
        Assert.That(new[] { applied, refused, infinite, large }, Is.All.GreaterThan(count / 20));
    }

    /// <summary>
    /// Without a span of their own, gradients of recurrent layers lie in memory that was used before: what is in their padding is neither judged nor
    /// added to the weights.
    /// </summary>
    [Test]
    public void Padding_of_gradients_means_nothing([Values("rnn", "gru", "lstm")] string kind)
    {
        using Network network = NetCompiler.Compile(
            $"input 7x1; {kind} 6; dense 5", new Loss<Quadratic>(), new NetworkOptions { Batch = 4, Seed = 3, KeepGradients = false });
        Assert.That(network.UpdatesInBackward);
        _ = new Trainer(network, Data(network), new TrainerOptions { Epochs = 1, LearningRate = 0.1f }).TrainEpoch();

        int padding = 0;
        foreach (ParameterRange range in network.InferencePlan.Parameters)
        {
            for (int row = 0; row < range.Rows; row++)
            {
                Span<float> rest = network.Parameters.Slice(range.Offset + (row * range.Stride) + range.Columns, range.Stride - range.Columns);
                Assert.That(rest.ContainsAnyExcept(0f), Is.False, $"{range.Name}, row {row}");
                padding += rest.Length;
            }
        }

        Assert.That(padding, Is.Positive);
    }

    /// <summary>Drawn by <see cref="Every_update_of_extreme_trainings_has_the_twins_bits"/> in its long form: infinities in the padding.</summary>
    [Test]
    public void An_infinity_in_the_padding_of_a_gradient_refuses_no_step()
    {
        ExtremeTraining training = new(5551);
        AssertSame(
            training.Run(Execution.Scalar, fuse: true), training.Run(Execution.Vector, fuse: true, keepGradients: false), $"{training}",
            refusedIsLost: true);
    }

    /// <summary>The control: a learning rate one unit in the last place larger is found.</summary>
    [Test]
    public void Control_another_rate_is_seen_in_the_bits()
    {
        int seen = 0;
        for (uint seed = 0; seed < 200; seed++)
        {
            ExtremeTraining training = new(seed);
            List<ExtremeTraining.Result> twins = training.Run(Execution.Scalar, fuse: true),
                others = training.Run(Execution.Vector, fuse: true, factor: 1.0000001f);
            seen += twins.Count != others.Count || Bits.FirstDifference(others[0].Parameters, twins[0].Parameters) >= 0 ? 1 : 0;
        }

        Assert.That(seen, Is.GreaterThan(20));
    }

    private static void AssertSame(
        List<ExtremeTraining.Result> expected, List<ExtremeTraining.Result> actual, string where, bool refusedIsLost)
    {
        Assert.That(actual.Select(step => step.Applied), Is.EqualTo(expected.Select(step => step.Applied)), $"steps applied, {where}");
        for (int i = 0; i < expected.Count; i++)
        {
            Bits.AssertEqual(actual[i].Loss, expected[i].Loss, $"loss of step {i}, {where}");
            if (expected[i].Applied || !refusedIsLost)
            {
                Bits.AssertEqual(actual[i].Parameters, expected[i].Parameters, $"parameters after step {i}, {where}");
            }
        }
    }

    /// <summary>The step that ended the training, the message, and the parameters before and after it.</summary>
    private static (long Step, string Message, float[] Before, float[] After) TrainToTheEnd(string net, NetworkOptions options)
    {
        Network network = NetCompiler.Compile(net, new Loss<Quadratic>(), options with { Batch = 4, Seed = 3 });
        Trainer trainer = new(network, Data(network), new TrainerOptions { Epochs = 20, LearningRate = 0.1f });
        float[] before = SmallNet.Parameters(network);
        try
        {
            while (!trainer.Finished)
            {
                trainer.TrainEpoch(progress => before = SmallNet.Parameters(network));
            }
        }
        catch (NotFiniteNumberException error)
        {
            return (network.StepNumber, error.Message, before, SmallNet.Parameters(network));
        }

        throw new AssertionException($"{net} did not diverge");
    }

    private static FloatDataset Data(Network network)
    {
        const int Count = 12;
        return FloatDataset.Regression(
            Samples.Array(Count * network.Input.Shape.Length, 1),
            network.Input.Shape.Length,
            Samples.Array(Count * network.Output.Shape.Length, 2),
            network.Output.Shape.Length);
    }
}
