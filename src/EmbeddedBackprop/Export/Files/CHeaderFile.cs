using System.Globalization;
using System.Text;
using EmbeddedBackprop.Export.Model;
using EmbeddedBackprop.Export.Ops;
using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Export.Files;

/// <summary>NAME.h: sizes as macros, the tables and the functions.</summary>
internal static class CHeaderFile
{
    public static string Text(CModel model)
    {
        StringBuilder text = new();
        AppendSizes(text, model);
        AppendDeclarations(text, model);
        return CText.LineFeeds(text);
    }

    /// <summary>The beginning of the file: sizes as macros.</summary>
    private static void AppendSizes(StringBuilder text, CModel model)
    {
        string m = model.Macro, p = model.Prefix;
        int arena = model.ArenaLength;
        string arithmetic = model.Arithmetic == Arithmetic.Fused ? "fused" : "separate";
        text.Append(CultureInfo.InvariantCulture, $$"""
            /*
             * {{p}}: a neural network as C99. {{CMark.Words}}.
             * Arithmetic: {{arithmetic}} multiply-add. The results are bit for bit those of the engine that trained the network.
             * Any dialect from C99 on will do. Compile without -ffast-math, and leave flush-to-zero modes (FTZ, DAZ, FPSCR.FZ) off.
             */
            #ifndef {{m}}_H
            #define {{m}}_H

            #include <stddef.h>
            #include <stdint.h>

            {{CTraceHeader.Macros(model)}}/* One sample: floats in, floats out. */
            {{Ends(m, "INPUT", model.Inputs)}}{{Ends(m, "OUTPUT", model.Outputs)}}
            #define {{m}}_PARAMETERS {{model.Tables.ReadParameters.Sum(table => (long)table.Values.Length)}}
            #define {{m}}_MULTIPLY_ADDS {{model.Plan.MultiplyAdds}}

            /* Flash of the tables; RAM that a prediction needs beside its {{(model.Options.InputInArena ? "output" : "input and output")}}. */
            {{Stored(model)}}#define {{m}}_FLASH_BYTES {{model.Tables.Bytes}}
            {{Memory(model, m, arena)}}

            {{State(m, model.StateLength)}}{{CStreamFile.Macros(model)}}{{CTraceHeader.Sequences(model)}}{{CTraceHeader.Scales(model)}}{{Names("Inputs", model.Options.InputNames, model.Inputs)}}{{Names(
                "Outputs",
                model.Options.OutputNames,
                model.Outputs
            )}}{{CTraceHeader.Probabilities(model)}}#define {{m}}_FUSED {{(model.Arithmetic == Arithmetic.Fused ? 1 : 0)}}

            {{LargestArray(model)}}/* In front of every table{{(
                model.Tables.Blob is null ? "" : " of the self-test"
            )}}: define it to place them, for example as __attribute__((section(".weights"))). */
            #ifndef {{m}}_TABLE
            #define {{m}}_TABLE
            #endif

            #ifdef __cplusplus
            extern "C" {
            #endif


            """);
    }

    /// <summary>The tables and the functions.</summary>
    private static void AppendDeclarations(StringBuilder text, CModel model)
    {
        string m = model.Macro, p = model.Prefix;
        text.Append(model.Tables.Blob is { } blob
            ? CBlobFile.Declarations(model, blob)
            : string.Concat(model.Tables.All.Select(table => $"extern {table.Declaration}; /* {table.Source} */\n")));

        if (model.Tables.Preparation.Length > 0)
        {
            text.Append(CultureInfo.InvariantCulture, $$"""

                /*
                 * From what was measured to what {{p}}_{{(model.Stream is null ? "predict" : "push")}} takes: (x - mean) * scale, as in training. Reads and writes {{(
                    model.Stream is null ? $"{m}_INPUTS{model.Inputs[0].MacroSuffix} floats" : $"the {m}_STEP_FLOATS floats of a step of time"
                )}};
                 * measured and input may be the same array.
                 */
                void {{p}}_prepare(const float *measured, float *input);

                """);
        }

        text.Append(CTraceHeader.Declarations(model));
        text.Append(CultureInfo.InvariantCulture, $$"""

            {{EmulatedFma(model)}}{{(
                model.Training is { } training ? CTrainingHeader.Functions(model, training) : Prediction(model, p, m, model.ArenaLength)
            )}}

            #ifdef __cplusplus
            }
            #endif

            #endif

            """);
    }

