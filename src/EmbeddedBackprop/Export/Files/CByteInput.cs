using EmbeddedBackprop.Data;
using EmbeddedBackprop.Export.Model;
using EmbeddedBackprop.Export.Ops;
using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Ops.Integer;

namespace EmbeddedBackprop.Export.Files;

/// <summary>NAME_predict_bytes: from bytes to the integers that a network begins with, without a float.</summary>
/// <param name="Parameters">The parameters of the function.</param>
/// <param name="Text">The function.</param>
internal sealed record CByteInput(string Parameters, string Text)
{
    /// <summary>The function; null where the inputs are no bytes, or are prepared one by one.</summary>
    public static CByteInput? Of(CModel model)
    {
        if (model.Options.ByteScale is not { } scale || !model.IsCut || model.Inputs is not [{ } input] || input.Element != CElement.Int8
            || model.Tables.Preparation.Any(table => table.Length != 1))
        {
            return null;
        }

        string p = model.Prefix;
        bool inArena = model.Options.InputInArena;
        int[] integers = Integers(model, scale, model.Tables.TypeOf(input.Node));
        bool isShifted = !integers.Where((q, i) => q != i - 128).Any();
        string parameters = $"{(inArena ? "const " : "")}uint8_t *bytes, {model.OutputParameters}";
        string table = isShifted ? "" : $$"""

            /* What a byte becomes. */
            static const int8_t {{p}}_of_byte[256] = {
            {{Rows(integers)}}};

            """;
        return new CByteInput(parameters, $$"""
            {{table}}
            void {{p}}_predict_bytes({{parameters}})
            {
                int8_t *const integers = {{(inArena ? $"{model.Macro}_{input.AddressMacro}(memory)" : "(int8_t *)bytes")}};
                size_t i;
                for (i = 0u; i < {{CText.Size(input.Length)}}; i++) {
                    integers[i] = {{(isShifted ? "(int8_t)((int32_t)bytes[i] - 128)" : $"{p}_of_byte[bytes[i]]")}};
                }
                {{p}}_{{model.RunName}}({{(inArena ? "" : "integers, ")}}{{model.OutputArguments}});
            }

            """);
    }

    /// <summary>The integer of each byte: by the floats of the data, of the preparation and of the quantize.</summary>
    private static int[] Integers(CModel model, float scale, IntegerType type)
    {
        int[] integers = new int[256];
        for (int i = 0; i < integers.Length; i++)
        {
            float x = i * scale;
            if (model.Tables.Preparation is [{ } mean, { } factor])
            {
                x = (x - mean.Values[0]) * factor.Values[0];
            }

            integers[i] = (int)Quantize.Centred(x, 1f / type.Scale, type) + type.ZeroPoint;
        }

        return integers;
    }

    private static string Rows(int[] integers)
    {
        System.Text.StringBuilder text = new();
        CText.AppendList(text, integers.Select(q => CText.Number(q)), 20);
        return text.ToString();
    }
}
