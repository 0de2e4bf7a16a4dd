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

            {Preparation(model)}| step | op | input | output | written to | table bytes | multiply-adds |
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

    private static string Preparation(CModel model) => model.Preparation.Length == 0
        ? ""
        : $"Call `{model.Prefix}_prepare` on what was measured before `{model.Prefix}_predict`: the network was trained on inputs of mean 0 and variance 1.\n\n";
}
