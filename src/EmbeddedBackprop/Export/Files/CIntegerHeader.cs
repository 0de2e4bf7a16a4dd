using System.Globalization;
using System.Text;
using EmbeddedBackprop.Export.Model;
using EmbeddedBackprop.Export.Ops;
using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Graphs;

namespace EmbeddedBackprop.Export.Files;

/// <summary>NAME.h of a network on integers: sizes, scales and zero points as macros, the arena's union, the tables and the functions.</summary>
internal static class CIntegerHeader
{
    public static string Text(CModel model)
    {
        string m = model.Macro, p = model.Prefix;
        StringBuilder text = new();
        text.Append(CultureInfo.InvariantCulture, $$"""
            /*
             * {{p}}: a quantised neural network as C99, in integers. {{CMark.Words}}.
             * Sums are exact and every rounding is written out: the results are the integers of the engine that quantised the network, whatever the compiler.
             */
            #ifndef {{m}}_H
            #define {{m}}_H

            #include <stddef.h>
            #include <stdint.h>

            {{CTraceHeader.Macros(model)}}/* One sample: {{Kinds(model.Inputs)}} in, {{Kinds(model.Outputs)}} out. An integer q means {{m}}_..._SCALE * (q - {{m}}_..._ZERO_POINT). */
            {{Ends(model, "INPUT", model.Inputs)}}{{Ends(model, "OUTPUT", model.Outputs)}}
            #define {{m}}_PARAMETERS {{model.Plan.ParameterCount}}
            #define {{m}}_MULTIPLY_ADDS {{model.Plan.MultiplyAdds}}

            /* Flash of the tables; RAM that a call needs beside its {{(model.Options.InputInArena ? "output" : "input and output")}}. */
            #define {{m}}_FLASH_BYTES {{model.Tables.Bytes}}
            #define {{m}}_RAM_BYTES {{sizeof(int) * (long)model.ArenaLength}}
            #define {{m}}_ARENA_BYTES {{ArenaBytes(model)}}

            /* The arena that a call works in{{(model.ArenaLength == 0 ? ": it needs none, but C has no empty arrays" : "")}}. */
            typedef union {
                int8_t i8[{{m}}_ARENA_BYTES];
                int16_t i16[{{m}}_ARENA_BYTES / 2];
                int32_t i32[{{m}}_ARENA_BYTES / 4];
            {{Selectors(model)}}{{(HasFloats(model) ? $"    float f32[{m}_ARENA_BYTES / 4];\n" : "")}}} {{p}}_memory;
            {{Addresses(model)}}{{State(model)}}
            {{CStreamFile.Macros(model)}}{{(model.Stream is null ? "" : CTraceHeader.Scales(model))}}{{CTraceHeader.Sequences(model)}}{{CHeaderFile.Names("Inputs", model.Options.InputNames, model.Inputs)}}{{CHeaderFile.Names("Outputs", model.Options.OutputNames, model.Outputs)}}{{LargestArray(model)}}/* In front of every table: define it to place them, for example as __attribute__((section(".weights"))). */
            #ifndef {{m}}_TABLE
            #define {{m}}_TABLE
            #endif

            #ifdef __cplusplus
            extern "C" {
            #endif


            """);
        text.Append(string.Concat(model.Tables.All.Select(table => $"extern {table.Declaration}; /* {table.Source} */\n")));
        text.Append($$"""
            {{CTraceHeader.Identity(model)}}
            /*
             * Runs one sample: reads {{Lengths(m, "INPUTS", model.Inputs)}}{{(model.Options.InputInArena ? " of the memory" : "")}}, writes {{Lengths(m, "OUTPUTS", model.Outputs)}}, works in memory.
             * They may not overlap. Nothing else is written, so that calls with different output{{(model.Prediction.Carries ? ", memory and state" : " and memory")}} may run at the same time.
             */
            void {{p}}_{{model.RunName}}({{model.PredictParameters}});
            {{CStreamFile.Declaration(model)}}{{Reset(model)}}{{Bytes(model)}}{{Raw(model)}}{{Class(model)}}
            {{CHeaderFile.CheckTables(p, m)}}
            /* Checks the tables and the golden results ({{p}}_selftest.c). Returns {{m}}_SELFTEST_ bits, 0 if all is right. Uses output{{(model.Prediction.Carries ? ", memory and state (lost!)" : " and memory")}} as {{p}}_{{model.RunName}} does. */
            uint32_t {{p}}_selftest({{model.OutputParameters}});

            #ifdef __cplusplus
            }
            #endif

            #endif

            """);
        return CText.LineFeeds(text);
    }

    /// <summary>Bytes of the union: C has no empty arrays.</summary>
    public static long ArenaBytes(CModel model) => sizeof(int) * (long)Math.Max(model.ArenaLength, 1);

    /// <summary>Whether a step computes with floats.</summary>
    public static bool HasFloats(CModel model) =>
        model.Plan.Steps.ToArray().Any(step => step.InputNodes.Append(step.Node).Any(node => CElement.Of(node) == CElement.Float));

    /// <summary>The members of the union for masks and indices that lie in the arena.</summary>
    private static string Selectors(CModel model) => !model.Options.InputInArena ? "" : string.Concat(
        model.Inputs.Select(input => input.Element).Where(element => element == CElement.UInt8 || element == CElement.UInt16).Distinct()
            .Select(element => $"    {element.Type} {element.Member}[{model.Macro}_ARENA_BYTES{(element.Bytes == 1 ? "" : " / 2")}];\n"));

