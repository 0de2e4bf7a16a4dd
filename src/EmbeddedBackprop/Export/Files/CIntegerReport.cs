using System.Globalization;
using System.Text;
using EmbeddedBackprop.Export.Model;
using EmbeddedBackprop.Export.Ops;
using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Export.Files;

/// <summary>NAME.md of a network on integers: its cost, step by step.</summary>
internal static class CIntegerReport
{
    public static string Text(CModel model)
    {
        string m = model.Macro, p = model.Prefix;
        StringBuilder text = new();
        text.Append(CultureInfo.InvariantCulture, $"""
            # {p}

            {CMark.Words}. Integers, {model.Plan.ParameterCount} parameters, {model.Plan.MultiplyAdds} multiply-adds a sample.

            Weights {model.Hash}; engine {CIdentity.EngineVersion}, format {CIdentity.FormatVersion}.

            | memory | bytes |
            | --- | ---: |
            | flash, tables | {model.Tables.Bytes} |
            | RAM, arena | {sizeof(int) * (long)model.ArenaLength} |
            | RAM, input ({(model.Options.InputInArena ? "in the arena" : "the caller's")}) | {model.Inputs.Sum(input => input.Bytes)} |
            | RAM, output (the caller's) | {model.Outputs.Sum(output => output.Bytes)} |
            {Carried(model)}
            {Usage(model)}

            The self-test compares the results with the engine's; the program returns 0 if all are right, and `{p}_selftest` may be called at any time:

                cc -std=c99 -O2 -D{m}_SELFTEST_MAIN {p}.c {p}_weights.c {p}_selftest.c

            | step | op | input | output | written to | table bytes | multiply-adds |
            | --- | --- | ---: | ---: | --- | ---: | ---: |

            """);
        foreach (CStep step in model.Prediction.Steps)
        {
            string kinds = string.Join(" + ", step.Step.Parts.Select(part => CText.Comment($"{part.Op.Kind} {part.Op.Detail}").TrimEnd()));
            text.Append(
                CultureInfo.InvariantCulture,
                $"| {step.Title} | {kinds} | {step.InputLength} | {step.OutputLength} | {step.Output}{(step.Step.MovedInPlace.Contains(true) ? ", in place" : "")} | {step.Tables.Sum(table => table.Bytes)} | {step.Step.Op.MultiplyAdds} |\n");
        }

        return CText.LineFeeds(text);
    }

    private static string Carried(CModel model) => !model.HasState
        ? ""
        : $"| RAM, state (the caller's, kept from call to call) | {CText.Number(model.StateBytes)} |\n";

    private static string Usage(CModel model)
    {
        if (model.Stream is not null)
        {
            return CStreamFile.Usage(model);
        }

        string m = model.Macro, p = model.Prefix;
        string arrays = string.Concat(
            (model.Options.InputInArena ? [] : model.Inputs.Select(input => Array(input, "INPUTS")))
                .Concat(model.Outputs.Select(output => Array(output, "OUTPUTS"))));
        bool isCarried = model.Prediction.Carries;
        string inputs = string.Concat(model.InputPointers.Select(pointer => pointer + ", "));
        string outputs = string.Concat(model.Outputs.Select(output => output.Pointer + ", "));
        bool isStructure = model.Prediction.Carried.IsStructure;
        string given = isStructure ? "&state" : "state";
        string reset = !isCarried ? ""
            : $"    static {model.StateType} state{(isStructure ? "" : $"[{CText.Number(model.Prediction.Carried.Length)}]")};\n\n"
                + $"    {p}_reset({given}); /* once before every sequence */";
        return $"    #include \"{p}.h\"\n\n{arrays}    static {p}_memory memory;\n{reset}"
            + $"\n    {p}_{model.RunName}({inputs}{outputs}&memory{(isCarried ? ", " + given : "")});"
            + (model.IsCut ? $"\n\nWith floats in and out: `{p}_predict` of `{p}_float.h` and `{p}_float.c`." : "");

        string Array(CArgument argument, string word) =>
            $"    static {argument.Element.Type} {argument.Pointer}[{m}_{word}{argument.MacroSuffix}];\n";
    }
}
