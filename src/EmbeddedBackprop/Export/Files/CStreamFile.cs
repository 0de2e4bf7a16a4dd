using System.Globalization;
using System.Text;
using EmbeddedBackprop.Export.Model;
using EmbeddedBackprop.Export.Ops;
using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Streaming;

namespace EmbeddedBackprop.Export.Files;

/// <summary>NAME_push: samples as they come, in pieces of any size.</summary>
internal static class CStreamFile
{
    /// <summary>The macros of the header; empty for a network that is no stream.</summary>
    public static string Macros(CModel model) => model.Stream is not { } stream ? "" : $$"""
        /* A stream: {{model.Prefix}}_push takes samples, and decides every {{model.Macro}}_HOP steps of time. The first decision needs {{model.Macro}}_FIRST steps. */
        #define {{model.Macro}}_HOP {{CText.Number(stream.Hop)}}
        #define {{model.Macro}}_FIRST {{CText.Number((int)stream.Window)}}

        {{string.Concat(model.Inputs.Select(input => $$"""
            /* {{(IsFloat(input) ? "Floats" : "Integers")}} of a step of time{{(model.Inputs.Length == 1 ? "" : " of " + input.Name)}}. */
            #define {{StepMacro(model, input)}} {{CText.Number(stream.Of(input).StepLength)}}

            """))}}

        """;

    /// <summary>The state's type, of a stream on integers.</summary>
    public static string Structure(CModel model) => $$"""

        /*
         * What a stream remembers: one for each that is followed. The steps of the hop that came, the hops, counted to the first decision, what the layers
         * keep, and the samples of the hop.
         */
        typedef struct {
            uint32_t steps;
            uint32_t hops;
        {{string.Concat(Members(model).Select(member => $"    {member.Element.Type} {member.Name}[{CText.Number(member.Length)}];\n"))}}} {{model.StateType}};
        #define {{model.Macro}}_STATE_BYTES {{CText.Number((model.StateBytes + 3) / 4 * 4)}}

        """;

    /// <summary>The largest elements first, so that there are no gaps.</summary>
    private static IEnumerable<(CElement Element, string Name, int Length)> Members(CModel model) =>
        model.Prediction.Carried.Arrays.Select(array => (array.Element, array.Element.Member, array.Length))
            .Concat(model.Inputs.Select(input => (input.Element, HopOf(model, input), input.Length)))
            .OrderByDescending(member => member.Element.Bytes);

    /// <summary>The name of the samples of a hop, in the structure and in NAME_push.</summary>
    private static string HopOf(CModel model, CArgument input) => model.Inputs.Length == 1 ? "hop" : "hop_" + input.Pointer;

    /// <summary>The name of the pointer that NAME_push moves along an input's samples.</summary>
    private static string Samples(CModel model, CArgument input) => model.Inputs.Length == 1 ? "samples" : input.Pointer;

    /// <summary>How a program feeds the stream, for NAME.md.</summary>
    public static string Usage(CModel model)
    {
        string m = model.Macro, p = model.Prefix;
        bool isStructure = model.Prediction.Carried.IsStructure;
        string outputs = string.Concat(model.Outputs.Select(
            output => $"    static {output.Element.Type} {output.Pointer}[{m}_OUTPUTS{output.MacroSuffix}];\n"));
        string memory = model.HoldsIntegers ? $"{p}_memory memory" : $"float arena[{m}_ARENA_FLOATS]";
        string state = isStructure ? $"{model.StateType} state" : $"float state[{m}_STATE_FLOATS]", given = isStructure ? "&state" : "state";
        string arguments =
            string.Concat(model.Outputs.Select(output => output.Pointer + ", ")) + (model.HoldsIntegers ? "&memory, " : "arena, ") + given;
        string prepare = model.Tables.Preparation.Length == 0 ? ""
            : model.IsCut ? $"\n    /* {p}_prepare_int16 makes a step of time of what was measured. */"
            : $"\n    /* {p}_prepare makes a step of time of what was measured. */";
        return $$"""
                #include "{{p}}.h"

            {{outputs}}    static {{memory}};
                static {{state}};

                {{p}}_reset({{given}}); /* a signal begins */{{prepare}}
                /* count steps of time at {{string.Join(" and ", model.Inputs.Select(input => Samples(model, input)))}}, as they come */
                while ({{p}}_push({{string.Concat(model.Inputs.Select(input => $"&{Samples(model, input)}, "))}}&count, {{arguments}}) == 1u) {
                    /* a decision */
                }
            """;
    }

    private static bool IsFloat(CArgument input) => input.Element == CElement.Float;

    private static string StepMacro(CModel model, CArgument input) =>
        $"{model.Macro}_STEP_{(IsFloat(input) ? "FLOATS" : "INTEGERS")}{(model.Inputs.Length == 1 ? "" : input.MacroSuffix)}";

    /// <summary>How much of a step is where, for the comment of NAME_push.</summary>
    private static string Sources(CModel model) => string.Join(", ", model.Inputs.Select(
        input => $"{StepMacro(model, input)} {(IsFloat(input) ? "floats" : "integers")} each, from *{Samples(model, input)} on"));

