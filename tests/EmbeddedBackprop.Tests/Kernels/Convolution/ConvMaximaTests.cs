using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Kernels.Convolution;
using EmbeddedBackprop.Kernels.Pooling;
using EmbeddedBackprop.Kernels.Threads;
using EmbeddedBackprop.Ops;
using Twin = EmbeddedBackprop.Kernels.Scalar;

namespace EmbeddedBackprop.Tests.Kernels;

/// <summary>Maxima of two by two within a convolution: the bits of the passes one after the other.</summary>
[TestFixture]
internal sealed class ConvMaximaTests
{
    private const float Epsilon = 1e-3f;

    private const int Batch = 3;

    /// <summary>A size for each kernel of the forward pass: with maxima of its own, or of stored results; and sizes that leave rows over.</summary>
    private static readonly ConvSizes[] Chosen =
    [
        new(1, 28, 28, 8, 5, 5),
        new(8, 12, 12, 16, 5, 5),
        new(3, 40, 66, 5, 3, 3),
        new(2, 18, 10, 3, 3, 3),
        new(1, 26, 300, 2, 3, 3),
        new(2, 10, 70, 16, 3, 3),
        new(4, 6, 8, 13, 5, 3),
        new(3, 12, 14, 16, 3, 3) { Top = 1, Bottom = 1, Left = 1, Right = 1 },
        new(3, 16, 18, 5, 3, 3) { Top = 1, Bottom = 1, Left = 1, Right = 1 },
        new(4, 10, 10, 6, 3, 3) { Groups = 2, Top = 1, Bottom = 1, Left = 1, Right = 1 },
        new(16, 10, 12, 16, 3, 3) { Groups = 16, Top = 1, Bottom = 1, Left = 1, Right = 1 },
        new(2, 11, 10, 16, 5, 5),
        new(1, 3, 4, 2, 2, 3),
        new(3, 4, 8, 2, 3, 3) { DilationY = 4096, Top = 4096, Bottom = 4096, Left = 1, Right = 1 },
    ];

    [Test]
    public void Bits_of_the_passes_one_after_the_other(
        [ValueSource(nameof(Chosen))] ConvSizes sizes, [Values] bool normalizes, [Values] bool rectifies, [Values] Numbers numbers)
    {
        foreach (Arithmetic arithmetic in Widths.Arithmetics)
        {
            foreach (bool keeps in (ReadOnlySpan<bool>)[false, true])
            {
                Assert.That(Difference(sizes, normalizes, rectifies, numbers, arithmetic, rectifies, keeps), Is.Null, $"{arithmetic} {keeps}");
            }
        }
    }

    [Test]
    public void Control_a_rectifier_that_is_missing_is_caught([ValueSource(nameof(Chosen))] ConvSizes sizes) =>
        Assert.That(Difference(sizes, true, rectifies: false, Numbers.Edges, Arithmetic.Fused, expectsRectified: true, keeps: true), Is.Not.Null);

    [Test]
    public void Threads_change_nothing([ValueSource(nameof(Chosen))] ConvSizes sizes)
    {
        using WorkerPool pool = new(2) { MinimumWork = 1 };
        using WorkerPool.Loan loan = WorkerPool.Lend(pool);
        Assert.That(Difference(sizes, false, true, Numbers.Edges, Arithmetic.Fused, true, keeps: false), Is.Null);
    }

    /// <summary>The steps of a prediction that run, and equal bits of both kinds of execution, at one sample and at several.</summary>
    [TestCase(true, 1, 2)]
    [TestCase(true, 4, 2)]
    [TestCase(false, 4, 8)]
    public void A_prediction_takes_them_along(bool fuse, int batch, int expected)
    {
        Graph graph = new();
        Node x = graph.Input(new Shape(1, 28, 28)), last = x;
        last = graph.Apply(new Conv2D(8, 5, 5, new Activation<Identity>()), last);
        last = graph.Apply(new Activate(new Activation<Relu>()), last);
        last = graph.Apply(new MaxPool2D(2, 2), last);
        last = graph.Apply(new Conv2D(16, 5, 5, new Activation<Identity>()), last);
        last = graph.Apply(new BatchNorm(), last);
        last = graph.Apply(new Activate(new Activation<Relu>()), last);
        last = graph.Apply(new MaxPool2D(2, 2), last);
        Plan plan = Plan.ForInference(graph, new PlanOptions { Batch = batch, Fuse = fuse }, last);
        Assert.That(plan.PredictingSteps.Length, Is.EqualTo(fuse ? expected : 7));
        Assert.That(Run(plan, last, Execution.Vector, batch), Is.EqualTo(Run(plan, last, Execution.Scalar, batch)));
    }

