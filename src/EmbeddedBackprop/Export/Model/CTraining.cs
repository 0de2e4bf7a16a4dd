using EmbeddedBackprop.Export.Ops;
using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Export.Update;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Optimizers;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Export.Model;

/// <summary>
/// The training step of an export: the plan that it walks, where everything stands in the caller's memory, and the bodies of its functions.
/// </summary>
/// <remarks>The memory is parameters | gradients | optimiser | state | workspace, all of it floats.</remarks>
internal sealed class CTraining
{
    private readonly Dictionary<string, CTensor> tensorOf = new(StringComparer.Ordinal);
    private readonly Dictionary<Node, string> pointers = [];
    private readonly int predictionLength;

    /// <summary>Lays out the memory.</summary>
    /// <param name="options">What is trained, and how.</param>
    /// <param name="plan">The training plan: <see cref="PlanOf"/>.</param>
    /// <param name="tables">A table for each tensor of the plan.</param>
    /// <param name="predictionLength">Floats of workspace that a prediction needs.</param>
    public CTraining(CTrainingOptions options, Plan plan, CTable[] tables, int predictionLength)
    {
        Options = options;
        Plan = plan;
        this.predictionLength = predictionLength;
        bool atOnce = UpdatesInBackward(options, plan);
        Dictionary<string, bool> ends = new(StringComparer.Ordinal);
        foreach (Step step in plan.Steps)
        {
            foreach (ParameterRange range in step.Ranges)
            {
                ends[range.Name] = COpList.For(step).CanUpdateAtOnce(step.Op);
            }
        }

        List<CTensor> tensors = [];
        Regularization penalty = options.Regularization;
        float l2 = options.Optimizer.DecouplesDecay ? penalty.L2 : penalty.L2 + penalty.WeightDecay;
        foreach (ParameterRange range in plan.TrainedParameters)
        {
            bool stored = !atOnce || !ends[range.Name];
            bool penalised = penalty.AllParameters || range.Kind == ParameterKind.Weight;
            CTensor tensor = new(range, tables[plan.Parameters.IndexOf(range)], ParameterLength, stored ? GradientLength : -1, penalised ? l2 : 0f);
            ParameterLength += range.Count;
            GradientLength += stored ? range.Count : 0;
            tensorOf.Add(range.Name, tensor);
            tensors.Add(tensor);
        }

        Tensors = [.. tensors];
        CSchedule.Check(options.Schedule, options.StepsPerEpoch, options.Epochs);
        Optimizer = COptimizer.For(options.Optimizer);
        OptimizerLength = options.Optimizer.StateLength(ParameterLength);
    }

    public CTrainingOptions Options { get; }

    public Plan Plan { get; }

    public COptimizer Optimizer { get; }

    /// <summary>What is trained, in the order of the memory.</summary>
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

    /// <summary>Inputs of the steps that are no targets, in the order of the graph.</summary>
    public CEnd[] Inputs { get; set; } = [];

    /// <summary>What the losses compare with, where that is not an input, too.</summary>
    public CEnd[] Targets { get; set; } = [];

    /// <summary>Inputs and targets.</summary>
    public IEnumerable<CEnd> Ends => Inputs.Concat(Targets);

    /// <summary>The body of NAME_forward.</summary>
    public string Forward { get; private set; } = "";

    /// <summary>The body of NAME_backward.</summary>
    public string Backward { get; private set; } = "";

    /// <summary>The body of NAME_update; empty where all weights change in NAME_backward.</summary>
    public string Update { get; private set; } = "";

    /// <summary>The C expression of the learning rate of the next update.</summary>
    public string Rate { get; private set; } = "model->learning_rate";

    /// <summary>What NAME_start does behind copying the weights.</summary>
    public string Start { get; private set; } = "";

    /// <summary>The plan of a training step, whose inputs and targets stand in the caller's memory.</summary>
    public static Plan PlanOf(Graph graph, Arithmetic arithmetic, CTrainingOptions options) => Plan.ForTraining(graph, OptionsOf(arithmetic, options) with { EndsByReference = true }, [.. options.Losses]);

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
        options is { Batch: 1, Accumulate: 1, Optimizer: Sgd, Regularization: { L1: 0f, MaxNorm: 0f } } && options.Clipping == Clipping.None && plan.CanUpdateInBackward;

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

    /// <summary>Where a range of the state stands.</summary>
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

    /// <summary>Writes the functions' bodies.</summary>
    /// <param name="program">Collects them.</param>
    /// <param name="tablesOf">The tables of a step: parameters, then what is kept.</param>
    public void Write(CProgram program, Func<Step, COp, CTable[]> tablesOf)
    {
        foreach (CEnd end in Ends)
        {
            pointers[end.Node] = end.Pointer;
        }

        Dictionary<Node, int> numbers = [];
        foreach (Step step in Plan.Steps)
        {
            numbers[step.Node] = numbers.Count + 1;
            WriteForward(step, numbers[step.Node], program, tablesOf);
        }

        WriteLoss(program);
        Forward = program.TakeStatements();
        foreach ((Step step, Phase phase) in Plan.BackwardProgram)
        {
            if (phase == Phase.Again)
            {
                WriteForward(step, numbers[step.Node], program, tablesOf);
            }
            else
            {
                WriteBackward(step, numbers[step.Node], program, tablesOf);
            }
        }

        Backward = program.TakeStatements();
        Rate = CSchedule.Rate(program, program.Prefix.ToUpperInvariant(), Options.Schedule, "model->learning_rate", "model->step");
        new CUpdate(this, program).Write();
        Update = program.TakeStatements();
        COptimizer.WriteStart(this, program);
        Start = program.TakeStatements();
    }

