using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Kernels.Convolution;
using EmbeddedBackprop.Ops;
using Twin = EmbeddedBackprop.Kernels.Scalar;

namespace EmbeddedBackprop.Tests.Kernels;

/// <summary>A normalisation with running values and a rectifier within a convolution: the bits of the passes one after the other.</summary>
[TestFixture]
internal sealed class ConvFollowersTests
{
    private const float Epsilon = 1e-3f;

    /// <summary>A size for each kernel of the forward pass, and one that has none.</summary>
    private static readonly ConvSizes[] Chosen =
    [
        new(1, 28, 28, 8, 5, 5),
        new(8, 12, 12, 16, 5, 5),
        new(2, 11, 10, 16, 5, 5),
        new(3, 13, 14, 16, 3, 3) { Top = 1, Bottom = 1, Left = 1, Right = 1 },
        new(4, 9, 9, 13, 3, 3) { Top = 1, Bottom = 1, Left = 1, Right = 1 },
        new(5, 8, 8, 33, 3, 3) { Top = 1, Bottom = 1, Left = 1, Right = 1 },
        new(2, 12, 9, 48, 4, 3) { StrideX = 2, StrideY = 2, Top = 1, Bottom = 2, Left = 1 },
        new(24, 25, 5, 40, 1, 1),
        new(3, 17, 19, 5, 3, 3) { Top = 1, Bottom = 1, Left = 1, Right = 1 },
        new(4, 10, 10, 6, 3, 3) { Groups = 2, Top = 1, Bottom = 1, Left = 1, Right = 1 },
        new(3, 1, 60, 3, 1, 3) { Groups = 3, Left = 8, DilationX = 4 },
        new(20, 9, 5, 20, 3, 3) { Groups = 20, Top = 1, Bottom = 1, Left = 1, Right = 1 },
        new(16, 7, 3, 16, 2, 2) { Groups = 16 },
        new(3, 4, 9, 2, 3, 3) { DilationY = 4096, Top = 4096, Bottom = 4096, Left = 1, Right = 1 },
    ];

    [Test]
    public void Bits_of_the_passes_one_after_the_other(
        [ValueSource(nameof(Chosen))] ConvSizes sizes, [Values] bool normalizes, [Values] bool rectifies, [Values] Numbers numbers)
    {
        foreach (Arithmetic arithmetic in Widths.Arithmetics)
        {
            Assert.That(Difference(sizes, normalizes, rectifies, numbers, arithmetic, rectifies), Is.Null, $"{arithmetic}");
        }
    }

    [Test]
    public void Control_a_rectifier_that_is_missing_is_caught([ValueSource(nameof(Chosen))] ConvSizes sizes) =>
        Assert.That(Difference(sizes, normalizes: true, rectifies: false, Numbers.Edges, Arithmetic.Fused, expectsRectified: true), Is.Not.Null);

    /// <summary>The steps of a prediction's plan, those that run, and equal bits of both kinds of execution.</summary>
    [TestCase(true, 2, 2)]
    [TestCase(false, 2, 6)]
    public void A_prediction_does_them_along(bool fuse, int layers, int expected)
    {
        Graph graph = new();
        Node x = graph.Input(new Shape(3, 9, 8)), last = x;
        for (int i = 0; i < layers; i++)
        {
            last = graph.Apply(new Conv2D(16, 3, 3, new Activation<Identity>()), last);
            last = graph.Apply(new BatchNorm(), last);
            last = graph.Apply(new Activate(new Activation<Relu>()), last);
        }

        Plan plan = Plan.ForInference(graph, new PlanOptions { Batch = 2, Fuse = fuse }, last);
        Assert.That(plan.Steps.Length, Is.EqualTo(3 * layers));
        Assert.That(plan.PredictingSteps.Length, Is.EqualTo(expected));
        Assert.That(Run(plan, last, Execution.Vector), Is.EqualTo(Run(plan, last, Execution.Scalar)));
    }

