using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Kernels.Threads;
using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Tests.Kernels;

/// <summary>
/// Depthwise and pointwise convolutions that the first of them does along in a prediction: the bits of the steps one after the other.
/// </summary>
[TestFixture]
internal sealed class ConvChainTests
{
    private const int Batch = 3;

    /// <summary>
    /// Channels, rows and columns; channels and rows of the kernel of a convolution of stride 2 in front, 0 for none; filters of the pointwise
    /// convolution of each pair, and the stride of each depthwise one; steps of the prediction's plan.
    /// </summary>
    private static readonly (int Channels, int Height, int Width, int First, int Kernel, int[] Filters, int[] Strides, int Steps)[] Nets =
    [
        (64, 25, 5, 0, 0, [64], [1], 1),
        (16, 9, 7, 0, 0, [40], [1], 1),
        (32, 8, 8, 0, 0, [32], [2], 1),
        (20, 6, 5, 0, 0, [24], [1], 1),
        (8, 12, 12, 0, 0, [16], [1], 1),
        (48, 20, 20, 0, 0, [16], [1], 2),
        (64, 25, 5, 0, 0, [64, 32, 64], [1, 1, 1], 1),
        (2, 21, 9, 64, 6, [64, 64], [1, 1], 1),
        (3, 18, 22, 32, 4, [48, 96, 16, 20], [1, 2, 1, 1], 1),
        (16, 7, 6, 16, 3, [16, 16, 16, 16, 16, 16, 16, 16, 16], [1, 1, 1, 1, 1, 1, 1, 1, 1], 2),
        (64, 12, 12, 0, 0, [256, 16], [2, 1], 1),
        (32, 14, 14, 0, 0, [96, 32], [1, 1], 3),
    ];

    [Test]
    public void Bits_of_the_steps_one_after_the_other(
        [Range(0, 11)] int net, [Values] bool normalizes, [Values] Arithmetic arithmetic, [Values(1, 2)] int threads)
    {
        (Plan plan, Node input, Node output) = Make(net, normalizes, arithmetic);
        Assert.That(plan.PredictingSteps.Length, Is.EqualTo(Nets[net].Steps));
        float[] expected = new Memory(plan).Run(plan, input, output, Execution.Scalar, unchanged: false);
        using WorkerPool? pool = threads > 1 ? new WorkerPool(threads) { MinimumWork = 1 } : null;
        using WorkerPool.Loan loan = WorkerPool.Lend(pool);
        Memory memory = new(plan);
        bool isFirst = true;
        Widths.ForEach(width =>
        {
            for (int run = 0; run < 3; run++)
            {
                // The third run reads the kernels that the second one kept; after another width they are of no use.
                float[] actual = memory.Run(plan, input, output, Execution.Vector, unchanged: !isFirst && run != 1);
                isFirst = false;
                int i = Bits.FirstDifference(actual, expected);
                Assert.That(i, Is.EqualTo(-1), $"width {width}, run {run}");
            }
        });
    }

    /// <summary>Threads do without chains: what one form keeps is not read by the other.</summary>
    [Test]
    public void Both_forms_may_keep_kernels_in_turn([Values(0, 7, 8)] int net)
    {
        (Plan plan, Node input, Node output) = Make(net, normalizes: true, Arithmetic.Fused);
        Memory memory = new(plan);
        float[] expected = memory.Run(plan, input, output, Execution.Scalar, unchanged: false);
        using WorkerPool pool = new(2);
        for (int run = 0; run < 6; run++)
        {
            using WorkerPool.Loan loan = WorkerPool.Lend(run % 2 == 0 ? null : pool);
            Assert.That(memory.Run(plan, input, output, Execution.Vector, unchanged: run > 0), Is.EqualTo(expected), $"run {run}");
        }
    }

    [Test]
    public void Control_another_weight_is_another_result()
    {
        (Plan plan, Node input, Node output) = Make(0, normalizes: true, Arithmetic.Fused);
        Memory memory = new(plan);
        float[] before = memory.Run(plan, input, output, Execution.Vector, unchanged: false);
        memory.Parameters.AsSpan(plan.ParameterLength / 2, 64).Fill(0.75f);
        Assert.That(memory.Run(plan, input, output, Execution.Vector, unchanged: false), Is.Not.EqualTo(before));
    }

