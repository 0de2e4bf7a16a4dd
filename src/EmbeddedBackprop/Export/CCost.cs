using EmbeddedBackprop.Export.Cost;
using EmbeddedBackprop.Export.Files;
using EmbeddedBackprop.Export.Model;
using EmbeddedBackprop.Graphs;

namespace EmbeddedBackprop.Export;

/// <summary>
/// The cost of exported C on a device, known before it is compiled. Tables and memory are exact; code, stack and instructions are estimates.
/// </summary>
/// <remarks>
/// The estimates are those of gcc -Os (code is that of Cortex-M4F times a factor of the target). Instructions are fitted to what emulators count for
/// nets of one layer; <c>bench/results/cortex-m-qemu/device.md</c> shows them next to what is counted for whole nets. Instructions are not cycles
/// (but on AVR): memory waits and the processor's pipeline are not in them.
/// </remarks>
public sealed record CCost
{
    /// <summary>
    /// A bound of the stack of a prediction: the three largest functions of a net with every op took 832 bytes (gcc -Os -fstack-usage, Cortex-M4F);
    /// most nets take a third.
    /// </summary>
    internal const int StackOfPrediction = 1024;

    /// <summary>The same of a training step, whose functions were measured one net at a time: at most 560 bytes.</summary>
    internal const int StackOfTraining = 1280;

    /// <summary>Bytes of constant tables: weights, running statistics, preparation.</summary>
    public required long TableBytes { get; init; }

    /// <summary>Bytes of machine code, estimated.</summary>
    public required long CodeBytes { get; init; }

    /// <summary>Tables and code.</summary>
    public long FlashBytes => TableBytes + CodeBytes;

    /// <summary>
    /// Bytes of RAM that the caller hands in (arena and carried state, or the memory of training), of the model structure, and of tables where the
    /// target copies constants; inputs and outputs not counted.
    /// </summary>
    public required long RamBytes { get; init; }

    /// <summary>Bytes of <see cref="RamBytes"/> that only a step at work needs, of the step that needs most.</summary>
    public long ScratchBytes { get; init; }

    /// <summary>Bytes of inputs and outputs of a call, targets included, where they have memory of their own.</summary>
    public required long EndBytes { get; init; }

    /// <summary>Bytes of stack, a bound that was measured.</summary>
    public required int StackBytes { get; init; }

    /// <summary>Multiply-adds of a prediction.</summary>
    public required long MultiplyAdds { get; init; }

    /// <summary>Instructions of a prediction, on AVR cycles, estimated; 0 where there is no estimate for the target.</summary>
    public required long Instructions { get; init; }

    /// <summary>The same of a call of NAME_train_step that changes the weights; 0 where there is none.</summary>
    public long TrainingInstructions { get; init; }

    /// <summary>Step by step: name, multiply-adds, estimated instructions.</summary>
    public required IReadOnlyList<(string Name, long MultiplyAdds, long Instructions)> Steps { get; init; }

    /// <summary>
    /// By the type of the steps' results (int8, int16 or float): the number of steps, bytes of their tables, multiply-adds, estimated instructions.
    /// </summary>
    public IReadOnlyList<(string Type, int Steps, long TableBytes, long MultiplyAdds, long Instructions)> Types { get; init; } = [];

    /// <summary>The cost of an export.</summary>
    /// <param name="plan">An inference plan; its batch and layout do not matter.</param>
    /// <param name="parameters">The parameters in the plan's layout; their values do not matter.</param>
    /// <param name="options">As for <see cref="CExporter.Write(Plan, ReadOnlySpan{float}, string, CExportOptions, ReadOnlySpan{float})"/>.</param>
    /// <param name="state">The state that ops keep without training it, in the plan's layout; empty where there is none.</param>
    /// <exception cref="NotSupportedException">
    /// An op or activation has no C, or the target cannot hold or compute it; the message names it.
    /// </exception>
    public static CCost Of(Plan plan, ReadOnlySpan<float> parameters, CExportOptions? options = null, ReadOnlySpan<float> state = default)
    {
        ArgumentNullException.ThrowIfNull(plan);
        return Of(new CModel(plan, parameters, state, options ?? new CExportOptions()), options?.Target);
    }

    internal static CCost Of(CModel model, CTarget? target)
    {
        (long[] instructions, long training) = Estimate(model, target ?? CTarget.CortexM4F);
        (string, long, long)[] steps = [.. model.Prediction.Steps.Select((step, i) => (step.Title, step.Step.Op.MultiplyAdds, instructions[i]))];
        // A stream's samples are in its state.
        CArgument[] arguments = model.Options.InputInArena || model.Stream is not null ? model.Outputs : [.. model.Inputs, .. model.Outputs];
        long both = arguments.Sum(argument => argument.Bytes);
        return new CCost
        {
            TableBytes = model.Tables.Bytes,
            CodeBytes = (long)(CCodeSize.Of(model) * CodeFactor(model, target)),
            RamBytes =
                (target is { CopiesConstants: true } ? model.Tables.Bytes : 0L)
                + (
                    model.Training is { } trained
                        ? (sizeof(float) * (long)trained.Length) + CTrainingReport.ModelBytes
                        : (sizeof(float) * (long)model.ArenaLength) + model.StateBytes),
            EndBytes = model.Training is null
                ? both
                : sizeof(float) * ((SampleLength(model) * model.Training.Batch) + model.Outputs.Sum(argument => (long)argument.Length)),
            StackBytes = model.Training is null ? StackOfPrediction : StackOfTraining,
            MultiplyAdds = model.Plan.MultiplyAdds,
            Instructions = steps.Sum(step => step.Item3),
            TrainingInstructions = training,
            ScratchBytes = model.ArenaLength == 0 || model.Training is not null ? 0
                : model.Prediction.Steps.Select(step => step.Step.ForwardScratch).Where(slot => slot.Exists)
                    .Select(slot => sizeof(float) * (long)slot.Length).DefaultIfEmpty().Max(),
            Steps = steps,
            Types =
            [
                .. model.Prediction.Steps.Zip(instructions).GroupBy(each => each.First.OutputType).OrderBy(type => type.Key.Bytes).Select(type => (
                    type.Key.Type.Replace("_t", "", StringComparison.Ordinal), type.Count(),
                    type.SelectMany(each => each.First.Tables).DistinctBy(table => table.Name).Sum(table => (long)table.Bytes),
                    type.Sum(each => each.First.Step.Op.MultiplyAdds), type.Sum(each => each.Second))),
            ],
        };

        static long SampleLength(CModel model) => model.Arguments.Training.Sum(argument => (long)argument.Length);
    }

    private static double CodeFactor(CModel model, CTarget? target) =>
        target is null ? 1 : model.HoldsIntegers ? target.IntegerCodeFactor : target.CodeFactor;

    /// <summary>The instructions of each step, and of a training step; 0 where they are not counted.</summary>
    private static (long[] Steps, long Training) Estimate(CModel model, CTarget target)
    {
        if (CInstructionTable.Of(target) is not null && !(model.HoldsIntegers && CInstructionTable.OfIntegers(target) is null))
        {
            try
            {
                return (CInstructions.OfPrediction(model, target), model.Training is null ? 0 : CInstructions.OfTraining(model, target));
            }
            catch (FormatException)
            {
                // An op of a user's own may write C that is not read here.
            }
        }

        return (new long[model.Prediction.Steps.Length], 0);
    }
}
