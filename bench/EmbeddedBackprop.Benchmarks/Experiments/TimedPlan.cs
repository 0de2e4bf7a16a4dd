using System.Diagnostics;
using System.Runtime.InteropServices;
using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Elements;
using EmbeddedBackprop.Kernels.Sets;
using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Benchmarks.Experiments;

/// <summary>
/// Runs the steps of a network's plan as <see cref="Network"/> does, in memory of its own, and looks at the clock after each part: the passes of
/// every op (with the steps that it does along in a prediction), and backwards of a convolution its activation, input gradient and weights by
/// themselves. The caches are those of a real step, the gradients as sparse as there.
/// </summary>
internal sealed class TimedPlan
{
    private readonly Plan plan;
    private readonly Memory<float> parameters, gradients, workspace, state, values;
    private readonly RunInfo run;
    private readonly List<StepPart> parts = [];
    private readonly long[] marks = new long[1024];
    private readonly Node[] inputs;
    private bool recording = true;
    private int next;

    /// <param name="network">The network: its training plan if it has one, else that of predictions.</param>
    /// <param name="batch">Samples of a run.</param>
    /// <param name="fill">Writes a batch of an input or target.</param>
    public TimedPlan(Network network, int batch, Action<Node, Span<float>, int> fill)
    {
        Training = network.TrainingPlan is not null;
        plan = network.TrainingPlan ?? network.InferencePlan;
        run = RunInfo.Single(batch, Training) with { Seed = network.Options.Seed };
        parameters = Copy(network.Parameters);
        state = Copy(network.State);
        gradients = AlignedMemory.Allocate(plan.GradientLength);
        workspace = AlignedMemory.Allocate(plan.WorkspaceLength);
        values = AlignedMemory.Allocate(plan.WorkspaceLength);
        inputs = [.. network.Inputs, .. network.Targets];
        foreach (Node node in inputs)
        {
            fill(node, plan.ValueSpan(values.Span, node, batch), plan.Stride(node));
        }

        Run(1e-12f);
        recording = false;
    }

    /// <summary>Whether a run is a training step, or else a prediction.</summary>
    public bool Training { get; }

    /// <summary>The parts of a run, in order.</summary>
    public IReadOnlyList<StepPart> Parts => parts;

    /// <summary>The parameters after the runs so far.</summary>
    public ReadOnlySpan<float> Parameters => parameters.Span;

    /// <summary>The same, to be written.</summary>
    public Span<float> WritableParameters => parameters.Span;

    /// <summary>The output's values after a run.</summary>
    public ReadOnlySpan<float> Output(Node output) => plan.ValueSpan(workspace.Span, output, run.Batch);

    /// <summary>Seconds between two marks with nothing in between.</summary>
    public static double MarkSeconds { get; } = FindMarkSeconds();

    /// <summary>Runs once.</summary>
    /// <param name="learningRate">The learning rate of a training step.</param>
    public void Run(float learningRate)
    {
        // A step overwrites its input: others share its memory.
        foreach (Node node in inputs)
        {
            plan.ValueSpan(values.Span, node, run.Batch).CopyTo(plan.ValueSpan(workspace.Span, node, run.Batch));
        }

        next = 0;
        PlanMemory<float> memory = new(parameters.Span, gradients.Span, workspace.Span, state.Span);
        marks[next++] = Stopwatch.GetTimestamp();
        Forward(in memory);
        if (Training)
        {
            Backward(in memory, new SgdUpdate(learningRate));
        }
    }

    /// <summary>Seconds of a part in the last run.</summary>
    public double Seconds(int part) => Math.Max(0, ((marks[part + 1] - marks[part]) / (double)Stopwatch.Frequency) - MarkSeconds);

    private void Forward(in PlanMemory<float> memory)
    {
        Step step = null!;
        OpContext<float> c = new(in memory, in step, in run, plan.Options.Arithmetic, plan.Options.Layout, backward: false);
        foreach (Step current in Training ? plan.Steps : plan.PredictingSteps)
        {
            step = current;
            if (run.Batch == 1 && step.OneSampleForward is { CanRun: true } one)
            {
                one.Run(ref MemoryMarshal.GetReference(memory.Parameters), ref MemoryMarshal.GetReference(memory.Workspace));
                Mark(step, "forward", step.Op.MultiplyAdds);
            }
            else if (step.Op is Convolution op)
            {
                op.Forward(in c);
                Mark(step, "forward", TapsInside(op.Sizes) + step.DoneAlong.Sum(next => next.Op is Convolution own ? TapsInside(own.Sizes) : 0));
            }
            else
            {
                step.Op.Forward(in c);
                Mark(step, "forward", step.Op.MultiplyAdds);
            }
        }
    }