    /// <summary>The declaration of NAME_push.</summary>
    public static string Declaration(CModel model) => model.Stream is null ? "" : $$"""

        /*
         * Takes *count steps of time, {{Sources(model)}}, until one makes a decision due. Returns 1 if there is one,
         * in the output; {{string.Join(", ", model.Inputs.Select(input => "*" + Samples(model, input)))}} and *count are then what is left. Returns 0 if all were taken and there is none.
         */
        uint32_t {{model.Prefix}}_push({{Parameters(model)}});
        {{(TakesSamples(model) ? $"\n/* The same from integers of 16 bits, as a converter gives them: each becomes s * {model.Macro}_SAMPLE_SCALE. */\nuint32_t {model.Prefix}_push_samples({SampleParameters(model)});\n" : "")}}
        """;

    /// <summary>NAME_push, and NAME_push_samples for samples of 16 bits.</summary>
    public static string Function(CModel model)
    {
        if (model.Stream is not { } stream)
        {
            return "";
        }

        bool isStructure = model.Prediction.Carried.IsStructure, isLooped = Array.Exists(model.Inputs, input => Outer(input) > 1);
        string count = isStructure ? "uint32_t" : "float", end = isStructure ? "u" : ".0f";
        int place = model.Prediction.Carried.Length;
        StringBuilder declared = new(), copies = new(), next = new();
        foreach (CArgument input in model.Inputs)
        {
            string name = HopOf(model, input), from = Samples(model, input);
            StreamInput samples = stream.Of(input);
            string between = CText.Size(samples.Between), step = CText.Size(samples.StepLength);
            declared.Append(
                CultureInfo.InvariantCulture, $"    {input.Element.Type} *const {name} = {(isStructure ? "state->" + name : Behind(place))};\n");
            copies.Append(Outer(input) == 1 ? $$"""
                        (void)memcpy({{name}} + ((size_t)filled * {{between}}), *{{from}}, {{step}} * sizeof *{{name}});

                """ : $$"""
                        for (i = 0u; i < {{CText.Size(Outer(input))}}; i++) {
                            (void)memcpy({{name}} + (((i * {{CText.Size(stream.Hop)}}) + (size_t)filled) * {{between}}), *{{from}} + (i * {{between}}), {{between}} * sizeof *{{name}});
                        }

                """);
            next.Append(CultureInfo.InvariantCulture, $"        *{from} = *{from} + {step};\n");
            place += input.Length;
        }

        (string steps, string hops) = isStructure ? ("&state->steps", "&state->hops") : (Behind(place), Behind(place + 1));
        string first = CText.Number((int)stream.FirstDecision) + end;
        string hopArguments = string.Concat(model.Inputs.Select(input => HopOf(model, input) + ", "));
        return $$"""

            uint32_t {{model.Prefix}}_push({{Parameters(model)}})
            {
                /* {{(isStructure ? "The" : "After what the layers keep: the")}} samples of the hop, its steps that came, and the hops, counted to the first decision. */
            {{declared}}    {{count}} *const steps = {{steps}};
                {{count}} *const hops = {{hops}};
            {{(isLooped ? "    size_t i;\n" : "")}}    while (*count > 0u) {
            {{(stream.Lead == 0 ? "" : $"        /* The first hop begins {stream.Lead} steps before the samples do. */\n")}}        const uint32_t filled = {{(isStructure ? "*steps" : "(uint32_t)*steps")}}{{(stream.Lead == 0 ? "" : $" + ((*hops == 0{end}) ? {CText.Size(stream.Lead)} : 0u)")}};
            {{copies}}{{next}}        *count = *count - 1u;
                    *steps = *steps + 1{{end}};
                    if ((filled + 1u) == {{CText.Size(stream.Hop)}}) {
                        *steps = 0{{end}};
                        *hops = (*hops < {{first}}) ? (*hops + 1{{end}}) : *hops;
                        {{model.Prefix}}_{{model.RunName}}({{hopArguments}}{{model.OutputArguments}});
                        if (*hops >= {{first}}) {
                            return 1u;
                        }
                    }
                }
                return 0u;
            }
            {{(TakesSamples(model) ? FromSamples(model, stream) : "")}}
            """;

        string Behind(int floats) => $"state + {CText.Size(floats)}";

        int Outer(CArgument input) => stream.Of(input).StepLength / stream.Of(input).Between;
    }

    /// <summary>Whether the samples of the one input come as integers of 16 bits, and become floats.</summary>
    private static bool TakesSamples(CModel model) => model.Options.SampleScale is not null && model.Inputs.Length == 1 && IsFloat(model.Inputs[0]);

    private static string FromSamples(CModel model, CStream stream) => $$"""

        uint32_t {{model.Prefix}}_push_samples({{SampleParameters(model)}})
        {
            while (*count > 0u) {
                float step[{{CText.Size(stream.Step)}}];
                const float *next;
                size_t one = 1u;
                size_t i;
                for (i = 0u; i < {{CText.Size(stream.Step)}}; i++) {
                    step[i] = (float)(*samples)[i] * {{model.Macro}}_SAMPLE_SCALE;
                }
                next = step;
                *samples = *samples + {{CText.Size(stream.Step)}};
                *count = *count - 1u;
                if ({{model.Prefix}}_push(&next, &one, {{model.OutputArguments}}{{(model.Prediction.Carries ? "" : ", state")}}) != 0u) {
                    return 1u;
                }
            }
            return 0u;
        }

        """;

    private static string SampleParameters(CModel model) => $"const int16_t **samples{Parameters(model)[Parameters(model).IndexOf(',')..]}";

    private static string Parameters(CModel model) =>
        string.Concat(model.Inputs.Select(input => $"const {input.Element.Type} **{Samples(model, input)}, "))
        + $"size_t *count, {model.OutputParameters}"
        + (model.Prediction.Carries ? "" : $", {model.StateType} *state");
}
