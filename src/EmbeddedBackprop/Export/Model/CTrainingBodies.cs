using EmbeddedBackprop.Export.Ops;
using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Export.Update;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Losses;

namespace EmbeddedBackprop.Export.Model;

/// <summary>
/// The bodies of the functions of a training step. They follow the training plan: its steps forwards, then its backward program, at its offsets.
/// Where a call takes several samples, a loop over them is written around each step, except for ops that take the whole batch
/// (<see cref="COp.TakesBatch"/>).
/// </summary>
internal sealed class CTrainingBodies
{
    private readonly CTraining training;
    private readonly CTables tables;
    private readonly CProgram program;
    private readonly Dictionary<Node, string> pointers = [];
    private readonly Dictionary<Node, int> numbers = [];

    /// <summary>Writes the bodies.</summary>
    /// <param name="training">The plan and the offsets.</param>
    /// <param name="arguments">The names of inputs and targets.</param>
    /// <param name="tables">The constant tables.</param>
    /// <param name="program">Collects routines and statements.</param>
    public CTrainingBodies(CTraining training, CArguments arguments, CTables tables, CProgram program)
    {
        (this.training, this.tables, this.program) = (training, tables, program);
        CChecksum.Ask(program, program.Prefix.ToUpperInvariant());
        foreach (CArgument argument in arguments.Training)
        {
            pointers[argument.Node] = argument.Pointer;
        }

        foreach (Step step in training.Plan.Steps)
        {
            numbers[step.Node] = numbers.Count + 1;
            WriteForward(step);
            program.Statement(program.Hook($"{CText.Comment(step.Name)} in training"));
        }

        WriteLoss();
        Forward = program.TakeStatements();
        foreach ((Step step, Phase phase) in training.Plan.BackwardProgram)
        {
            if (phase == Phase.Recompute)
            {
                WriteForward(step);
            }
            else
            {
                WriteBackward(step);
            }

            program.Statement(program.Hook($"{CText.Comment(step.Name)} {(phase == Phase.Recompute ? "again" : "backwards")}"));
        }

        Backward = program.TakeStatements();
        CTrainingOptions options = training.Options;
        Rate = CSchedule.Rate(program, program.Prefix.ToUpperInvariant(), options.Schedule, "model->learning_rate", "model->step");
        new CUpdate(training, program).Write();
        Update = program.TakeStatements();
        UpdateHook = Update.Length > 0 ? program.Hook("update") : "";
        CFirstWeights.Write(training, program);
        FirstWeights = program.TakeStatements();
        COptimizer.WriteStart(training, program);
        Start = program.TakeStatements();
    }

    /// <summary>The body of NAME_forward.</summary>
    public string Forward { get; }

    /// <summary>The body of NAME_backward.</summary>
    public string Backward { get; }

    /// <summary>The body of NAME_update; empty where all weights change in NAME_backward.</summary>
    public string Update { get; }

    /// <summary>The statement after the update; empty where there is no NAME_update.</summary>
    public string UpdateHook { get; }

    /// <summary>The C expression of the learning rate of the next update.</summary>
    public string Rate { get; }

    /// <summary>The statements of NAME_start that give the parameters their first values.</summary>
    public string FirstWeights { get; }

    /// <summary>The statements of NAME_start after it has copied the weights.</summary>
    public string Start { get; }

    private int Batch => training.Batch;

    private void WriteForward(Step step)
    {
        COp op = COpList.For(step);
        program.Gap();
        bool loops = OpenLoop(step, op);
        op.WriteTraining(StepOf(step, op), program);
        if (loops)
        {
            program.Close();
        }
    }

