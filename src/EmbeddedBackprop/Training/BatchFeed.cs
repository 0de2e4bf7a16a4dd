using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Threads;

namespace EmbeddedBackprop.Training;

/// <summary>
/// Brings samples of a source into a training plan. A row of the source is split: the first values go to the first node, the next ones to the second.
/// With one input and one target the source writes straight into the plan's memory.
/// </summary>
internal sealed class BatchFeed
{
    private readonly Node[] inputs;
    private readonly Node[] targets;

    public BatchFeed(Node[] inputs, Node[] targets)
    {
        this.inputs = inputs;
        this.targets = targets;
        InputLength = Sum(inputs);
        TargetLength = Sum(targets);
    }

    /// <summary>Elements of one sample's row of inputs.</summary>
    public int InputLength { get; }

    /// <summary>The inputs' names, for an error's message.</summary>
    public string InputNames => Names(inputs);

    /// <summary>Elements of one sample's row of targets; 0 where the losses compare with no input.</summary>
    public int TargetLength { get; }

    /// <summary>Floats of memory for each sample that dealing out needs.</summary>
    public int RowLength => checked((inputs.Length > 1 ? InputLength : 0) + (targets.Length == 1 ? 0 : TargetLength));

    public void Gather(WorkerPool? pool, IBatchSource source, ReadOnlySpan<int> samples, Plan plan, Span<float> workspace, Span<float> rows)
    {
        int count = samples.Length, inputStride = InputLength, targetStride = TargetLength;
        Span<float> x = inputs.Length == 1 ? Whole(plan, workspace, inputs[0], count, ref inputStride) : rows[..(count * InputLength)];
        Span<float> y =
            targets.Length == 1 ? Whole(plan, workspace, targets[0], count, ref targetStride) : rows[(rows.Length - (count * TargetLength))..];
        ParallelGather.Run(pool, source, samples, x, inputStride, y, targetStride);
        if (inputs.Length > 1)
        {
            Deal(inputs, x, InputLength, plan, workspace, count);
        }

        if (targets.Length > 1)
        {
            Deal(targets, y, TargetLength, plan, workspace, count);
        }
    }

    /// <summary>Copies rows of inputs and rows of targets, gathered elsewhere, to their nodes.</summary>
    public void Deal(ReadOnlySpan<float> inputRows, ReadOnlySpan<float> targetRows, Plan plan, Span<float> workspace, int count)
    {
        Deal(inputs, inputRows, InputLength, plan, workspace, count);
        Deal(targets, targetRows, TargetLength, plan, workspace, count);
    }

    /// <summary>Copies rows of concatenated values to the nodes they belong to.</summary>
    public static void Deal(ReadOnlySpan<Node> nodes, ReadOnlySpan<float> rows, int length, Plan plan, Span<float> workspace, int count)
    {
        int first = 0;
        foreach (Node node in nodes)
        {
            int columns = node.Shape.Length, stride = plan.Stride(node);
            Span<float> values = plan.ValueSpan(workspace, node, count);
            for (int row = 0; row < count; row++)
            {
                rows.Slice((row * length) + first, columns).CopyTo(values[(row * stride)..]);
            }

            first += columns;
        }
    }

    /// <summary>Copies the values of several nodes to rows of concatenated values.</summary>
    public static void Collect(ReadOnlySpan<Node> nodes, Span<float> rows, int length, Plan plan, Span<float> workspace, int count)
    {
        int first = 0;
        foreach (Node node in nodes)
        {
            int columns = node.Shape.Length, stride = plan.Stride(node);
            ReadOnlySpan<float> values = plan.ValueSpan(workspace, node, count);
            for (int row = 0; row < count; row++)
            {
                values.Slice(row * stride, columns).CopyTo(rows[((row * length) + first)..]);
            }

            first += columns;
        }
    }

    /// <summary>The targets that the data must give: not a computed node, nor an input that is given already (an autoencoder's).</summary>
    public static Node[] TargetsOf(ReadOnlySpan<Node> losses, Node[] inputs)
    {
        List<Node> found = [];
        foreach (Node loss in losses)
        {
            // The plan refuses an op that is not a loss.
            if (loss.Op is not { IsLoss: true })
            {
                continue;
            }

            Node target = loss.Inputs[1];
            if (target.Op is null && Array.IndexOf(inputs, target) < 0 && !found.Contains(target))
            {
                found.Add(target);
            }
        }

        return [.. found];
    }

    /// <summary>The data's rows must be rows of all inputs and all targets, and the plan must read no other input.</summary>
    /// <exception cref="ArgumentException">They are not; the message names the nodes and both lengths.</exception>
    public void CheckFits(Plan plan, IBatchSource data)
    {
        foreach (Step step in plan.Steps)
        {
            foreach (Node node in step.InputNodes)
            {
                if (node.Op is null && Array.IndexOf(inputs, node) < 0 && Array.IndexOf(targets, node) < 0)
                {
                    TrainingErrors.NotFed(node.Name);
                }
            }
        }

        CheckInputs(data);
        if (data.TargetLength != TargetLength && targets.Length > 0)
        {
            Errors.LengthDiffers(Names(targets) + " (a target of the data)", TargetLength, data.TargetLength);
        }
    }

    /// <summary>The values that were just gathered must be finite.</summary>
    /// <param name="plan">The training plan.</param>
    /// <param name="workspace">Its memory.</param>
    /// <param name="samples">The samples that were gathered, for the message.</param>
    /// <exception cref="ArgumentException">One is not; the message names node, sample and column.</exception>
    public void RequireFinite(Plan plan, Span<float> workspace, ReadOnlySpan<int> samples)
    {
        RequireFinite(inputs, plan, workspace, samples);
        RequireFinite(targets, plan, workspace, samples);
    }

    private static void RequireFinite(Node[] nodes, Plan plan, Span<float> workspace, ReadOnlySpan<int> samples)
    {
        foreach (Node node in nodes)
        {
            Span<float> values = plan.ValueSpan(workspace, node, samples.Length);
            for (int row = 0; row < samples.Length; row++)
            {
                FiniteData.Require(values.Slice(row * plan.Stride(node), node.Shape.Length), node.Name, samples[row], null);
            }
        }
    }

    /// <summary>The data's rows must be rows of all inputs.</summary>
    /// <exception cref="ArgumentException">They are not; the message names the nodes and both lengths.</exception>
    public void CheckInputs(IBatchSource data)
    {
        if (data.InputLength != InputLength)
        {
            Errors.LengthDiffers(Names(inputs) + " (a sample of the data)", InputLength, data.InputLength);
        }
    }

    private static string Names(Node[] nodes) => string.Join(" and ", Array.ConvertAll(nodes, node => node.Name));

    private static Span<float> Whole(Plan plan, Span<float> workspace, Node node, int count, ref int stride)
    {
        stride = plan.Stride(node);
        return plan.ValueSpan(workspace, node, count);
    }

    /// <summary>Elements of one sample of all nodes.</summary>
    public static int Sum(Node[] nodes)
    {
        long sum = 0;
        foreach (Node node in nodes)
        {
            sum += node.Shape.Length;
        }

        if (sum > int.MaxValue)
        {
            Errors.TooLarge("sample", sum);
        }

        return (int)sum;
    }
}
