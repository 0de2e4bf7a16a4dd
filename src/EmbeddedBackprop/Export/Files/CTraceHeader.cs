using System.Globalization;
using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Export.Model;
using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Ops.Integer;

namespace EmbeddedBackprop.Export.Files;

/// <summary>
/// What a product needs to know about its files: the network and the engine they are of, the names of classes and steps, the causes of a failed
/// self-test, and how inputs are prepared. Macros and declarations for NAME.h, and the functions for NAME.c.
/// </summary>
internal static class CTraceHeader
{
    /// <summary>The macros of the network's identity, its classes and its steps.</summary>
    public static string Macros(CModel model)
    {
        string m = model.Macro, p = model.Prefix;
        return $$"""
            /*
             * Which network this is: SHA-256 of its weights, as `ebp train` prints it (before a storage rounded them); the engine and the format of these files.
             * {{p}}_model_hash() and the like are those of {{p}}.c{{(
                model.Tables.Blob is null ? "" : $" and {p}_weights.bin"
            )}}: a header of another export is found by comparing them.
             */
            #define {{m}}_MODEL_HASH "{{model.Hash}}"
            #define {{m}}_ENGINE_VERSION "{{CIdentity.EngineVersion}}"
            #define {{m}}_FORMAT_VERSION {{CText.Number(CIdentity.FormatVersion)}}

            {{Labels(model)}}/* After step n of {{p}}_{{model.RunName}}{{(
                model.Training is null ? "" : " and of a training step"
            )}}: nothing, unless you define it for {{p}}.c (a profiler, a watchdog, a yield). {{m}}_STEP_NAMES[n - 1] is the step's name. */
            #define {{m}}_STEPS {{CText.Number(model.Program.Steps.Count)}}
            #define {{m}}_STEP_NAMES {{CText.QuotedList(model.Program.Steps)}}
            #ifndef {{m}}_STEP
            #define {{m}}_STEP(n) ((void)0)
            #endif

            /* What a self-test found wrong, a bit for each cause; 0: all is right. */
            #define {{m}}_SELFTEST_TABLES 1u    /* a constant table was changed */
            #define {{m}}_SELFTEST_ROUNDING 2u  /* a multiply-add rounds otherwise: a compiler joined or split it */
            #define {{m}}_SELFTEST_DENORMALS 4u /* numbers below 2^-126 are flushed to zero */
            #define {{m}}_SELFTEST_RESULTS 8u   /* a prediction has other bits than the engine's */
            {{(model.Training is null ? "" : $"#define {m}_SELFTEST_TRAINING 16u /* a loss or a trained weight has other bits than the engine's */\n")}}

            """;
    }

    /// <summary>How sequences are fed, for the header's macros of inputs.</summary>
    public static string Sequences(CModel model)
    {
        string m = model.Macro, p = model.Prefix;
        string text = model.WindowSteps == 0 ? "" : $$"""
            /*
             * One time step a call: the state remembers the steps before. {{p}}_reset begins a sequence; after each call the output is the engine's for all steps since.
             * Training saw sequences of {{m}}_WINDOW_STEPS steps: its results are those of call number {{m}}_WINDOW_STEPS after a reset.
             */
            #define {{m}}_WINDOW_STEPS {{CText.Number(model.WindowSteps)}}

            """;
        foreach (CArgument input in model.Inputs.Where(input => model.WindowSteps == 0 && IsSequence(model.Plan.Graph, input.Node)))
        {
            string features = CText.Size(input.Node.Shape[1]);
            text += $"/* {input.Pointer} is a sequence of {CText.Number(input.Node.Shape[0])} steps, the earliest first: "
                + $"feature f of step t is element (t * {features}) + f. */\n";
        }

        foreach (CArgument mask in model.Inputs.Where(input => IsMask(model.Plan.Graph, input.Node)))
        {
            text += $"/* {mask.Name} is a mask: above 0 (1 in training) at a step that counts; "
                + "where it is 0 a recurrent layer keeps its state, and a mean or maximum leaves the step out. */\n";
        }

        if (model.Options.Padding is { } padding)
        {
            string side = padding == Data.SequencePadding.Start ? "before its first step" : "after its last step";
            string prepared = model.Tables.Preparation.Length > 0
                ? $" Fill up after {model.Prefix}_prepare: a zero is then the mean of what was measured."
                : "";
            text += $"/* A sequence with fewer steps is filled up with zeros {side}, as in training.{prepared} */\n";
        }

        return text.Length == 0 ? "" : text + "\n";
    }

