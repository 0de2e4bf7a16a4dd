using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Kernels.Convolution;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Kernels.Threads;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Kernels;

/// <summary>Kernels that stay turned over between predictions: the bits of kernels turned over anew, and never of other kernels.</summary>
[TestFixture]
internal sealed class ConvTurnedTests
{
    private const int Batch = 2;

    private static readonly ConvSizes[] Chosen =
    [
        new(8, 12, 12, 16, 5, 5),
        new(4, 9, 9, 8, 3, 3),
        new(5, 8, 8, 33, 3, 3) { Top = 1, Bottom = 1, Left = 1, Right = 1 },
        new(2, 12, 9, 48, 4, 3) { StrideX = 2, StrideY = 2, Top = 1, Bottom = 2, Left = 1 },
        new(24, 25, 5, 64, 1, 1),
        new(16, 10, 10, 40, 3, 3) { Groups = 2 },
        new(80, 1, 40, 16, 1, 24),
        new(90, 6, 6, 48, 5, 5),
    ];

    [Test]
    public void Bits_do_not_depend_on_what_is_kept([ValueSource(nameof(Chosen))] ConvSizes sizes, [Values] Arithmetic arithmetic)
    {
        ConvCase before = new(sizes, Batch, 7, Numbers.Plain, 3), expected = before.Clone();
        ConvOperations.Loop(ConvTests.Operation.Forward, arithmetic, in sizes, Batch, expected);
        float[] turned = Memory(in sizes);
        string? difference = null;
        int made = 0;
        Widths.ForEach(width =>
        {
            // After another width the memory holds kernels for other lanes.
            for (int run = 0; run < 3; run++)
            {
                ConvCase actual = before.Clone();
                Forward(arithmetic, actual, turned, isTurned: run != 1);
                difference ??= actual.DifferenceTo(expected) is { } found ? $"width {width}, run {run}: {found}" : null;
            }

            made += LanesOf(turned) > 0 ? 1 : 0;
        });
        Assert.That(difference, Is.Null);
        Assert.That(made, Is.Positive, "no width has turned the kernels over");
    }

    [Test]
    public void Control_kept_kernels_are_read([ValueSource(nameof(Chosen))] ConvSizes sizes)
    {
        ConvCase before = new(sizes, Batch, 7, Numbers.Plain, 3);
        float[] turned = Memory(in sizes);
        Widths.ForEach(width =>
        {
            ConvCase first = before.Clone(), stale = before.Clone(), anew = before.Clone();
            Forward(Arithmetic.Fused, first, turned, isTurned: false);
            stale.Kernels.AsSpan().Fill(0.5f);
            anew.Kernels.AsSpan().Fill(0.5f);
            Forward(Arithmetic.Fused, stale, turned, isTurned: true);
            Forward(Arithmetic.Fused, anew, turned, isTurned: false);
            bool isUsed = ConvChannels.Fits(sizes.Flattened, LaneDispatch.Lanes);
            Assert.That(stale.Maps.SequenceEqual(first.Maps), Is.EqualTo(isUsed), $"width {width}");
            Assert.That(anew.Maps, Is.Not.EqualTo(first.Maps));
        });
    }

    [Test]
    public void Threads_read_what_one_thread_kept_and_keep_nothing()
    {
        ConvSizes sizes = new(16, 40, 40, 32, 5, 5);
        ConvCase before = new(sizes, Batch, 7, Numbers.Plain, 3), expected = before.Clone();
        float[] turned = Memory(in sizes);
        Forward(Arithmetic.Fused, expected, turned, isTurned: false);
        int lanes = LanesOf(turned);
        using WorkerPool pool = new(2) { MinimumWork = 1 };
        using WorkerPool.Loan loan = WorkerPool.Lend(pool);
        foreach (bool isTurned in (ReadOnlySpan<bool>)[true, false, true])
        {
            ConvCase actual = before.Clone();
            Forward(Arithmetic.Fused, actual, turned, isTurned);
            Assert.That(actual.DifferenceTo(expected), Is.Null);
            Assert.That(LanesOf(turned), Is.EqualTo(lanes), "what was forgotten is not made by parts of the work");
            lanes = 0;
        }
    }

    [Test]
    public void Memory_that_is_too_short_is_refused()
    {
        ConvSizes sizes = Chosen[0];
        ConvCase all = new(sizes, Batch, 7, Numbers.Plain, 3);
        Assert.That(
            () => Forward(Arithmetic.Fused, all, new float[ConvTurned.Length(in sizes) - 1], isTurned: false), Throws.ArgumentException);
        ConvSizes depthwise = new(20, 9, 5, 20, 3, 3) { Groups = 20 }, few = new(1, 28, 28, 3, 5, 5);
        Assert.That((ConvTurned.Length(in depthwise), ConvTurned.Length(in few)), Is.EqualTo((0, 0)));
    }

