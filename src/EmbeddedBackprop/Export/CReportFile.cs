using System.Globalization;
using System.Text;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Export;

/// <summary>NAME.md: what the network costs, step by step.</summary>
internal static class CReportFile
{
    public static string Text(CModel model)
    {
        Plan plan = model.Plan;
        StringBuilder text = new();
        text.Append(CultureInfo.InvariantCulture, $"""
            # {model.Prefix}

            {(model.Arithmetic == Arithmetic.Fused ? "Fused" : "Separate")} arithmetic, {model.Tables.Sum(table => (long)table.Values.Length)} parameters, {plan.MultiplyAdds} multiply-adds a sample.

            | memory | bytes |
            | --- | ---: |
            | flash, tables | {model.FlashBytes} |
            | RAM, arena | {sizeof(float) * (long)plan.WorkspaceLength} |
            | RAM, input (the caller's, read only) | {sizeof(float) * (long)model.Input.Shape.Length} |
            | RAM, output (the caller's) | {sizeof(float) * (long)model.Output.Shape.Length} |

            {Usage(model)}

            | step | op | input | output | written to | table bytes | multiply-adds |
            | --- | --- | ---: | ---: | --- | ---: | ---: |

            """);
        foreach (CStep step in model.Steps)
        {
            Op op = step.Step.Op;
            string place = step.Step.Output.Exists ? "arena + " + CText.Number(step.Step.Output.Offset) : "output";
            text.Append(
                CultureInfo.InvariantCulture,
                $"| {step.Name} | {CText.Comment($"{op.Kind} {op.Detail}").TrimEnd()} | {step.InputLength} | {step.OutputLength} | {place} | {step.Tables.Sum(table => table.Bytes)} | {op.MultiplyAdds} |\n");
        }

        return CHeaderFile.Clean(text);
    }

    /// <summary>How the functions are called, and how the result is checked.</summary>
    private static string Usage(CModel model)
    {
        string m = model.Macro, p = model.Prefix;
        bool prepared = model.Preparation.Length > 0;
        string prepare = prepared ? $"\n    {p}_prepare(input, input); /* in training every input had mean 0 and variance 1 */" : "";
        return $"""
                #include "{p}.h"

                static float input[{m}_INPUTS], output[{m}_OUTPUTS], arena[{m}_ARENA_FLOATS];
            {prepare}
                {p}_predict(input, output, arena);

            The self-test compares outputs with the engine's, bit by bit; the program returns 0 if all are right, and `{p}_selftest` may be called at any time:

                cc -std=c99 -O2 -ffp-contract=off -D{m}_SELFTEST_MAIN {p}.c {p}_weights.c {p}_selftest.c
            """;
    }
}