    private void WriteBackward(Step step)
    {
        COp op = COpList.For(step);
        program.Gap();
        bool loops = OpenLoop(step, op);
        bool whole = !loops;
        string?[] gradients =
        [
            .. step.InputGradients.Select(
                (slot, k) => step.WantedInputGradients[k] ? Sample(CText.At("arena", slot.Offset), slot.Columns, whole) : null),
        ];
        string scratch = step.BackwardScratch.Exists ? CText.At("arena", step.BackwardScratch.Offset) : "NULL";
        string outputGradient = step.OutputGradient.Exists
            ? Sample(CText.At("arena", step.OutputGradient.Offset), step.OutputGradient.Columns, whole)
            : "NULL";
        CTensor?[] tensors = [.. step.Ranges.Select(range => training.TensorOf(in range))];
        op.WriteBackward(
            new CBackwardStep(StepOf(step, op), outputGradient, gradients, step.ContinueInputGradients, tensors, scratch, training.LogicalBatch),
            program);
        if (loops)
        {
            program.Close();
        }
    }

    /// <summary>The sum of the losses, each times its weight, as Plan.TotalLoss adds it.</summary>
    private void WriteLoss()
    {
        program.Gap();
        program.Comment($"the loss of the {(Batch == 1 ? "sample" : "samples")} of this call");
        CReduce.Fold(program);
        for (int i = 0; i < training.Plan.Losses.Count; i++)
        {
            Step step = training.Plan.LossSteps[i];
            Loss loss = (Loss)step.Op;
            string value = $"{CText.Hex((float)loss.Scale(Batch))} * {program.Prefix}_fold({CText.At("arena", step.Output.Offset)})";
            string term = loss.Weight == 1f ? value : $"{CText.Hex(loss.Weight)} * ({value})";
            program.Statement(i == 0 ? $"loss = {term};" : $"loss = loss + ({term});");
        }
    }

    /// <summary>Opens the loop over the samples of a call, if the step is written for one sample and a call has several.</summary>
    private bool OpenLoop(Step step, COp op)
    {
        if (TakesCall(step, op))
        {
            return false;
        }

        program.Open($"for (b = 0u; b < {CText.Size(Batch)}; b++)");
        return true;
    }

    private bool TakesCall(Step step, COp op) => Batch == 1 || op.TakesBatch(step.Op);

    /// <summary>The step with the C expressions of its values: of the whole call, or of the sample of the loop.</summary>
    private CStep StepOf(Step step, COp op)
    {
        bool whole = TakesCall(step, op);
        string Value(Node node, Slot slot)
        {
            string first = training.Plan.CallersPlace(node) is var (argument, offset)
                ? CText.At(pointers[argument], offset)
                : CText.At("arena", slot.Offset);
            return Sample(first, slot.Columns, whole);
        }

        string before = Batch == 1 ? "model->collected" : $"(model->collected * {CText.Size(Batch)})";
        return new CStep(
            step,
            numbers[step.Node],
            [.. step.Inputs.Select((slot, k) => Value(step.InputNodes[k], slot))],
            step.Op.IsLoss ? CText.At("arena", step.Output.Offset) : Value(step.Node, step.Output),
            tables.Of(step, op, training),
            step.ForwardScratch.Exists ? CText.At("arena", step.ForwardScratch.Offset) : "NULL",
            [.. step.StateRanges.Where(range => range.PerSample).Select(range => training.StatePlace(range.Name))])
        {
            HasTraining = true,
            IsTrainingForward = true,
            Batch = whole ? Batch : 1,
            LogicalSample = whole ? before : $"({before} + (uint32_t)b)",
            Saved = step.Saved.Exists ? Sample(CText.At("arena", step.Saved.Offset), step.Saved.Length / Batch, whole) : null,
            Kept = [.. step.StateRanges.Where(range => !range.PerSample).Select(range => training.StatePlace(range.Name))],
        };
    }

    /// <summary>The C expression of the sample of the loop in an array of all samples of a call.</summary>
    private static string Sample(string array, int length, bool whole) =>
        whole ? array : $"({array.TrimStart('(').TrimEnd(')')} + ({(length == 1 ? "b" : $"b * {CText.Size(length)}")}))";
}