    [Test]
    public void A_sum_that_somebody_else_reads_is_stored()
    {
        Graph graph = new();
        Node x = graph.Input(new Shape(3, 9, 8)), z = graph.Apply(new Conv2D(16, 3, 3, new Activation<Identity>()), x);
        Node y = graph.Apply(new BatchNorm(), z), a = graph.Apply(new Activate(new Activation<Relu>()), y);
        Assert.That(Plan.ForInference(graph, new PlanOptions(), a, z).PredictingSteps.Length, Is.EqualTo(3), "the caller wants z");
        Assert.That(Plan.ForInference(graph, new PlanOptions(), a, y).PredictingSteps.Length, Is.EqualTo(2), "and y");
        Assert.That(Plan.ForInference(graph, new PlanOptions(), graph.Apply(new Add(), a, y)).PredictingSteps.Length, Is.EqualTo(3));
        Assert.That(Plan.ForInference(graph, new PlanOptions(), a).PredictingSteps.Length, Is.EqualTo(1));
    }

    private static float[] Run(Plan plan, Node output, Execution execution)
    {
        float[] parameters = Samples.Array(plan.ParameterLength, 1, Numbers.Plain), state = Samples.Array(plan.StateLength, 2, Numbers.Plain);
        for (int i = 0; i < state.Length; i++)
        {
            state[i] = MathF.Abs(state[i]) + 0.5f;
        }

        float[] workspace = new float[plan.WorkspaceLength];
        Node input = plan.Graph.Nodes[0];
        Samples.Array(2 * plan.Stride(input), 3, Numbers.Plain).CopyTo(plan.ValueSpan(workspace, input, 2));
        plan.Forward(new PlanMemory<float>(parameters, [], workspace, state), RunInfo.Single(2), execution);
        return [.. plan.ValueSpan<float>(workspace, output, 2)];
    }

    private static string? Difference(
        in ConvSizes sizes, bool normalizes, bool rectifies, Numbers numbers, Arithmetic arithmetic, bool expectsRectified)
    {
        const int Batch = 2;
        ConvSizes s = sizes;
        ConvCase before = new(s, Batch, 7, numbers, 3);
        float[] means = Samples.Array(s.Outputs, 1, numbers), variances = Samples.Array(s.Outputs, 2, numbers);
        float[] gammas = Samples.Array(s.Outputs, 3, numbers), betas = Samples.Array(s.Outputs, 4, numbers);
        ConvCase expected = before.Clone();
        ConvOperations.Loop(ConvTests.Operation.Forward, arithmetic, in s, Batch, expected);
        if (normalizes)
        {
            float[] inverses = [.. variances.Select(variance => 1 / MathF.Sqrt(variance + Epsilon))];
            Twin.ChannelNorm.Normalize<float>(
                arithmetic, Batch, s.Outputs, s.OutputPositions, expected.Maps, expected.LeadingMaps, means, inverses, gammas, betas,
                expected.Maps, expected.LeadingMaps);
        }

        for (int i = 0; expectsRectified && i < expected.Maps.Length; i++)
        {
            if (i % expected.LeadingMaps < s.SampleOutputs)
            {
                expected.Maps[i] = expected.Maps[i] > 0 ? expected.Maps[i] : 0;
            }
        }

        string? difference = null;
        Widths.ForEach(width =>
        {
            ConvCase actual = before.Clone();
            ConvFollowers followers = new() { Rectifies = rectifies, Epsilon = Epsilon };
            if (normalizes)
            {
                followers = new() { Rectifies = rectifies, Epsilon = Epsilon, Means = means, Variances = variances, Gammas = gammas, Betas = betas };
            }

            _ = Conv.ForwardAndFollowers(
                arithmetic, in s, Batch, actual.Image, actual.LeadingImage, actual.Kernels, actual.OutputBias,
                actual.Maps, actual.LeadingMaps, followers);
            difference ??= actual.DifferenceTo(expected) is { } found ? $"width {width}: {found}" : null;
        });
        return difference;
    }
}
