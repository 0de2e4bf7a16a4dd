using System.Globalization;
using EmbeddedBackprop.Export.Model;
using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Export.Update;

namespace EmbeddedBackprop.Export.Files;

/// <summary>The training part of NAME_selftest.c.</summary>
internal static class CTrainingSelfTest
{
    /// <summary>Tables and routines before NAME_selftest.</summary>
    public static string Routines(CModel model, CTrainingGolden golden)
    {
        string m = model.Macro, p = model.Prefix;
        if (golden.LossValues.Length == 0)
        {
            return "";
        }

        string losses = string.Join(", ", golden.LossValues.Select(value => $"0x{BitConverter.SingleToUInt32Bits(value):X8}u"));
        return $$"""
            /* The loss of each call of {{p}}_train_step. */
            static {{m}}_TABLE const uint32_t {{p}}_golden_losses[{{golden.LossValues.Length}}] = { {{losses}} };

            static uint32_t {{p}}_draw_word(uint32_t stream, size_t i)
            {
                uint32_t word = (uint32_t)(stream * 0x9E3779B9u) ^ (uint32_t)i;
                word ^= word >> 16;
                word = (uint32_t)(word * 0x85EBCA6Bu);
                word ^= word >> 13;
                word = (uint32_t)(word * 0xC2B2AE35u);
                return word ^ (word >> 16);
            }

            {{(golden.Draws.Any(draw => !draw.OneHot) ? DrawText(p) : "")}}{{(golden.Draws.Any(draw => draw.OneHot) ? OneHotText(p) : "")}}
            """;
    }

    /// <summary>The statements at the end of NAME_selftest.</summary>
    public static string Body(CModel model, CTrainingGolden golden)
    {
        string m = model.Macro, p = model.Prefix;
        CTraining training = model.Training!;
        if (golden.LossValues.Length == 0)
        {
            return "";
        }

        int at = training.Length + model.Outputs.Sum(output => output.Length);
        List<string> declarations = [], draws = [];
        foreach ((CTrainingGolden.Draw draw, int i) in golden.Draws.Select((draw, i) => (draw, i)))
        {
            int length = training.Batch * draw.Argument.Length;
            string name = "sample_" + draw.Argument.Pointer;
            declarations.Add($"        float *const {name} = memory + {CText.Size(at)};\n");
            draws.Add(
                draw.OneHot
                    ? $"            {p}_draw_class((uint32_t)(call * 64u) + {CText.Size(i + 1)}, {CText.Size(training.Batch)}, {CText.Size(draw.Argument.Length)}, {name});\n"
                    : $"            {p}_draw((uint32_t)(call * 64u) + {CText.Size(i + 1)}, {CText.Size(length)}, {CText.Size(draw.Rows)}, {name});\n"
            );
            at += length;
        }

        string given = string.Join(", ", golden.Draws.Select(draw => "sample_" + draw.Argument.Pointer));
        return string.Create(CultureInfo.InvariantCulture, $$"""
                {
            {{string.Concat(declarations)}}        size_t call;
                    {{p}}_start(&model, memory);
                    for (call = 0u; call < {{golden.LossValues.Length}}u; call++) {
            {{string.Concat(draws)}}            if ({{p}}_differs({{p}}_train_step(&model, {{given}}), {{p}}_golden_losses[call]) != 0u) {
                            wrong |= {{m}}_SELFTEST_TRAINING;
                        }
                    }
                    if ({{p}}_checksum(&model) != 0x{{golden.Checksum:X8}}u) {
                        wrong |= {{m}}_SELFTEST_TRAINING;
                    }
                }

            """);
    }

    private static string DrawText(string p) => $$"""
        /* Numbers from 0 to 1, or with rows above 0 whole numbers below it. */
        static void {{p}}_draw(uint32_t stream, size_t n, uint32_t rows, float *x)
        {
            size_t i;
            for (i = 0u; i < n; i++) {
                const uint32_t word = {{p}}_draw_word(stream, i);
                const uint32_t whole = rows == 0u ? word >> 8 : word % rows;
                x[i] = rows == 0u ? (float)whole * 0x1p-24f : (float)whole;
            }
        }


        """;

    private static string OneHotText(string p) => $$"""
        /* Rows with a 1 at a drawn place. */
        static void {{p}}_draw_class(uint32_t stream, size_t batch, size_t n, float *x)
        {
            size_t i;
            for (i = 0u; i < batch * n; i++) {
                x[i] = 0.0f;
            }
            for (i = 0u; i < batch; i++) {
                x[(i * n) + ({{p}}_draw_word(stream, i) % (uint32_t)n)] = 1.0f;
            }
        }


        """;
}