    private static string State(CModel model) => !model.HasState ? ""
        : model.Stream is not null ? CStreamFile.Structure(model)
        : $$"""

        /* What the layers remember from call to call: an array of the caller's, one for each sequence that is followed. */
        #define {{model.Macro}}_STATE_{{(model.Prediction.Carried.Element == CElement.Float ? "FLOATS" : "INTEGERS")}} {{CText.Number(model.Prediction.Carried.Length)}}
        #define {{model.Macro}}_STATE_BYTES {{CText.Number(model.StateBytes)}}

        """;

    private static string Reset(CModel model) => !model.HasState ? "" : $$"""

        /* Forgets: sets the state to where a sequence begins. {{model.Prefix}}_{{model.RunName}} goes on from the state and leaves the new one. */
        void {{model.Prefix}}_reset({{model.StateType}} *state);

        """;

    private static string Kinds(CArgument[] arguments) =>
        string.Join(
            " and ",
            arguments.Select(argument => argument.Element)
                .Select(element => element == CElement.Float ? "floats" : $"integers of {8 * element.Bytes} bits").Distinct());

    private static string Ends(CModel model, string word, CArgument[] arguments) => string.Concat(arguments.Select(argument => $$"""
        {{(arguments.Length > 1 ? $"/* {argument.Name} */\n" : "")}}#define {{model.Macro}}_{{word}}S{{argument.MacroSuffix}} {{argument.Length}}
        #define {{model.Macro}}_{{word}}_RANK{{argument.MacroSuffix}} {{argument.Node.Shape.Rank}}
        #define {{model.Macro}}_{{word}}_SHAPE{{argument.MacroSuffix}} {{CHeaderFile.Sizes(argument.Node.Shape)}}
        {{Meaning(model, word, argument)}}
        """));

    private static string Meaning(CModel model, string word, CArgument argument)
    {
        if (argument.Node.Integers is null)
        {
            return "";
        }

        IntegerType type = model.Tables.TypeOf(argument.Node);
        return $"#define {model.Macro}_{word}_SCALE{argument.MacroSuffix} {CText.Decimal(type.Scale)}\n"
            + $"#define {model.Macro}_{word}_ZERO_POINT{argument.MacroSuffix} {Parenthesised(type.ZeroPoint)}\n";
    }

    private static string Parenthesised(int number) => number < 0 ? $"({CText.Number(number)})" : CText.Number(number);

    private static string Addresses(CModel model) => !model.Options.InputInArena ? "" : $$"""

        /* The memory holds the input{{(model.Inputs.Length > 1 ? "s" : "")}}, to be written before every call, which reuses it: then the input is lost. */
        {{string.Join('\n', model.Inputs.Select(input => Address(model, input)))}}

        """;

    private static string Address(CModel model, CArgument input) => $"#define {model.Macro}_{input.AddressMacro}(memory) "
        + $"((memory)->{input.Element.Member} + {CText.Size(model.Plan.ValueSlot(input.Node).Offset * (sizeof(int) / input.Element.Bytes))})";

    private static string LargestArray(CModel model)
    {
        (string what, long bytes) = model.Tables.All.Select(table => (table.Name, table.ArrayBytes))
            .Append(("the arena", ArenaBytes(model)))
            .Concat(model.Inputs.Concat(model.Outputs).Select(argument => (argument.Pointer, argument.Bytes)))
            .MaxBy(array => array.Item2);
        return CHeaderFile.LargestArray(what, bytes);
    }

    private static string Lengths(string m, string word, CArgument[] arguments) =>
        string.Join(", ", arguments.Select(argument => $"{m}_{word}{argument.MacroSuffix}{(argument == arguments[0] ? " elements" : "")}"));

    private static string Bytes(CModel model) => CByteInput.Of(model) is not { } bytes ? "" : $$"""

        /* The same from {{model.Macro}}_INPUTS{{model.Inputs[0].MacroSuffix}} bytes, as those of a picture{{(model.Options.InputInArena ? "" : ", which become the integers of the input in their place")}}. */
        void {{model.Prefix}}_predict_bytes({{bytes.Parameters}});

        """;

    /// <summary>Of inputs that training standardised.</summary>
    private static string Raw(CModel model)
    {
        if (!model.IsCut || model.Tables.Preparation.Length == 0)
        {
            return "";
        }

        string p = model.Prefix, ends = model.Stream is null ? $"{model.Macro}_INPUTS{model.Inputs[0].MacroSuffix}" : $"{model.Macro}_STEP_INTEGERS";
        return CRawInput.Of(model) is not { } raw
            ? $"\n/* There is no {p}_prepare_int16: a mean or a deviation of training leaves 32 bits. {p}_prepare of {p}_float.h takes floats. */\n"
            : $$"""

            /*
             * What a sensor gave, {{ends}} integers, becomes the integers of the input: (x - mean) * scale as in training, then rounded. No float is in it; before it is
             * rounded, a result is at most {{raw.Error.ToString("G2", CultureInfo.InvariantCulture)}} steps of the input from the exact one.
             */
            {{CRawInput.Head(model)}};

            """;
    }

    private static string Class(CModel model)
    {
        if (model.Classes is null)
        {
            return "";
        }

        string type = model.Outputs[0].Element.Type;
        return model.Outputs[0].Length == 1
            ? $"\n/* The class of a result: 1 if the output is above its zero point, else 0. */\nuint32_t {model.Prefix}_class(const {type} *output);\n"
            : $"\n/* The class of a result: the index of the first largest output. */\nuint32_t {model.Prefix}_class(const {type} *output);\n";
    }
}