    /// <summary>Which outputs are probabilities.</summary>
    public static string Probabilities(CModel model)
    {
        string text = "";
        foreach (CArgument output in model.Outputs)
        {
            bool one = output.Node.Shape.Rank == 1 && output.Node.Op is IActivated { Activation: Softmax };
            if (one || output.Node.Op is SoftmaxOverLastAxis)
            {
                string which = output.Node.Shape.Rank == 1 ? "they" : "those of the last axis";
                text += $"/* {output.Pointer}: probabilities (softmax); {which} sum to 1, but for rounding. */\n";
            }
        }

        return text.Length == 0 ? "" : text + "\n";
    }

    /// <summary>The declarations of the functions that <see cref="Functions"/> defines.</summary>
    public static string Declarations(CModel model)
    {
        string m = model.Macro, p = model.Prefix;
        string text = Identity(model);
        foreach (Measured measured in Prepared(model))
        {
            string inputs = $"{m}_INPUTS{model.Inputs[0].MacroSuffix}", one = measured.One, letter = one[..1];
            text += $$"""

                /* From {{one}}s to what {{p}}_predict takes, with the bits of training: a {{one}} {{letter}} becomes {{letter}} * {{m}}_{{measured.Macro}}{{(
                    model.Tables.Preparation.Length > 0 ? $", then {p}_prepare follows" : ""
                )}}. Reads {{inputs}} {{one}}s, writes as many floats. */
                void {{p}}_prepare_{{one}}s(const {{measured.Type}} *{{one}}s, float *input);

                """;
        }

        if (model.Classes is { } classes)
        {
            text += model.Outputs[0].Length == 1
                ? $$"""

                    /* The class of a prediction: 1 if the output is above {{CText.Decimal(classes.Threshold)}}, else 0 (also for NaN). */
                    uint32_t {{p}}_class(const float *output);

                    """
                : $$"""

                    /* The class of a prediction: the index of the first largest output, by comparison. NaN is never the largest; 0 if all are NaN. */
                    uint32_t {{p}}_class(const float *output);

                    """;
        }

        return text;
    }

    /// <summary>The functions for NAME.c.</summary>
    public static string Functions(CModel model)
    {
        string m = model.Macro, p = model.Prefix;
        string text = IdentityFunctions(model);
        foreach (Measured measured in Prepared(model))
        {
            text += $$"""

                void {{p}}_prepare_{{measured.One}}s(const {{measured.Type}} *{{measured.One}}s, float *input)
                {
                    size_t i;
                    for (i = 0u; i < {{CText.Size(model.Inputs[0].Length)}}; i++) {
                        input[i] = (float){{measured.One}}s[i] * {{m}}_{{measured.Macro}};
                    }
                {{(model.Tables.Preparation.Length > 0 ? $"    {p}_prepare(input, input);\n" : "")}}}

                """;
        }

        return model.Classes is null ? text : text + Class(model);
    }

    /// <summary>The declarations of the functions that tell which network NAME.c is.</summary>
    public static string Identity(CModel model) => $$"""

        /* The identity of {{model.Prefix}}.c{{(
            model.Tables.Blob is null ? "" : $" and {model.Prefix}_weights.bin"
        )}}: the same words and number as the macros of its header. */
        const char *{{model.Prefix}}_model_hash(void);
        const char *{{model.Prefix}}_engine_version(void);
        uint32_t {{model.Prefix}}_format_version(void);

        """;