    private static string EmulatedFma(CModel model) => !model.MayEmulateFma ? "" : $"""
        /*
         * 1 where {model.Prefix}.c was compiled without an instruction for a*b + c with one rounding: each is computed in double, with the same bits,
         * many times slower. Define EBP_REQUIRE_FMA to have the compiler refuse that.
         */
        extern const uint8_t {model.Prefix}_emulates_fma;


        """;

    private static string Memory(CModel model, string m, int arena) =>
        model.Training is { } training
            ? CTrainingHeader.Memory(model, training)
            : string.Create(
                CultureInfo.InvariantCulture,
                $$"""
        #define {{m}}_RAM_BYTES {{sizeof(float) * (long)arena}}

        /* The arena that a prediction works in{{(arena == 0 ? ": it needs none, but C has no empty arrays" : "")}}. */
        #define {{m}}_ARENA_FLOATS {{Math.Max(arena, 1)}}
        #define {{m}}_ARENA_BYTES {{sizeof(float) * (long)Math.Max(arena, 1)}}{{Addresses(model, m)}}
        """);

    /// <summary>The inputs' addresses in the arena, where they lie there.</summary>
    private static string Addresses(CModel model, string m) => !model.Options.InputInArena ? "" : $$"""


        /* The arena holds the input{{(model.Inputs.Length > 1 ? "s" : "")}}, to be written before every call. A prediction reuses the memory: then the input is lost. */
        {{string.Join('\n', model.Inputs.Select(input => Address(model, m, input)))}}
        """;

    private static string Address(CModel model, string m, CArgument input) =>
        $"#define {m}_{input.AddressMacro}(arena) ((arena) + {CText.Size(model.Plan.ValueSlot(input.Node).Offset)})";

    private static string Prediction(CModel model, string p, string m, int arena) =>
        $$"""
            /*
             * Predicts one sample: reads {{Floats(m, "INPUTS", model.Inputs)}}{{(model.Options.InputInArena ? " of the arena" : "")}}{{(
                model.Tables.Preparation.Length > 0 ? $" that {p}_prepare wrote" : ""
            )}}, writes {{Floats(m, "OUTPUTS", model.Outputs)}}, works in {{m}}_ARENA_FLOATS floats{{(arena == 0 ? " (none: NULL will do)" : "")}}.
             * They may not overlap, and need the alignment of a float, no more. Nothing else is written, so that calls with different output{{(
                model.Prediction.Carries ? ", arena and state" : " and arena"
            )}} may run at the same time, in threads or interrupts.
             */
            void {{p}}_predict({{model.PredictParameters}});
            {{CStreamFile.Declaration(model)}}{{Reset(p, m, model.StateLength)}}
            {{CheckTables(p, m)}}
            /*
             * Checks the rounding, the tables and the golden predictions ({{p}}_selftest.c). Returns {{m}}_SELFTEST_ bits, 0 if all is right. Uses {{(
                model.Prediction.Carries ? "output, arena and state (lost!)" : "output and arena"
            )}} as {{p}}_predict does.
             */
            uint32_t {{p}}_selftest({{model.OutputParameters}});
            """;

    /// <summary>The declaration of NAME_check_tables.</summary>
    public static string CheckTables(string p, string m) => $$"""
        /* Checks the constant tables alone, for every boot: {{m}}_SELFTEST_TABLES if a bit was changed, else 0. It reads each element once and needs no memory. */
        uint32_t {{p}}_check_tables(void);

        """;