    private void WriteForward(Step step, int number, CProgram program, Func<Step, COp, CTable[]> tablesOf)
    {
        COp text = COpList.For(step);
        program.Gap();
        bool loops = Loops(step, text, program);
        text.WriteTraining(Places(step, number, text, tablesOf), program);
        if (loops)
        {
            program.Close();
        }
    }

    private void WriteBackward(Step step, int number, CProgram program, Func<Step, COp, CTable[]> tablesOf)
    {
        COp text = COpList.For(step);
        program.Gap();
        bool loops = Loops(step, text, program);
        CStep forward = Places(step, number, text, tablesOf);
        bool whole = !loops;
        string?[] gradients = [.. step.InputGradients.Select((slot, k) => step.WantedInputGradients[k] ? Row(CText.At("arena", slot.Offset), slot.Columns, whole) : null)];
        string scratch = step.BackwardScratch.Exists ? CText.At("arena", step.BackwardScratch.Offset) : "NULL";
        string outputGradient = step.OutputGradient.Exists ? Row(CText.At("arena", step.OutputGradient.Offset), step.OutputGradient.Columns, whole) : "NULL";
        CTensor?[] tensors = [.. step.Ranges.Select(range => TensorOf(in range))];
        text.WriteBackward(new CBackwardStep(forward, outputGradient, gradients, step.ContinueInputGradients, tensors, scratch, LogicalBatch), program);
        if (loops)
        {
            program.Close();
        }
    }

    /// <summary>The sum of the losses, each times its weight, as Plan.TotalLoss takes it.</summary>
    private void WriteLoss(CProgram program)
    {
        program.Gap();
        program.Comment($"the loss of the {(Batch == 1 ? "sample" : "samples")} of this call");
        CReduce.Fold(program);
        for (int i = 0; i < Plan.Losses.Count; i++)
        {
            Step step = Plan.LossSteps[i];
            EmbeddedBackprop.Losses.Loss loss = (EmbeddedBackprop.Losses.Loss)step.Op;
            string value = $"{CText.Hex((float)loss.Scale(Batch))} * {program.Prefix}_fold({CText.At("arena", step.Output.Offset)})";
            string term = loss.Weight == 1f ? value : $"{CText.Hex(loss.Weight)} * ({value})";
            program.Statement(i == 0 ? $"loss = {term};" : $"loss = loss + ({term});");
        }
    }

    private bool Loops(Step step, COp text, CProgram program)
    {
        if (Batch == 1 || text.TakesBatch(step.Op))
        {
            return false;
        }

        program.Open($"for (b = 0u; b < {CText.Size(Batch)}; b++)");
        return true;
    }

    private CStep Places(Step step, int number, COp text, Func<Step, COp, CTable[]> tablesOf)
    {
        bool whole = Batch == 1 || text.TakesBatch(step.Op);
        string Value(Node node, Slot slot) => Row(pointers.TryGetValue(node, out string? pointer) ? pointer : CText.At("arena", slot.Offset), slot.Columns, whole);
        string calls = Batch == 1 ? "model->collected" : $"(model->collected * {CText.Size(Batch)})";
        return new CStep(
            step,
            number,
            [.. step.Inputs.Select((slot, k) => Value(step.InputNodes[k], slot))],
            step.Op.IsLoss ? CText.At("arena", step.Output.Offset) : Value(step.Node, step.Output),
            tablesOf(step, text),
            step.ForwardScratch.Exists ? CText.At("arena", step.ForwardScratch.Offset) : "NULL",
            [.. step.StateRanges.Where(range => range.PerSample).Select(range => StatePlace(range.Name))])
        {
            HasTraining = true,
            IsTrainingForward = true,
            Batch = whole ? Batch : 1,
            Sample = whole ? "0u" : "b",
            LogicalSample = whole ? calls : $"({calls} + (uint32_t)b)",
            Saved = step.Saved.Exists ? Row(CText.At("arena", step.Saved.Offset), step.Saved.Length / Batch, whole) : null,
            Kept = [.. step.StateRanges.Where(range => !range.PerSample).Select(range => StatePlace(range.Name))],
        };
    }

    /// <summary>The row of the loop's sample.</summary>
    private static string Row(string place, int columns, bool whole) =>
        whole ? place : $"({place.TrimStart('(').TrimEnd(')')} + ({(columns == 1 ? "b" : $"b * {CText.Size(columns)}")}))";
}
