using EmbeddedBackprop.Export.Ops;
using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Optimizers;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Export.Update;

/// <summary>
/// The training step of an export: its plan, and the offsets of everything in the caller's memory.
/// </summary>
/// <remarks>The memory is parameters | gradients | optimiser | state | workspace, all of it floats.</remarks>
internal sealed class CTraining
{
    /// <summary>
    /// The most bytes of memory for training and its self-test: more than any device has that the C is for, and the export computes the self-test.
    /// </summary>
    public const long MostBytes = 1L << 28;

    /// <summary>The most calls of a training step in the self-test.</summary>
    public const long MostSelfTestCalls = 1L << 14;

    private readonly Dictionary<string, CTensor> tensorOf = new(StringComparer.Ordinal);
    private readonly int predictionLength;

    /// <summary>Lays out the memory.</summary>
    /// <param name="options">The tensors to train, and the training's options.</param>
    /// <param name="plan">The training plan: <see cref="PlanOf"/>.</param>
    /// <param name="tables">A table for each tensor of the plan.</param>
    /// <param name="predictionLength">Floats of workspace that a prediction needs.</param>
    /// <param name="opOf">The writer of the C of a step's op.</param>
    public CTraining(CTrainingOptions options, Plan plan, CTable[] tables, int predictionLength, Func<Step, COp> opOf)
    {
        Options = options;
        Plan = plan;
        this.predictionLength = predictionLength;
        bool atOnce = UpdatesInBackward(options, plan);
        HashSet<string> needsMemory = new(StringComparer.Ordinal);
        foreach (Step step in plan.Steps)
        {
            if (!atOnce || !opOf(step).CanUpdateAtOnce(step.Op))
            {
                needsMemory.UnionWith(step.Ranges.Select(range => range.Name));
            }
        }

        List<CTensor> tensors = [];
        Regularization penalty = options.Regularization;
        float l2 = options.Optimizer.DecouplesDecay ? penalty.L2 : penalty.L2 + penalty.WeightDecay;
        foreach (ParameterRange range in plan.TrainedParameters)
        {
            bool stored = needsMemory.Contains(range.Name);
            bool penalised = penalty.AllParameters || range.Kind == ParameterKind.Weight;
            CTensor tensor = new(range, tables[plan.Parameters.IndexOf(range)], ParameterLength, stored ? GradientLength : -1, penalised ? l2 : 0f);
            ParameterLength += range.Count;
            GradientLength += stored ? range.Count : 0;
            tensorOf.Add(range.Name, tensor);
            tensors.Add(tensor);
        }

        Tensors = [.. tensors];
        CSchedule.Check(options.Schedule, options.StepsPerEpoch, options.Epochs);
        OptimizerLength = options.Optimizer.StateLength(ParameterLength);
        RequireBytes(
            "the memory of training", sizeof(float) * ((long)ParameterLength + GradientLength + OptimizerLength + StateLength + WorkspaceLength));
    }

    public CTrainingOptions Options { get; }

    public Plan Plan { get; }

    /// <summary>The trained tensors, in the order of the memory.</summary>
    public CTensor[] Tensors { get; }

    /// <summary>Samples of one call.</summary>
    public int Batch => Options.Batch;

    /// <summary>Samples of one update.</summary>
    public int LogicalBatch => Options.Batch * Options.Accumulate;

    public int ParameterLength { get; }

    public int GradientLength { get; }

    public int OptimizerLength { get; }

    public int StateLength => Plan.StateLength;

    public int WorkspaceLength => Math.Max(Plan.WorkspaceLength, predictionLength);

    public int GradientOffset => ParameterLength;

    public int OptimizerOffset => GradientOffset + GradientLength;

    public int StateOffset => OptimizerOffset + OptimizerLength;

    public int WorkspaceOffset => StateOffset + StateLength;

    /// <summary>Floats of all the memory.</summary>
    public int Length => checked(WorkspaceOffset + WorkspaceLength);

    /// <summary>The plan of a training step, whose inputs and targets are in memory of the caller's.</summary>
    public static Plan PlanOf(Graph graph, Arithmetic arithmetic, CTrainingOptions options)
    {
        CheckSizes(graph, options);
        PlanOptions planned = OptionsOf(arithmetic, options) with { InputsAndOutputsByReference = true, MovesInPlace = true };
        return Plan.ForTraining(graph, planned, [.. options.Losses]);
    }

    /// <summary>The same plan as the engine can run it.</summary>
    public static PlanOptions OptionsOf(Arithmetic arithmetic, CTrainingOptions options) => new()
    {
        Batch = checked(options.Batch * options.Accumulate),
        MicroBatch = options.Accumulate > 1 ? options.Batch : 0,
        Arithmetic = arithmetic,
        Layout = Layout.Compact,
        Frozen = options.Frozen,
        Recompute = [.. options.Recompute.Select(name => Named(options.Losses[0].Graph, name))],
    };

    /// <summary>Refuses more memory than <see cref="MostBytes"/>.</summary>
    public static void RequireBytes(string what, long bytes)
    {
        if (bytes > MostBytes)
        {
            ExportErrors.TrainingTooLarge(what, bytes, MostBytes);
        }
    }

    /// <summary>Refuses a batch, an update and a self-test that are too large, before anything is planned for them.</summary>
    private static void CheckSizes(Graph graph, CTrainingOptions options)
    {
        if (options.Batch > int.MaxValue / options.Accumulate)
        {
            ExportErrors.TooManySamples(options.Batch, options.Accumulate);
        }

        if ((long)options.SelfTestSteps * options.Accumulate > MostSelfTestCalls)
        {
            ExportErrors.SelfTestTooLong(options.SelfTestSteps, options.Accumulate, MostSelfTestCalls);
        }

        foreach (Node node in graph.Nodes)
        {
            if (node.Op is not { IsLoss: true })
            {
                RequireBytes(
                    $"a batch of {CText.Number(options.Batch)} samples of '{node.Name}'", sizeof(float) * (long)options.Batch * node.Shape.Length);
            }
        }
    }

    private static Node Named(Graph graph, string name)
    {
        Node? found = null;
        foreach (Node node in graph.Nodes)
        {
            found = node.Name == name ? node : found;
        }

        if (found is null)
        {
            ExportErrors.NoNode(name);
        }

        return found;
    }

    /// <summary>Whether the weights may change within the backward pass: then gradients need no memory.</summary>
    public static bool UpdatesInBackward(CTrainingOptions options, Plan plan) =>
        options is { Batch: 1, Accumulate: 1, Optimizer: Sgd, Regularization: { L1: 0f, MaxNorm: 0f } }
        && options.Clipping == Clipping.None
        && plan.CanUpdateInBackward;

    /// <summary>Whether a training plan changes a tensor.</summary>
    public static bool IsTrained(Plan? plan, string name)
    {
        foreach (ParameterRange range in plan is null ? [] : plan.TrainedParameters)
        {
            if (range.Name == name)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>The tensor of a trained range; null where it is not trained and read from flash.</summary>
    public CTensor? TensorOf(in ParameterRange range) => tensorOf.GetValueOrDefault(range.Name);

    /// <summary>The C expression of a range of the state.</summary>
    public string StatePlace(string name)
    {
        foreach (StateRange range in Plan.State)
        {
            if (range.Name == name)
            {
                return CText.At("state", range.Offset);
            }
        }

        return "state";
    }
}