    private void Backward(in PlanMemory<float> memory, in SgdUpdate update)
    {
        Step step = null!;
        OpContext<float> c = new(in memory, in step, in run, plan.Options.Arithmetic, plan.Options.Layout, backward: true);
        foreach ((Step current, Phase phase) in plan.BackwardProgram)
        {
            step = current;
            if (phase != Phase.Backward)
            {
                throw new InvalidOperationException("the plan computes values again");
            }

            if (step.Op is Convolution op)
            {
                BackwardOf(op, step, in c, in update);
                continue;
            }

            double live = step.OutputGradient.Exists ? Live(in c) : 1;
            bool finite = step.Op.BackwardAndUpdate(in c, in update);
            string pass = step.Ranges.Length > 0 ? "backward and update" : c.Derives ? "backward, with the activation before it" : "backward";
            Mark(step, pass, (c.WantsInputGradient(0) ? 2 : 1) * step.Op.MultiplyAdds, live);
            Require(finite);
        }
    }

    /// <summary>A convolution's backward pass and update, in the order of <see cref="Convolution"/>.</summary>
    private void BackwardOf(Convolution op, Step step, in OpContext<float> c, in SgdUpdate update)
    {
        Matrix<float> delta = c.OutputGradientRows;
        double taps = TapsInside(op.Sizes);
        if (op.Activation is not Activation<Identity> && !c.IsDerived)
        {
            double live = Live(in c);
            op.Activation.Backward<float, SimdKernels>(c.Arithmetic, c.WeightedInputRows, c.OutputRows, delta);
            Mark(step, "backward, activation", 0, live);
        }

        double share = Live(in c);
        Require(op.Sizes.FitsTiles && Finite.BoundsProductsAndSums(
            c.Input(0), c.IsDerived ? c.DeriversGradient : delta.Values, (long)c.Batch * op.Sizes.OutputPositions));
        Mark(step, "bound on the weight gradient", 0, share);
        if (c.WantsInputGradient(0))
        {
            SimdKernels.ConvolutionInputGradient(
                c.Arithmetic, op.Sizes, delta, c.Parameter(0), default, c.InputGradientRows(0), c.ContinueInputGradient(0));
            Mark(step, "input gradient", taps, share);
        }

        Conv.UpdateFrom(
            c.Arithmetic, op.Sizes, c.Batch, c.Input(0), c.InputStride(0), delta.Values, c.OutputStride, c.Parameter(0), c.Parameter(1)[..op.Filters],
            update.LearningRate, update.WeightL2, update.BiasL2, isFinite: true);
        Mark(step, "weight gradient and update", taps, share);
    }

    private static void Require(bool finite)
    {
        if (!finite)
        {
            throw new InvalidOperationException("a gradient may not be finite");
        }
    }

    /// <summary>The share of the output's gradients that are not 0; only looked at while the parts are recorded.</summary>
    private double Live(in OpContext<float> c)
    {
        if (!recording)
        {
            return 1;
        }

        int live = 0, count = 0;
        Matrix<float> gradient = c.OutputGradientRows;
        for (int i = 0; i < gradient.Rows; i++)
        {
            foreach (float x in gradient.Row(i))
            {
                live += x != 0 ? 1 : 0;
                count++;
            }
        }

        return (double)live / count;
    }

    private void Mark(Step step, string pass, double multiplyAdds, double live = 1)
    {
        marks[next++] = Stopwatch.GetTimestamp();
        if (recording)
        {
            string along = string.Concat(step.DoneAlong.Select(next => ", " + (next.Op.ActivationName ?? next.Op.Kind)));
            parts.Add(new StepPart(step, pass + along, multiplyAdds * run.Batch, live));
        }
    }

    /// <summary>Multiply-adds of one sample with taps in the padding left out, as they are in the sums.</summary>
    private static double TapsInside(ConvSizes s)
    {
        double rows = 0, columns = 0;
        for (int y = 0; y < s.KernelHeight; y++)
        {
            (int first, int end) = ConvSizes.Reading((y * s.DilationY) - s.Top, s.Height, s.StrideY, s.OutputHeight);
            rows += end - first;
        }

        for (int x = 0; x < s.KernelWidth; x++)
        {
            (int first, int end) = ConvSizes.Reading((x * s.DilationX) - s.Left, s.Width, s.StrideX, s.OutputWidth);
            columns += end - first;
        }

        return rows * columns * (s.Channels / s.Groups) * s.Outputs;
    }

    private static Memory<float> Copy(ReadOnlySpan<float> source)
    {
        Memory<float> memory = AlignedMemory.Allocate(source.Length);
        source.CopyTo(memory.Span);
        return memory;
    }

    private static double FindMarkSeconds()
    {
        long least = long.MaxValue;
        for (int i = 0; i < 10_000; i++)
        {
            long began = Stopwatch.GetTimestamp();
            least = Math.Min(least, Stopwatch.GetTimestamp() - began);
        }

        return least / (double)Stopwatch.Frequency;
    }
}
