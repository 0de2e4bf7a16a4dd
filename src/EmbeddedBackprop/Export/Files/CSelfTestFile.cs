using System.Globalization;
using System.Text;
using EmbeddedBackprop.Export.Model;
using EmbeddedBackprop.Export.Ops;
using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Export.Files;

/// <summary>NAME_selftest.c: the engine's results, to be compared on the device.</summary>
internal static class CSelfTestFile
{
    public static string Text(CModel model)
    {
        StringBuilder text = new();
        AppendGolden(text, model, new CGolden(model));
        AppendSelfTest(text, model, model.Training is null ? null : new CTrainingGolden(model));
        AppendMain(text, model);
        return CText.CFile(text);
    }

    /// <summary>The golden inputs and the bits of the results, and how they are compared.</summary>
    private static void AppendGolden(StringBuilder text, CModel model, CGolden golden)
    {
        string m = model.Macro, p = model.Prefix;
        text.Append(CultureInfo.InvariantCulture, $$"""
            /*
             * {{p}}: golden inputs and the bits of their results. {{CMark.Words}}.
             * Define {{m}}_SELFTEST_MAIN for a main that returns what {{p}}_selftest returns: 0 if everything is right.
             */
            #include "{{p}}.h"


            """);
        text.Append(CMath.Source(model.Arithmetic, p + "_selftest", CFunctions.MultiplyAdd));
        text.Append(CultureInfo.InvariantCulture, $"\n#define {m}_SAMPLES {golden.Samples}u\n");
        for (int i = 0; i < model.Inputs.Length; i++)
        {
            AppendTable(text, "inputs", $"static {m}_TABLE const float {p}_golden_inputs{model.Inputs[i].Suffix}", golden.Inputs[i], CText.Hex);
        }

        for (int i = 0; i < model.Outputs.Length; i++)
        {
            AppendTable(text, "outputs", $"static {m}_TABLE const uint32_t {p}_golden_outputs{model.Outputs[i].Suffix}", golden.Outputs[i], Bits);
        }

        text.Append($$"""

            static uint32_t {{p}}_word(float x)
            {
                uint32_t word;
                (void)memcpy(&word, &x, sizeof word);
                return word;
            }

            /* Any NaN equals any NaN: its sign and payload differ between processors. */
            static uint32_t {{p}}_differs(float x, uint32_t expected)
            {
                const uint32_t word = {{p}}_word(x);
                return ((word == expected) || (((word & 0x7FFFFFFFu) > 0x7F800000u) && ((expected & 0x7FFFFFFFu) > 0x7F800000u))) ? 0u : 1u;
            }


            """).Append(Sums(model));
    }

    private static void AppendTable(StringBuilder text, string columns, string declaration, float[] values, Func<float, string> constant)
    {
        text.Append($"\n/* [samples][{columns}] */\n{declaration}[{CText.Number(values.Length)}] = {{\n");
        CText.AppendList(text, values.Select(constant), 8);
        text.Append("};\n");
    }

    /// <summary>NAME_check_tables, and NAME_selftest: how the processor rounds, the tables, the predictions, a short training.</summary>
    private static void AppendSelfTest(StringBuilder text, CModel model, CTrainingGolden? trained)
    {
        string m = model.Macro,
            p = model.Prefix;
        bool fused = model.Arithmetic == Arithmetic.Fused;
        AppendCheckTables(text, model);
        text.Append(
            CultureInfo.InvariantCulture,
            $$"""
            {{(trained is null ? "" : CTrainingSelfTest.Routines(model, trained))}}uint32_t {{p}}_selftest({{(
                trained is null ? model.OutputParameters : "float *memory"
            )}})
            {
            {{(trained is null ? "" : Locals(model))}}    /* a*b + c is {{(
                fused ? "16777218 with one rounding; with two it would be 16777220" : "16777220 with two roundings; with one it would be 16777218"
            )}}. Volatile: computed here, not by the compiler. */
                volatile const float a = 0x1.000002p+0f;
                volatile const float b = 0x1.fffffcp-1f;
                volatile const float c = 0x1.000002p+24f;
                /* Half of the smallest normal number is a number, too, unless the processor flushes denormals to zero. */
                volatile const float smallest = 0x1p-126f;
                uint32_t wrong = {{p}}_tables();
                size_t sample;
                size_t j;
                if ({{p}}_differs(EBP_M(a, b, c), {{(fused ? "0x4B800001u" : "0x4B800002u")}}) != 0u) {
                    wrong |= {{m}}_SELFTEST_ROUNDING;
                }
                if ({{p}}_differs(smallest * 0.5f, 0x00400000u) != 0u) {
                    wrong |= {{m}}_SELFTEST_DENORMALS;
                }
            {{(trained is null ? "" : $"    {p}_start(&model, memory);\n")}}{{(
                model.Prediction.Carries ? $"    {p}_reset(state);\n" : ""
            )}}    for (sample = 0u; sample < {{m}}_SAMPLES; sample++) {
            {{Check(model)}}    }
            {{(trained is null ? "" : CTrainingSelfTest.Body(model, trained))}}    return wrong;
            }


            """);
    }