    /// <summary>A network sees weights that change between two predictions, whoever changes them, at any width.</summary>
    [Test]
    public void A_changed_weight_is_seen([Values("span", "step", "initialize")] string writer, [Values] bool relu)
    {
        using Network network = Small(relu, Execution.Vector), twin = Small(relu, Execution.Scalar);
        Predictor predictor = network.CreatePredictor();
        float[] sample = Samples.Array(network.InputLength, 5), before = network.Predict(sample).ToArray();
        _ = predictor.Predict(sample);
        Assert.That(network.IsMade && predictor.IsMade, Is.True);
        Assert.That(network.Predict(sample).ToArray(), Is.EqualTo(before));
        switch (writer)
        {
            case "span": network.Parameters[3] += 1f; break;
            case "initialize": network.Initialize(99); break;
            default:
                Samples.Array(network.InputStride, 6).CopyTo(network.TrainingInput(1));
                network.TrainingTarget(1).Fill(0.25f);
                _ = network.TrainStep(1, 0.5f);
                break;
        }

        network.Parameters.CopyTo(twin.Parameters);
        float[] expected = twin.Predict(sample).ToArray();
        Assert.That(expected, Is.Not.EqualTo(before));
        Widths.ForEach(width =>
        {
            Assert.That(network.Predict(sample).ToArray(), Is.EqualTo(expected), $"{width}");
            Assert.That(predictor.Predict(sample).ToArray(), Is.EqualTo(expected), $"{width}, predictor");
        });
    }

    [Test]
    public void Control_weights_that_are_trusted_wrongly_are_stale()
    {
        if (LaneDispatch.Lanes < 8)
        {
            Assert.Ignore("at this width the outputs are not in the lanes");
        }

        using Network network = Small(relu: true, Execution.Vector);
        float[] sample = Samples.Array(network.InputLength, 5), before = network.Predict(sample).ToArray();
        network.Initialize(99);
        sample.CopyTo(network.PredictionInput(1));
        float[] stale = network.Predict(1, unchanged: true)[..before.Length].ToArray();
        network.Initialize(99);
        float[] after = network.Predict(sample).ToArray();

        // Biases are 0 before and after, and the net has no other layer.
        Assert.That(stale, Is.EqualTo(before));
        Assert.That(after, Is.Not.EqualTo(before));
    }

    /// <summary>A budget that a training just meets is not exceeded by copies that only save time.</summary>
    [Test]
    public void A_network_with_a_budget_keeps_nothing()
    {
        using Network with = Layers().Compile<Quadratic>(new NetworkOptions());
        using Network without = Layers().Compile<Quadratic>(new NetworkOptions { MemoryBudget = 1 << 20 });
        int kept = ConvTurned.Length(((Conv2D)with.InferencePlan.Steps[0].Op).Sizes);
        Assert.That(with.InferencePlan.WorkspaceLength, Is.GreaterThanOrEqualTo(kept));
        Assert.That(without.InferencePlan.WorkspaceLength, Is.LessThan(kept));
        float[] sample = Samples.Array(with.InputLength, 5);
        for (int i = 0; i < 2; i++)
        {
            Assert.That(without.Predict(sample).ToArray(), Is.EqualTo(with.Predict(sample).ToArray()));
        }

        static Sequential Layers() => new Sequential(new Shape(64, 3, 3)).Conv2D<Relu>(64, 3);
    }

    private static Network Small(bool relu, Execution execution)
    {
        Sequential layers = new(new Shape(2, 9, 9));
        layers = relu ? layers.Conv2D<Relu>(16, 5) : layers.Conv2D<Sigmoid>(16, 5);
        return layers.Compile<Quadratic>(new NetworkOptions { Batch = 4, Seed = 3, Execution = execution });
    }

    private static void Forward(Arithmetic arithmetic, ConvCase all, Span<float> turned, bool isTurned) =>
        _ = Conv.ForwardAndFollowers(
            arithmetic, all.Sizes, Batch, all.Image, all.LeadingImage, all.Kernels, all.OutputBias, all.Maps, all.LeadingMaps, default, turned,
            isTurned);

    private static float[] Memory(in ConvSizes sizes)
    {
        float[] memory = new float[ConvTurned.Length(in sizes)];
        Assert.That(memory, Is.Not.Empty);
        return memory;
    }

    private static int LanesOf(float[] turned) => BitConverter.SingleToInt32Bits(turned[0]) & 255;
}
