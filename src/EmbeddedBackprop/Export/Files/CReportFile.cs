using System.Globalization;
using System.Text;
using EmbeddedBackprop.Export.Model;
using EmbeddedBackprop.Export.Ops;
using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Export.Files;

/// <summary>NAME.md: the cost of the network, step by step.</summary>
internal static class CReportFile
{
    public static string Text(CModel model)
    {
        Plan plan = model.Plan;
        StringBuilder text = new();
        text.Append(CultureInfo.InvariantCulture, $"""
            # {model.Prefix}

            {CMark.Words}. {(model.Arithmetic == Arithmetic.Fused ? "Fused" : "Separate")} arithmetic, {model.Tables.ReadParameters.Sum(table =>
                (long)table.Values.Length
            )} parameters, {plan.MultiplyAdds} multiply-adds {(model.WindowSteps > 0 ? "a time step" : "a sample")}.

            Weights {model.Hash}; engine {CIdentity.EngineVersion}, format {CIdentity.FormatVersion}.

            | memory | bytes |
            | --- | ---: |
            | flash, tables | {model.Tables.Bytes} |
            {(
                model.Training is { } training
                    ? CTrainingReport.Memory(model, training)
                    : $"| RAM, arena | {CText.Number(sizeof(float) * (long)model.ArenaLength)} |"
            )}
            {Carried(model)}| RAM, input ({(
                model.Options.InputInArena ? "in the arena" : "the caller's, read only"
            )}) | {sizeof(float) * model.Inputs.Sum(input => (long)input.Length)}{(model.Options.InputInArena ? " of these" : "")} |
            | RAM, output (the caller's) | {sizeof(float) * model.Outputs.Sum(output => (long)output.Length)} |

            {Storage(model)}{(model.Training is null ? Usage(model) : CTrainingReport.Usage(model, model.Training))}

            | step | op | input | output | written to | table bytes | multiply-adds |
            | --- | --- | ---: | ---: | --- | ---: | ---: |

            """);
        foreach (CStep step in model.Prediction.Steps)
        {
            Op op = step.Step.Op;
            string place = (step.Step.Output.Exists ? "arena + " + CText.Number(step.Step.Output.Offset) : step.Output)
                + (step.Step.MovedInPlace.Contains(true) ? ", in place" : "");
            text.Append(
                CultureInfo.InvariantCulture,
                $"| {step.Title} | {Kinds(step.Step)} | {step.InputLength} | {step.OutputLength} | {place} | {step.Tables.Sum(table => table.Bytes)} | {op.MultiplyAdds} |\n"
            );
        }

        text.Append(model.Training is null ? "" : CTrainingReport.Tables(model.Training));
        return CText.LineFeeds(text);
    }

    private static string Kinds(Step step) =>
        string.Join(" + ", step.Parts.Select(part => CText.Comment($"{part.Op.Kind} {part.Op.Detail}").TrimEnd()));

    /// <summary>How the functions are called, and how the result is checked.</summary>
    private static string Usage(CModel model)
    {
        string m = model.Macro, p = model.Prefix;
        bool prepared = model.Tables.Preparation.Length > 0;
        string first = model.Inputs[0].Pointer;
        string prepare = prepared ? $"\n    {p}_prepare({first}, {first}); /* in training every input had mean 0 and variance 1 */" : "";
        string arrays = string.Join(
            ", ", model.Inputs.Where(_ => !model.Options.InputInArena).Select(input => $"{input.Pointer}[{m}_INPUTS{input.MacroSuffix}]")
                .Concat(model.Outputs.Select(output => $"{output.Pointer}[{m}_OUTPUTS{output.MacroSuffix}]"))
                .Append($"arena[{m}_ARENA_FLOATS]")
                .Concat(model.StateLength > 0 ? [$"state[{m}_STATE_FLOATS]"] : []));
        string reset =
            model.StateLength == 0
                ? ""
                : $"\n    {p}_reset(state); /* once in front of every sequence: what the layers remember goes from call to call */";
        string call = model.Stream is not null ? CStreamFile.Usage(model) : $"""
                #include "{p}.h"

                static float {arrays};
            {Addresses(model)}{reset}{prepare}
                {p}_predict({string.Concat(model.InputPointers.Select(pointer => pointer + ", "))}{model.OutputArguments});
            """;
        return $"""
            {call}

            The self-test compares outputs with the engine's, bit by bit; the program returns 0 if all are right, and `{p}_selftest` may be called at any time:

                cc -std=c99 -O2 -D{m}_SELFTEST_MAIN {p}.c {p}_weights.c {p}_selftest.c
            """;
    }

    /// <summary>Pointers to the inputs in the arena, to be written before every call.</summary>
    private static string Addresses(CModel model) =>
        !model.Options.InputInArena ? ""
        : string.Concat(model.Inputs.Select(input =>
            $"\n    float *const {input.Pointer} = {model.Macro}_{input.AddressMacro}(arena); /* to be written before every call */"));

    private static string Storage(CModel model)
    {
        StringBuilder text = new();
        foreach ((string name, long weights, long bytes, long scales, float largest, double mean) in model.Tables.Rounded())
        {
            if (text.Length == 0)
            {
                text.Append(
                    "| weights stored as | number | bytes | of them scales | largest error | mean error |\n| --- | ---: | ---: | ---: | ---: | ---: |\n"
                );
            }

            text.Append(CultureInfo.InvariantCulture, $"| {name} | {weights} | {bytes} | {scales} | {largest:G4} | {mean:G4} |\n");
        }

        if (text.Length > 0)
        {
            text.Append(
                "\nThe arithmetic is float. The errors are distances from the network's own weights; the self-test's results are the engine's with the stored ones.\n\n"
            );
        }

        return text.ToString();
    }

    private static string Carried(CModel model) =>
        model.StateLength == 0
            ? ""
            : $"| RAM, state (the caller's, kept from call to call) | {CText.Number(sizeof(float) * (long)model.StateLength)} |\n";
}