    private static void AppendCheckTables(StringBuilder text, CModel model)
    {
        text.Append($"/* Whether a table was changed. */\nstatic uint32_t {model.Prefix}_tables(void)\n{{\n")
            .Append(model.Tables.Blob is { } blob ? CBlobFile.Check(model, blob) : CheckOfEach(model))
            .Append($"}}\n\nuint32_t {model.Prefix}_check_tables(void)\n{{\n    return {model.Prefix}_tables();\n}}\n\n");
    }

    private static string CheckOfEach(CModel model)
    {
        if (!model.Tables.All.Any())
        {
            return "    return 0u;\n";
        }

        string text = $"    uint32_t sum = {CText.Number(CChecksum.SumStart)}u;\n";
        uint sum = CChecksum.SumStart;
        foreach (CTable table in model.Tables.All)
        {
            text += $"    sum = {model.Prefix}_sum{table.SumSuffix}(sum, {table.Name}, {CText.Size(table.Length)});\n";
            sum = table.Continue(sum);
        }

        return text + $"    return (sum == 0x{sum:X8}u) ? 0u : {model.Macro}_SELFTEST_TABLES;\n";
    }

    private static void AppendMain(StringBuilder text, CModel model)
    {
        string memory = model.Training is null ? Arrays(model) : $"    static float memory[{model.Macro}_SELFTEST_FLOATS];\n";
        text.Append($$"""
            #ifdef {{model.Macro}}_SELFTEST_MAIN
            int main(void)
            {
            {{memory}}    return (int){{model.Prefix}}_selftest({{(model.Training is null ? model.OutputArguments : "memory")}});
            }
            #endif

            """);
    }

    private static string Sums(CModel model) =>
        model.Tables.Blob is not null
            ? ""
            : string.Concat(model.Tables.All.DistinctBy(table => table.SumSuffix).Select(table => SumText(model.Prefix, table)));

    private static string SumText(string p, CTable table) => $$"""
        /* FNV-1a over 32-bit words, one for each element: every changed bit changes the sum. */
        static uint32_t {{p}}_sum{{table.SumSuffix}}(uint32_t sum, const {{table.Type}} *table, size_t n)
        {
            size_t i;
            for (i = 0u; i < n; i++) {
                sum = (uint32_t)((sum ^ {{table.Integers?.Word("table[i]") ?? Word(p, table.Storage)}}) * (uint32_t)16777619u);
            }
            return sum;
        }


        """;

    private static string Word(string p, CStorage storage) => storage switch
    {
        CStorage.Float16 => "(uint32_t)table[i]",
        CStorage.Int8 => "(uint32_t)(uint8_t)table[i]",
        _ => $"{p}_word(table[i])",
    };

    /// <summary>The body of the loop over the samples.</summary>
    private static string Check(CModel model)
    {
        string m = model.Macro,
            p = model.Prefix;
        static string Golden(CModel model, CArgument input) =>
            $"{model.Prefix}_golden_inputs{input.Suffix} + (sample * (size_t){model.Macro}_INPUTS{input.MacroSuffix})";
        bool inArena = model.Options.InputInArena;
        string inputs = inArena ? "" : string.Concat(model.Inputs.Select(input => Golden(model, input) + ", "));
        string copies = !inArena ? "" : string.Concat(model.Inputs.Select(input =>
            $"        (void)memcpy({m}_{input.AddressMacro}(arena), {Golden(model, input)}, {m}_INPUTS{input.MacroSuffix} * sizeof(float));\n"));
        string reset = model.Training is { } training && CTrainingReset.IsNeeded(training) ? $"        {p}_reset(&model);\n" : "";
        return $"{reset}{copies}        {p}_predict({(model.Training is null ? "" : "&model, ")}{inputs}{model.OutputArguments});\n"
            + string.Concat(
                model.Outputs.Select(output =>
                    $$"""
                    for (j = 0u; j < (size_t){{m}}_OUTPUTS{{output.MacroSuffix}}; j++) {
                        if ({{p}}_differs({{output.Pointer}}[j], {{p}}_golden_outputs{{output.Suffix}}[(sample * (size_t){{m}}_OUTPUTS{{output.MacroSuffix}}) + j]) != 0u) {
                            wrong |= {{m}}_SELFTEST_RESULTS;
                        }
                    }

            """));
    }

    /// <summary>The arguments of a network that learns: the model, and the outputs after its memory.</summary>
    private static string Locals(CModel model)
    {
        int at = model.Training!.Length;
        string text = $"    {model.Prefix}_model model;\n";
        foreach (CArgument output in model.Outputs)
        {
            text += $"    float *const {output.Pointer} = memory + {CText.Size(at)};\n";
            at += output.Length;
        }

        return text;
    }

    private static string Arrays(CModel model) =>
        string.Concat(model.Outputs.Select(output => $"    static float {output.Pointer}[{model.Macro}_OUTPUTS{output.MacroSuffix}];\n"))
        + $"    static float arena[{model.Macro}_ARENA_FLOATS];\n"
        + (model.Prediction.Carries ? $"    static float state[{model.Macro}_STATE_FLOATS];\n" : "");

    private static string Bits(float value) =>
        float.IsNaN(value) ? "0x7FC00000u" : "0x" + BitConverter.SingleToUInt32Bits(value).ToString("X8", CultureInfo.InvariantCulture) + "u";
}