    private static string Ends(string m, string word, CArgument[] arguments) => string.Concat(arguments.Select(argument => $$"""
        {{(arguments.Length > 1 ? $"/* {argument.Name} */\n" : "")}}#define {{m}}_{{word}}S{{argument.MacroSuffix}} {{argument.Length}}
        #define {{m}}_{{word}}_RANK{{argument.MacroSuffix}} {{argument.Node.Shape.Rank}}
        #define {{m}}_{{word}}_SHAPE{{argument.MacroSuffix}} {{Sizes(argument.Node.Shape)}}

        """));

    /// <summary>The error of rounding the weights for flash, one line for each storage in use.</summary>
    private static string Stored(CModel model) =>
        string.Concat(
            model
                .Tables.Rounded()
                .Select(stored =>
                    string.Create(
                        CultureInfo.InvariantCulture,
                        $"/* {stored.Bytes} bytes of it are weights as {stored.Name}{(stored.Scales > 0 ? $" ({stored.Scales} of them scales)" : "")}: from the network's own they are {stored.Largest:G4} away at most, {stored.Mean:G4} in the mean. */\n"
                    )));

    /// <summary>A compiler that cannot have the largest array says so, and not something about a constant.</summary>
    private static string LargestArray(CModel model)
    {
        (string what, long bytes) = model.Tables.All.Select(table => (table.Name, table.ArrayBytes))
            .Append((model.Prefix + "_weights.bin", model.Tables.Blob?.Bytes ?? 0L))
            .Append(("the arena", sizeof(float) * (long)model.ArenaLength))
            .Append(("the state", sizeof(float) * (long)model.StateLength))
            .Concat(model.Inputs.Concat(model.Outputs).Select(argument => (argument.Pointer, sizeof(float) * (long)argument.Length)))
            .MaxBy(array => array.Item2);
        return LargestArray(what, bytes);
    }

    /// <summary>The check that a compiler holds an array of a size.</summary>
    public static string LargestArray(string what, long bytes) => bytes <= short.MaxValue ? "" : $$"""
        #if defined(PTRDIFF_MAX) && (PTRDIFF_MAX < {{CText.Number(bytes)}})
        #error "{{what}} has {{CText.Number(bytes)}} bytes: this compiler holds no array of that size"
        #endif


        """;

    private static string Floats(string m, string word, CArgument[] arguments) =>
        string.Join(", ", arguments.Select(argument => $"{m}_{word}{argument.MacroSuffix}{(argument == arguments[0] ? " floats" : "")}"));

    private static string State(string m, int length) => length == 0 ? "" : $$"""
        /* What the layers remember from call to call: an array of the caller's, one for each sequence that is followed. */
        #define {{m}}_STATE_FLOATS {{CText.Number(length)}}
        #define {{m}}_STATE_BYTES {{CText.Number(sizeof(float) * (long)length)}}


        """;

    private static string Reset(string p, string m, int length) => length == 0 ? "" : $$"""

        /* Forgets: sets the {{m}}_STATE_FLOATS floats of the state to where a sequence begins. {{p}}_predict goes on from the state and leaves the new one. */
        void {{p}}_reset(float *state);

        """;

    /// <summary>A comment with a line per name; one name for many elements describes all of them.</summary>
    public static string Names(string caption, IReadOnlyList<string> names, CArgument[] arguments)
    {
        int length = arguments[0].Length;
        if (names.Count == 0 || arguments.Length > 1)
        {
            return "";
        }

        if (names.Count == 1 && length > 1)
        {
            return $"/* {caption}: {CText.Comment(names[0])}. */\n\n";
        }

        StringBuilder text = new();
        text.Append("/*\n * ").Append(caption).Append(":\n");
        for (int i = 0; i < Math.Min(names.Count, length); i++)
        {
            text.Append(CultureInfo.InvariantCulture, $" * [{i}] {CText.Comment(names[i])}\n");
        }

        return text.Append(" */\n\n").ToString();
    }

    public static string Sizes(Shape shape) =>
        "{ " + string.Join(", ", Enumerable.Range(0, shape.Rank).Select(axis => CText.Number(shape[axis]))) + " }";
}
