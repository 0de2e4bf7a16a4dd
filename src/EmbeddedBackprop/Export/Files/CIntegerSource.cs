using System.Text;
using EmbeddedBackprop.Export.Model;
using EmbeddedBackprop.Export.Ops.Integer;
using EmbeddedBackprop.Export.Text;

namespace EmbeddedBackprop.Export.Files;

/// <summary>NAME.c of a network on integers: the routines, and the function that runs it with one paragraph for each step.</summary>
internal static class CIntegerSource
{
    public static string Text(CModel model)
    {
        string p = model.Prefix;
        bool hasFloats = CIntegerHeader.HasFloats(model);
        CRawInput? raw = CRawInput.Of(model);
        if (raw is not null)
        {
            CRescale.AskChecks(model.Program);
        }

        StringBuilder text = new();
        text.Append($"/* {p}: the steps of the network in the order of the engine's plan. {CMark.Words}. */\n")
            .Append($"#include \"{p}.h\"\n")
            .Append(hasFloats ? "\n" + CRuntimeFile.Include(model) + CMath.Source(model.Arithmetic, p, model.OwnFunctions) : "")
            .Append(!hasFloats && (model.HasState || UsesStrings(model.Prediction.Body + model.Program.Routines)) ? "#include <string.h>\n" : "")
            .Append(model.Program.Routines)
            .Append(CTraceHeader.IdentityFunctions(model))
            .Append($"\nvoid {p}_{model.RunName}({model.PredictParameters})\n{{\n")
            .Append(model.Prediction.UsesArena ? "" : "    (void)memory;\n\n")
            .Append(model.Prediction.Body)
            .Append("}\n")
            .Append(CStreamFile.Function(model))
            .Append(Reset(model))
            .Append(CByteInput.Of(model)?.Text ?? "")
            .Append(raw?.Text ?? "")
            .Append(Class(model));
        return CRuntimeFile.Shared(model, CText.CFile(text));
    }

    private static bool UsesStrings(string text) => CText.Uses(text, "memcpy") || CText.Uses(text, "memset");

    private static string Reset(CModel model) => !model.HasState ? "" : $$"""

        void {{model.Prefix}}_reset({{model.StateType}} *state)
        {
        {{(model.Prediction.Carried.Zeros.Count > 0 ? "    size_t i;\n" : "")}}    (void)memset(state, 0, {{(model.Stream is null ? CText.Size(model.Prediction.Carried.Length) + " * " : "")}}sizeof *state);
        {{string.Concat(model.Prediction.Carried.Zeros.Select(zero => $$"""
                for (i = 0u; i < {{CText.Size(zero.Length)}}; i++) {
                    state->{{zero.Element.Member}}[{{CText.Size(zero.First)}} + i] = {{CText.Number(zero.Zero)}};
                }

            """))}}}

        """;

    private static string Class(CModel model)
    {
        if (model.Classes is null)
        {
            return "";
        }

        CArgument output = model.Outputs[0];
        string declaration = $"\nuint32_t {model.Prefix}_class(const {output.Element.Type} *output)\n";
        return output.Length == 1
            ? $"{declaration}{{\n    return output[0] > {CText.Number(model.Tables.TypeOf(output.Node).ZeroPoint)} ? 1u : 0u;\n}}\n"
            : declaration + $$"""
                {
                    size_t best = 0u;
                    size_t i;
                    for (i = 1u; i < {{CText.Size(output.Length)}}; i++) {
                        if (output[i] > output[best]) {
                            best = i;
                        }
                    }
                    return (uint32_t)best;
                }

                """;
    }
}
