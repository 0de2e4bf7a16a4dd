using System.Globalization;
using System.Text;
using EmbeddedBackprop.Export.Model;
using EmbeddedBackprop.Export.Ops;
using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Export.Update;
using EmbeddedBackprop.Graphs;

namespace EmbeddedBackprop.Export.Files;

/// <summary>The training part of NAME.md: where all the memory goes, how the functions are called.</summary>
internal static class CTrainingReport
{
    /// <summary>sizeof the structure: a pointer, three words of 32 bits, a seed of 64.</summary>
    public const int ModelBytes = 24;

    /// <summary>The lines of the memory table.</summary>
    public static string Memory(CModel model, CTraining training)
    {
        long samples = sizeof(float) * (long)training.Batch * model.Arguments.Training.Sum(argument => (long)argument.Length);
        return string.Create(CultureInfo.InvariantCulture, $"""
            | RAM, parameters | {Bytes(training.ParameterLength)} |
            | RAM, gradients{(training.GradientLength == 0 ? " (applied at once)" : "")} | {Bytes(training.GradientLength)} |
            | RAM, state of the optimiser ({CText.Comment(training.Options.Optimizer.Name)}) | {Bytes(training.OptimizerLength)} |
            | RAM, what layers keep | {Bytes(training.StateLength)} |
            | RAM, workspace | {Bytes(training.WorkspaceLength)} |
            | RAM, the structure (32-bit pointers) | {ModelBytes} |
            | **RAM, training in all** | **{Bytes(training.Length) + ModelBytes}** |
            | RAM, {(training.Batch == 1 ? "a sample" : "the samples of a call")} and its target (the caller's, read only) | {samples} |
            | storage, a copy by NAME_save (two are kept) | {CCopyFormat.Bytes(training)} |
            """);
    }

    /// <summary>A table of the trained tensors, and one of the steps of the training plan.</summary>
    public static string Tables(CTraining training)
    {
        StringBuilder text = new("\n| trained tensor | numbers | in the memory at | gradient at |\n| --- | ---: | ---: | --- |\n");
        foreach (CTensor tensor in training.Tensors)
        {
            string gradient = tensor.GradientOffset < 0 ? "applied at once" : CText.Number(training.GradientOffset + tensor.GradientOffset);
            text.Append(CultureInfo.InvariantCulture, $"| {CText.Comment(tensor.Range.Name)} | {tensor.Length} | {tensor.Offset} | {gradient} |\n");
        }

        text.Append("\n| training step | op | value at | gradient of the value at |\n| --- | --- | --- | --- |\n");
        foreach (Step step in training.Plan.Steps)
        {
            text.Append(
                $"| {CText.Comment(step.Name)} | {CText.Comment($"{step.Op.Kind} {step.Op.Detail}").TrimEnd()} | {Place(training, step.Output)} | {Place(training, step.OutputGradient)} |\n"
            );
        }

        return text.ToString();
    }

    /// <summary>How the functions are called.</summary>
    public static string Usage(CModel model, CTraining training)
    {
        string m = model.Macro,
            p = model.Prefix;
        string arrays = string.Join(
            ", ",
            model
                .Arguments.Training.Select(argument =>
                    $"{argument.Pointer}[{m}_BATCH * {m}_{(model.Arguments.TrainingInputs.Contains(argument) ? "INPUTS" : "TARGETS")}{argument.MacroSuffix}]"
                )
                .Concat(model.Outputs.Select(output => $"{output.Pointer}[{m}_OUTPUTS{output.MacroSuffix}]")));
        string given = string.Join(", ", model.Arguments.Training.Select(argument => argument.Pointer));
        string first = model.Inputs[0].Pointer;
        string prepare =
            model.Tables.Preparation.Length > 0
                ? $"\n    {p}_prepare({first}, {first}); /* every sample: in training every input had mean 0 and variance 1 */"
                : "";
        return $"""
                #include "{p}.h"

                static float memory[{m}_TRAIN_FLOATS], {arrays};
                static {p}_model model;

                {p}_start(&model, memory);{prepare}
                loss = {p}_train_step(&model, {given}); /* again and again */
                {p}_predict(&model, {string.Join(", ", model.Inputs.Select(input => input.Pointer))}, {model.OutputArguments});

            The self-test compares predictions, losses and trained weights with the engine's, bit by bit; the program returns 0 if all are right:

                cc -std=c99 -O2 -D{m}_SELFTEST_MAIN {p}.c {p}_weights.c {p}_selftest.c
            """;
    }

    private static long Bytes(int floats) => sizeof(float) * (long)floats;

    private static string Place(CTraining training, Slot slot) => slot.Exists ? CText.Number(training.WorkspaceOffset + slot.Offset) : "";
}