    [Test]
    public void Results_that_somebody_else_reads_are_stored()
    {
        Graph graph = new();
        Node x = graph.Input(new Shape(1, 12, 12)), a = graph.Apply(new Conv2D(8, 5, 5, new Activation<Relu>()), x);
        Node y = graph.Apply(new MaxPool2D(2, 2), a), mean = graph.Apply(new GlobalAveragePool(), a);
        Assert.That(Plan.ForInference(graph, new PlanOptions(), y).PredictingSteps.Length, Is.EqualTo(1));
        Assert.That(Plan.ForInference(graph, new PlanOptions(), y, a).PredictingSteps.Length, Is.EqualTo(2), "the caller wants them");
        Assert.That(Plan.ForInference(graph, new PlanOptions(), y, mean).PredictingSteps.Length, Is.EqualTo(3), "so does a mean");
        Node tanh = graph.Apply(new MaxPool2D(2, 2), graph.Apply(new Conv2D(8, 5, 5, new Activation<Tanh>()), x));
        Assert.That(Plan.ForInference(graph, new PlanOptions(), tanh).PredictingSteps.Length, Is.EqualTo(2), "another activation");
        Node wide = graph.Apply(new MaxPool2D(3, 3), graph.Apply(new Conv2D(8, 5, 5, new Activation<Relu>()), x));
        Assert.That(Plan.ForInference(graph, new PlanOptions(), wide).PredictingSteps.Length, Is.EqualTo(2), "another window");
    }

    private static float[] Run(Plan plan, Node output, Execution execution, int batch)
    {
        float[] parameters = Samples.Array(plan.ParameterLength, 1, Numbers.Plain), state = Samples.Array(plan.StateLength, 2, Numbers.Plain);
        for (int i = 0; i < state.Length; i++)
        {
            state[i] = MathF.Abs(state[i]) + 0.5f;
        }

        float[] workspace = new float[plan.WorkspaceLength];
        Node input = plan.Graph.Nodes[0];
        Samples.Array(batch * plan.Stride(input), 3, Numbers.Plain).CopyTo(plan.ValueSpan(workspace, input, batch));
        plan.Forward(new PlanMemory<float>(parameters, [], workspace, state), RunInfo.Single(batch), execution);
        return [.. plan.ValueSpan<float>(workspace, output, batch)];
    }

    /// <summary>The maxima beside the input, and over it.</summary>
    private static string? Difference(
        ConvSizes s, bool normalizes, bool rectifies, Numbers numbers, Arithmetic arithmetic, bool expectsRectified, bool keeps)
    {
        ConvCase before = new(s, Batch, 7, numbers, 3), maps = before.Clone();
        float[] means = Samples.Array(s.Outputs, 1, numbers), variances = Samples.Array(s.Outputs, 2, numbers);
        float[] gammas = Samples.Array(s.Outputs, 3, numbers), betas = Samples.Array(s.Outputs, 4, numbers);
        ConvOperations.Loop(ConvTests.Operation.Forward, arithmetic, in s, Batch, maps);
        if (normalizes)
        {
            float[] inverses = [.. variances.Select(variance => 1 / MathF.Sqrt(variance + Epsilon))];
            Twin.ChannelNorm.Normalize<float>(
                arithmetic, Batch, s.Outputs, s.OutputPositions, maps.Maps, maps.LeadingMaps, means, inverses, gammas, betas,
                maps.Maps, maps.LeadingMaps);
        }

        for (int i = 0; expectsRectified && i < maps.Maps.Length; i++)
        {
            if (i % maps.LeadingMaps < s.SampleOutputs)
            {
                maps.Maps[i] = maps.Maps[i] > 0 ? maps.Maps[i] : 0;
            }
        }

        PoolSizes pairs = new(s.Outputs, s.OutputHeight, s.OutputWidth, 2, 2, 2, 2, 0, 0);
        int leading = pairs.OutputLength + 2;
        float[] untouched = Samples.Array(Math.Max(Batch * leading, before.Image.Length), 9, numbers), expected = [.. untouched];
        Twin.Pool2D.MaxForward<float>(in pairs, Batch, maps.Maps, maps.LeadingMaps, expected, leading);
        string? difference = null;
        Widths.ForEach(width =>
        {
            ConvCase actual = before.Clone();
            float[] maxima = [.. untouched], shared = [.. untouched];
            before.Image.CopyTo(shared, 0);
            foreach ((float[] image, float[] to) in ((float[], float[])[])[(actual.Image, maxima), (shared, shared)])
            {
                ConvFollowers followers = new()
                {
                    Rectifies = rectifies, Epsilon = Epsilon, Maxima = to.AsSpan(0, Batch * leading), LeadingMaxima = leading, KeepsSums = keeps,
                    Means = normalizes ? means : [], Variances = normalizes ? variances : [], Gammas = normalizes ? gammas : [],
                    Betas = normalizes ? betas : [],
                };
                bool isDone = Conv.ForwardAndFollowers(
                    arithmetic, in s, Batch, image.AsSpan(0, before.Image.Length), actual.LeadingImage, actual.Kernels, actual.OutputBias,
                    actual.Maps, actual.LeadingMaps, followers);
                if (!isDone)
                {
                    Pool2D.MaxForward(in pairs, Batch, actual.Maps, actual.LeadingMaps, followers.Maxima, leading);
                }

                for (int i = 0; i < Batch * leading; i++)
                {
                    if (i % leading < pairs.OutputLength && difference is null && !Bits.Same(to[i], expected[i]))
                    {
                        difference = $"width {width}, {(to == shared ? "over the input" : "apart")}: maximum {i} {to[i]}, expected {expected[i]}";
                    }
                }
            }

            Range rest = pairs.OutputLength..leading;
            int gap = Bits.FirstDifference(maxima.AsSpan(rest), untouched.AsSpan(rest));
            difference ??= gap >= 0 ? $"width {width}: the gap after a sample was written to" : null;
            difference ??= keeps && actual.DifferenceTo(maps) is { } found ? $"width {width}: {found}" : null;
        });
        return difference;
    }
}
