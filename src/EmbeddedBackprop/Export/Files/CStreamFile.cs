using EmbeddedBackprop.Export.Model;
using EmbeddedBackprop.Export.Text;

namespace EmbeddedBackprop.Export.Files;

/// <summary>NAME_push: samples as they come, in pieces of any size.</summary>
internal static class CStreamFile
{
    /// <summary>The macros of the header; empty for a network that is no stream.</summary>
    public static string Macros(CModel model) => model.Stream is not { } stream ? "" : $$"""
        /* A stream: {{model.Prefix}}_push takes samples, and decides every {{model.Macro}}_HOP steps of time. The first decision needs {{model.Macro}}_FIRST steps. */
        #define {{model.Macro}}_HOP {{CText.Number(stream.Hop)}}
        #define {{model.Macro}}_FIRST {{CText.Number((int)stream.Window)}}

        /* Floats of a step of time. */
        #define {{model.Macro}}_STEP_FLOATS {{CText.Number(stream.Step)}}


        """;

    /// <summary>The declaration of NAME_push.</summary>
    public static string Declaration(CModel model) => model.Stream is null ? "" : $$"""

        /*
         * Takes *count steps of time, {{model.Macro}}_STEP_FLOATS floats each, from *samples on, until one makes a decision due. Returns 1 if there is one,
         * in the output; *samples and *count are then what is left. Returns 0 if all were taken and there is none.
         */
        uint32_t {{model.Prefix}}_push({{Parameters(model)}});
        """;

    /// <summary>NAME_push.</summary>
    public static string Function(CModel model)
    {
        if (model.Stream is not { } stream)
        {
            return "";
        }

        int own = model.Prediction.StateLength, inputs = model.Inputs[0].Length, outer = stream.Step / stream.Between;
        string copy = outer == 1 ? $$"""
                        (void)memcpy(hop + ((size_t)filled * {{CText.Size(stream.Between)}}), *samples, {{CText.Size(stream.Step)}} * sizeof *hop);

            """ : $$"""
                        for (i = 0u; i < {{CText.Size(outer)}}; i++) {
                            (void)memcpy(hop + (((i * {{CText.Size(stream.Hop)}}) + (size_t)filled) * {{CText.Size(stream.Between)}}), *samples + (i * {{CText.Size(stream.Between)}}), {{CText.Size(stream.Between)}} * sizeof *hop);
                        }

            """;
        return $$"""

            uint32_t {{model.Prefix}}_push({{Parameters(model)}})
            {
                /* After what the layers keep: the samples of the hop, its steps that came, and the hops, counted to the first decision. */
                float *const hop = state + {{CText.Size(own)}};
                float *const steps = state + {{CText.Size(own + inputs)}};
                float *const hops = state + {{CText.Size(own + inputs + 1)}};
            {{(outer == 1 ? "" : "    size_t i;\n")}}    while (*count > 0u) {
                    /* The first hop begins {{stream.Lead}} steps before the samples do. */
                    const uint32_t filled = (uint32_t)*steps + ((*hops == 0.0f) ? {{CText.Size(stream.Lead)}} : 0u);
            {{copy}}        *samples = *samples + {{CText.Size(stream.Step)}};
                    *count = *count - 1u;
                    *steps = *steps + 1.0f;
                    if ((filled + 1u) == {{CText.Size(stream.Hop)}}) {
                        *steps = 0.0f;
                        *hops = (*hops < {{CText.Number((int)stream.FirstDecision)}}.0f) ? (*hops + 1.0f) : *hops;
                        {{model.Prefix}}_predict(hop, {{model.OutputArguments}});
                        if (*hops >= {{CText.Number((int)stream.FirstDecision)}}.0f) {
                            return 1u;
                        }
                    }
                }
                return 0u;
            }

            """;
    }

    private static string Parameters(CModel model) =>
        $"const float **samples, size_t *count, {model.OutputParameters}" + (model.Prediction.StateLength > 0 ? "" : ", float *state");
}
