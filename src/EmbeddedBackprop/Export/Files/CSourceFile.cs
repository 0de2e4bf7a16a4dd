using System.Text;
using EmbeddedBackprop.Export.Model;
using EmbeddedBackprop.Export.Ops;
using EmbeddedBackprop.Export.Text;

namespace EmbeddedBackprop.Export.Files;

/// <summary>NAME.c: the arithmetic, the routines of the ops, and NAME_predict with one paragraph for each step.</summary>
internal static class CSourceFile
{
    public static string Text(CModel model)
    {
        string p = model.Prefix;
        StringBuilder text = new();
        text.Append($"/* {p}: the steps of the network in the order of the engine's plan. {CMark.Words}. */\n")
            .Append($"#include \"{p}.h\"\n\n")
            .Append(CRuntimeFile.Include(model))
            .Append(CMath.Source(model.Arithmetic, p, model.OwnFunctions))
            .Append(model.MayEmulateFma ? $"\nconst uint8_t {p}_emulates_fma = EBP_EMULATED_FMA;\n" : "")
            .Append(model.Program.Routines)
            .Append(Preparation(model))
            .Append(CTraceHeader.Functions(model))
            .Append(Reset(model));
        if (model.Training is not null)
        {
            AppendTraining(text, model);
            return CRuntimeFile.Shared(model, CText.CFile(text));
        }

        text.Append($"\nvoid {p}_predict({model.PredictParameters})\n{{\n");
        if (!model.Prediction.UsesArena)
        {
            text.Append("    (void)arena;\n\n");
        }

        text.Append(model.Prediction.Body).Append("}\n").Append(CStreamFile.Function(model));
        return CRuntimeFile.Shared(model, CText.CFile(text));
    }

    private static void AppendTraining(StringBuilder text, CModel model)
    {
        CTrainingFile.AppendFunction(
            text, model, $"\nvoid {model.Prefix}_predict({model.PredictParameters})", model.Prediction.Body, "", "", ["model"],
            learns: false);
        text.Append(CTrainingReset.Text(model)).Append(CTrainingFile.Text(model));
    }

    private static string Reset(CModel model) => model.StateLength == 0 ? "" : $$"""

        void {{model.Prefix}}_reset(float *state)
        {
            (void)memset(state, 0, {{CText.Size(model.StateLength)}} * sizeof *state);
        }

        """;

    /// <summary>NAME_prepare; empty where inputs are taken as they are.</summary>
    public static string Preparation(CModel model) => model.Tables.Preparation is not [CTable mean, CTable scale] ? "" : $$"""

        void {{model.Prefix}}_prepare(const float *measured, float *input)
        {
        {{PreparationLoop(mean, scale, model.PreparedLength)}}}

        """;

    /// <summary>One loop over the inputs where each has a mean of its own, or all share one; else a loop over the features in every step.</summary>
    private static string PreparationLoop(CTable mean, CTable scale, int inputs)
    {
        int features = mean.Values.Length;
        string i = features == 1 ? "0" : "i";
        return features == 1 || features == inputs ? $$"""
                size_t i;
                for (i = 0u; i < {{CText.Size(inputs)}}; i++) {
                    input[i] = (measured[i] - {{mean.Name}}[{{i}}]) * {{scale.Name}}[{{i}}];
                }

            """ : $$"""
                size_t step;
                size_t i;
                for (step = 0u; step < {{CText.Size(inputs)}}; step += {{CText.Size(features)}}) {
                    for (i = 0u; i < {{CText.Size(features)}}; i++) {
                        input[step + i] = (measured[step + i] - {{mean.Name}}[i]) * {{scale.Name}}[i];
                    }
                }

            """;
    }
}