    [Test]
    public void What_somebody_else_reads_is_stored()
    {
        Graph graph = new();
        Node x = graph.Input(new Shape(16, 6, 6));
        Node depthwise = graph.Apply(new Conv2D(16, 3, 3, new Activation<Relu>(), new ConvOptions { Groups = 16, Padding = ConvPadding.Same }), x);
        Node pointwise = graph.Apply(new Conv2D(16, 1, 1, new Activation<Relu>()), depthwise);
        Assert.That(Plan.ForInference(graph, new PlanOptions(), pointwise).PredictingSteps.Length, Is.EqualTo(1));
        Assert.That(Plan.ForInference(graph, new PlanOptions(), pointwise, depthwise).PredictingSteps.Length, Is.EqualTo(2), "the caller");
        Node sum = graph.Apply(new Add(), pointwise, depthwise);
        Assert.That(Plan.ForInference(graph, new PlanOptions(), sum).PredictingSteps.Length, Is.EqualTo(3), "a sum");
        Node pool = graph.Apply(new MaxPool2D(2), pointwise);
        Assert.That(Plan.ForInference(graph, new PlanOptions(), pool).PredictingSteps.Length, Is.EqualTo(2), "maxima go with the pointwise one");
    }

    private static (Plan Plan, Node Input, Node Output) Make(int net, bool normalizes, Arithmetic arithmetic)
    {
        (int channels, int height, int width, int first, int kernel, int[] filters, int[] strides, _) = Nets[net];
        Graph graph = new();
        Node x = graph.Input(new Shape(channels, height, width)), last = x;
        Activation activation = normalizes ? new Activation<Identity>() : new Activation<Relu>();
        ConvOptions same = new() { Padding = ConvPadding.Same };
        List<Conv2D> layers = [];
        if (first > 0)
        {
            layers.Add(new Conv2D(first, kernel, 4, activation, same with { Stride = 2 }));
            channels = first;
        }

        foreach ((int outputs, int stride) in filters.Zip(strides))
        {
            layers.Add(new Conv2D(channels, 3, 3, activation, same with { Groups = channels, Stride = stride }));
            layers.Add(new Conv2D(outputs, 1, 1, activation));
            channels = outputs;
        }

        foreach (Conv2D layer in layers)
        {
            last = graph.Apply(layer, last);
            if (normalizes)
            {
                last = graph.Apply(new Activate(new Activation<Relu>()), graph.Apply(new BatchNorm(), last));
            }
        }

        return (Plan.ForInference(graph, new PlanOptions { Batch = Batch, Arithmetic = arithmetic }, last), x, last);
    }

    private sealed class Memory
    {
        private readonly float[] workspace, state;

        public Memory(Plan plan)
        {
            Parameters = Samples.Array(plan.ParameterLength, 1, Numbers.Plain);
            workspace = new float[plan.WorkspaceLength];
            state = Samples.Array(plan.StateLength, 2, Numbers.Plain);
            for (int i = 0; i < state.Length; i++)
            {
                state[i] = MathF.Abs(state[i]) + 0.5f;
            }
        }

        public float[] Parameters { get; }

        public float[] Run(Plan plan, Node input, Node output, Execution execution, bool unchanged)
        {
            Samples.Array(Batch * plan.Stride(input), 3, Numbers.Plain).CopyTo(plan.ValueSpan(workspace, input, Batch));
            RunInfo run = RunInfo.Single(Batch) with { Unchanged = unchanged };
            plan.Forward(new PlanMemory<float>(Parameters, [], workspace, state), in run, execution);

            // Without the padding: what other values left there is nobody's result.
            int stride = plan.Stride(output), length = output.Shape.Length;
            float[] results = new float[Batch * length];
            for (int n = 0; n < Batch; n++)
            {
                plan.ValueSpan<float>(workspace, output, Batch).Slice(n * stride, length).CopyTo(results.AsSpan(n * length));
            }

            return results;
        }
    }
}
