using EmbeddedBackprop.Export.Model;
using EmbeddedBackprop.Export.Ops;
using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Graphs;

namespace EmbeddedBackprop.Export.Files;

/// <summary>
/// NAME_prepare_int16: from what a sensor gives, in 16 bits, to the integers that a network begins with, where training standardised its inputs. No
/// float is in it, and no number is longer than 32 bits.
/// </summary>
/// <param name="Text">The function, with its tables.</param>
/// <param name="Error">How far, in steps of the input, a result is from the exact one before it is rounded.</param>
internal sealed record CRawInput(string Text, double Error)
{
    /// <summary>The function; null where there is nothing to prepare, or where a mean or a factor leaves 32 bits.</summary>
    public static CRawInput? Of(CModel model)
    {
        if (!model.IsCut || model.Tables.Preparation is not [CTable means, CTable scales])
        {
            return null;
        }

        CArgument input = model.Inputs[0];
        IntegerType type = model.Tables.TypeOf(input.Node);
        CRawFactor?[] factors = [.. means.Values.Zip(scales.Values, (mean, scale) => CRawFactor.Of(mean, scale, type))];
        if (Array.Exists(factors, factor => factor is null))
        {
            return null;
        }

        CRawFactor[] found = [.. factors.OfType<CRawFactor>()];
        string p = model.Prefix, i = found.Length == 1 ? "0" : found.Length == model.PreparedLength ? "i" : "feature";
        bool repeats = i == "feature";
        return new CRawInput(
            $$"""

            /* Factor and constant of every {{(found.Length == 1 ? "input" : repeats ? "feature" : "input")}}, and the shift after them. */
            static const int32_t {{p}}_raw_factor[{{CText.Number(found.Length)}}] = {
            {{Rows(found.Select(factor => factor.Factor))}}};
            static const int32_t {{p}}_raw_constant[{{CText.Number(found.Length)}}] = {
            {{Rows(found.Select(factor => factor.Constant))}}};
            static const uint8_t {{p}}_raw_shift[{{CText.Number(found.Length)}}] = {
            {{Rows(found.Select(factor => factor.Shift))}}};

            {{Head(model)}}
            {
                size_t i;
            {{(repeats ? "    size_t feature = 0u;\n" : "")}}    for (i = 0u; i < {{CText.Size(model.PreparedLength)}}; i++) {
                    const int32_t q = (((int32_t)measured[i] * {{p}}_raw_factor[{{i}}]) + {{p}}_raw_constant[{{i}}]) >> {{p}}_raw_shift[{{i}}];
                    const int32_t raised = q < {{CText.Number(type.Lowest)}} ? {{CText.Number(type.Lowest)}} : q;
                    input[i] = ({{input.Element.Type}})(raised > {{CText.Number(type.Highest)}} ? {{CText.Number(type.Highest)}} : raised);
            {{(repeats ? $"        feature = (feature + 1u) == {CText.Size(found.Length)} ? 0u : (feature + 1u);\n" : "")}}    }
            }

            """,
            found.Max(factor => factor.Error));
    }

    /// <summary>The function's declaration, without its end.</summary>
    public static string Head(CModel model) =>
        $"void {model.Prefix}_prepare_int16(const int16_t *measured, {model.Inputs[0].Element.Type} *input)";

    private static string Rows(IEnumerable<int> integers)
    {
        System.Text.StringBuilder text = new();
        CText.AppendList(text, integers.Select(q => CText.Number(q)), 12);
        return text.ToString();
    }
}
