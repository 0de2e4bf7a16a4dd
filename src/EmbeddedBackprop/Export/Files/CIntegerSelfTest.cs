using System.Globalization;
using System.Text;
using EmbeddedBackprop.Export.Model;
using EmbeddedBackprop.Export.Ops;
using EmbeddedBackprop.Export.Text;

namespace EmbeddedBackprop.Export.Files;

/// <summary>NAME_selftest.c of a network on integers: the engine's integers, to be compared on the device.</summary>
internal static class CIntegerSelfTest
{
    public static string Text(CModel model)
    {
        CGolden golden = new(model);
        string m = model.Macro, p = model.Prefix;
        StringBuilder text = new();
        text.Append($$"""
            /*
             * {{p}}: golden inputs and their results. {{CMark.Words}}.
             * Define {{m}}_SELFTEST_MAIN for a main that returns what {{p}}_selftest returns: 0 if everything is right.
             */
            #include "{{p}}.h"
            #include <string.h>

            #define {{m}}_SAMPLES {{CText.Size(golden.Samples)}}

            """);
        for (int i = 0; i < model.Inputs.Length; i++)
        {
            AppendTable(text, model, "inputs", model.Inputs[i], golden.Inputs[i]);
        }

        for (int i = 0; i < model.Outputs.Length; i++)
        {
            AppendTable(text, model, "outputs", model.Outputs[i], golden.Outputs[i]);
        }

        text.Append(Sums(model)).Append(Tables(model)).Append($$"""

            uint32_t {{p}}_selftest({{model.OutputParameters}})
            {
                uint32_t wrong = {{p}}_tables();
                size_t sample;
            {{(model.Prediction.Carries ? $"    {p}_reset(state);\n" : "")}}    for (sample = 0u; sample < {{m}}_SAMPLES; sample++) {
            {{Check(model)}}    }
                return wrong;
            }

            #ifdef {{m}}_SELFTEST_MAIN
            int main(void)
            {
            {{string.Concat(model.Outputs.Select(output => $"    static {output.Element.Type} {output.Pointer}[{m}_OUTPUTS{output.MacroSuffix}];\n"))}}    static {{p}}_memory arena;
            {{State(model)}}                {{p}}_memory *const memory = &arena;
                return (int){{p}}_selftest({{model.OutputArguments}});
            }
            #endif

            """);
        return CText.LineFeeds(text);
    }

    private static string State(CModel model) => model.Prediction.Carried switch
    {
        { Length: 0 } => "",
        { IsStructure: true } => $"    static {model.StateType} states;\n    {model.StateType} *const state = &states;\n",
        { Length: var length } => $"    static {model.StateType} state[{CText.Size(length)}];\n",
    };

    private static void AppendTable(StringBuilder text, CModel model, string columns, CArgument argument, float[] values)
    {
        text.Append($"\n/* [samples][{columns}] */\nstatic {model.Macro}_TABLE const {argument.Element.Type} {Golden(model, columns, argument)}")
            .Append(CultureInfo.InvariantCulture, $"[{values.Length}] = {{\n");
        bool isFloat = argument.Element == CElement.Float;
        CText.AppendList(text, values.Select(value => isFloat ? CText.Hex(value) : CText.Number((int)value)), isFloat ? 8 : 25);
        text.Append("};\n");
    }

    private static string Golden(CModel model, string columns, CArgument argument) => $"{model.Prefix}_golden_{columns}{argument.Suffix}";

    private static string Sums(CModel model) => string.Concat(
        model.Tables.All.Select(table => (table.SumSuffix, table.Type, table.Integers)).Distinct().Select(kind => $$"""

            /* FNV-1a over 32-bit words, one for each element: every changed bit changes the sum. */
            static uint32_t {{model.Prefix}}_sum{{kind.SumSuffix}}(uint32_t sum, const {{kind.Type}} *table, size_t n)
            {
                size_t i;
                for (i = 0u; i < n; i++) {
            {{(kind.Integers is null ? "        uint32_t word;\n        (void)memcpy(&word, &table[i], sizeof word);\n" : "")}}        sum = (uint32_t)((sum ^ {{kind.Integers?.Word("table[i]") ?? "word"}}) * (uint32_t)16777619u);
                }
                return sum;
            }

            """));

    private static string Tables(CModel model)
    {
        uint sum = CChecksum.SumStart;
        StringBuilder sums = new();
        foreach (CTable table in model.Tables.All)
        {
            sums.Append($"    sum = {model.Prefix}_sum{table.SumSuffix}(sum, {table.Name}, {CText.Size(table.Length)});\n");
            sum = table.Continue(sum);
        }

        string check = sums.Length == 0
            ? "    return 0u;\n"
            : string.Create(
                CultureInfo.InvariantCulture,
                $"    uint32_t sum = {CChecksum.SumStart}u;\n{sums}    return (sum == 0x{sum:X8}u) ? 0u : {model.Macro}_SELFTEST_TABLES;\n");
        return $$"""

            /* Whether a table was changed. */
            static uint32_t {{model.Prefix}}_tables(void)
            {
            {{check}}}

            uint32_t {{model.Prefix}}_check_tables(void)
            {
                return {{model.Prefix}}_tables();
            }

            """;
    }

    /// <summary>The body of the loop over the samples.</summary>
    private static string Check(CModel model)
    {
        string m = model.Macro, p = model.Prefix;
        bool inArena = model.Options.InputInArena;
        string inputs = inArena ? "" : string.Concat(model.Inputs.Select(input => Sample(input) + ", "));
        string copies = !inArena ? "" : string.Concat(model.Inputs.Select(input =>
            $"        (void)memcpy({m}_{input.AddressMacro}(memory), {Sample(input)}, {m}_INPUTS{input.MacroSuffix} * sizeof({input.Element.Type}));\n"));
        return $"{copies}        {p}_{model.RunName}({inputs}{model.OutputArguments});\n"
            + string.Concat(model.Outputs.Select(output => $$"""
                    if (memcmp({{output.Pointer}}, {{Golden(model, "outputs", output)}} + (sample * (size_t){{m}}_OUTPUTS{{output.MacroSuffix}}),
                            (size_t){{m}}_OUTPUTS{{output.MacroSuffix}} * sizeof({{output.Element.Type}})) != 0) {
                        wrong |= {{m}}_SELFTEST_RESULTS;
                    }

            """));

        string Sample(CArgument input) => $"{Golden(model, "inputs", input)} + (sample * (size_t){m}_INPUTS{input.MacroSuffix})";
    }
}