    /// <summary>Their definitions.</summary>
    public static string IdentityFunctions(CModel model) => $$"""

        const char *{{model.Prefix}}_model_hash(void)
        {
            return {{(model.Tables.Blob is null ? $"\"{model.Hash}\"" : model.Prefix + "_weights.model_hash")}};
        }

        const char *{{model.Prefix}}_engine_version(void)
        {
            return "{{CIdentity.EngineVersion}}";
        }

        uint32_t {{model.Prefix}}_format_version(void)
        {
            return {{CText.Size(CIdentity.FormatVersion)}};
        }

        """;

    private static string Class(CModel model) => model.Outputs[0].Length == 1
        ? $$"""

            uint32_t {{model.Prefix}}_class(const float *output)
            {
                return output[0] > {{CText.Decimal(model.Classes!.Threshold)}} ? 1u : 0u;
            }

            """
        : $$"""

            uint32_t {{model.Prefix}}_class(const float *output)
            {
                size_t best = 0u;
                size_t i;
                for (i = 1u; i < {{CText.Size(model.Outputs[0].Length)}}; i++) {
                    const float x = output[i];
                    uint32_t bits;
                    (void)memcpy(&bits, &x, sizeof bits);
                    /* no NaN, and not at most the best so far: that is smaller or NaN */
                    if (((bits & 0x7FFFFFFFu) <= 0x7F800000u) && !(x <= output[best])) {
                        best = i;
                    }
                }
                return (uint32_t)best;
            }

            """;

    private static string Labels(CModel model) => model.Classes is not { } classes ? "" : string.Create(CultureInfo.InvariantCulture, $$"""
        /* The classes in the order of {{model.Prefix}}_class: static const char *const labels[{{model.Macro}}_CLASSES] = {{model.Macro}}_LABELS; */
        #define {{model.Macro}}_CLASSES {{classes.Labels.Length}}
        #define {{model.Macro}}_LABELS {{CText.QuotedList(classes.Labels)}}


        """);

    /// <summary>The factors of bytes and samples as macros.</summary>
    public static string Scales(CModel model)
    {
        string text = "";
        foreach (Measured measured in AllMeasured(model))
        {
            string macro = $"{model.Macro}_{measured.Macro}";
            text += $$"""
                /* The factor of a {{measured.One}}, rounded to float: {{measured.One[..1]}} * {{macro}}{{(
                    measured.Scale == Data.ByteDataset.Scale ? "; b / 255.0f has other bits" : ""
                )}}. */
                #define {{macro}} {{CText.Decimal(measured.Scale)}}


                """;
        }

        return text;
    }

    /// <summary>Those that NAME_prepare_... takes: a stream takes them in <see cref="CStreamFile"/>.</summary>
    private static IEnumerable<Measured> Prepared(CModel model) => model.Stream is null ? AllMeasured(model) : [];

    /// <summary>The integers that inputs were measured as.</summary>
    private static IEnumerable<Measured> AllMeasured(CModel model)
    {
        if (model.Options.ByteScale is { } ofByte)
        {
            yield return new Measured("byte", "uint8_t", "BYTE_SCALE", ofByte);
        }

        if (model.Options.SampleScale is { } ofSample)
        {
            yield return new Measured("sample", "int16_t", "SAMPLE_SCALE", ofSample);
        }
    }

    /// <summary>Whether something reads an input [steps][features] over time, be it after ops that keep its steps.</summary>
    private static bool IsSequence(Graph graph, Node input)
    {
        HashSet<Node> kept = input.Shape.Rank == 2 ? [input] : [];
        foreach (Node node in graph.Nodes.Where(node => node.Sources.Count > 0 && kept.Contains(node.Sources[0])))
        {
            if (IsOverSteps(node))
            {
                return true;
            }

            if (node.Shape.Rank == 2 && node.Shape[0] == input.Shape[0])
            {
                kept.Add(node);
            }
        }

        return false;
    }

    private static bool IsMask(Graph graph, Node input) =>
        graph.Nodes.Any(node => IsOverSteps(node) && node.Sources.Count > 1 && node.Sources[1] == input);

    private static bool IsOverSteps(Node node) => node.Op is Recurrent or OverTime or IntegerRecurrent or IntegerMeanOverTime;

    /// <summary>Integers that were measured and become floats before a prediction.</summary>
    private readonly record struct Measured(string One, string Type, string Macro, float Scale);
}
