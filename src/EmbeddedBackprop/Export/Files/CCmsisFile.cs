using System.Text;
using EmbeddedBackprop.Export.Model;
using EmbeddedBackprop.Export.Ops;
using EmbeddedBackprop.Export.Text;

namespace EmbeddedBackprop.Export.Files;

/// <summary>
/// NAME_cmsis.h and NAME_cmsis.c: the layers of a network on integers as constants and tables in the form of CMSIS-NN and TFLM. A sample is
/// [height][width][channels] there; weights are in their order, biases without the zero point of the input, shifts to the left.
/// </summary>
internal static class CCmsisFile
{
    /// <summary>The files; none where the options do not ask for them.</summary>
    public static IEnumerable<(string Name, string Text)> Files(CModel model)
    {
        if (!model.Options.CmsisTables)
        {
            return [];
        }

        CFileNames names = new(model.Prefix);
        CCmsisLayer[] layers = CCmsisLayer.All(model);
        return [(names.CmsisHeader, Header(model, layers)), (names.CmsisSource, Source(model, layers))];
    }

    private static string Header(CModel model, CCmsisLayer[] layers)
    {
        string m = model.Macro, p = model.Prefix;
        StringBuilder text = new();
        text.Append($$"""
            /*
             * {{p}}: the layers in the form of CMSIS-NN and TFLM. {{CMark.Words}}.
             * Kernels built for single rounding (CMSIS_NN_USE_SINGLE_ROUNDING, TFLITE_SINGLE_ROUNDING) give the integers of {{p}}_{{model.RunName}}:
             *     a = bias[o] + sum of (x + INPUT_OFFSET) weight
             *     y = OUTPUT_OFFSET + ((a multiplier[o] + 2^(30 - shift[o])) >> (31 - shift[o])), from ACTIVATION_MIN to ACTIVATION_MAX
             * A value [channels][height][width] of {{p}}.c is [height][width][channels] here; a signal is an image of one row. Vectors keep their order.
             */
            #ifndef {{m}}_CMSIS_H
            #define {{m}}_CMSIS_H

            #include <stdint.h>

            /* Before every table: define it to place them. */
            #ifndef {{m}}_TABLE
            #define {{m}}_TABLE
            #endif

            #ifdef __cplusplus
            extern "C" {
            #endif

            """);
        foreach (CCmsisLayer layer in layers)
        {
            text.Append($"\n{CText.Block(layer.Comment)}\n");
            foreach ((string name, int value) in layer.Constants)
            {
                string number = value < 0 ? $"({CText.Number(value)})" : CText.Number(value);
                text.Append($"#define {m}_CMSIS_{layer.Name.ToUpperInvariant()}_{name} {number}\n");
            }

            foreach (CTable table in layer.Tables)
            {
                text.Append($"extern {table.Declaration}; /* {table.Source} */\n");
            }
        }

        text.Append("\n#ifdef __cplusplus\n}\n#endif\n\n#endif\n");
        return CText.LineFeeds(text);
    }

    private static string Source(CModel model, CCmsisLayer[] layers)
    {
        StringBuilder text = new();
        text.Append($"/* {model.Prefix}: tables in the form of CMSIS-NN and TFLM. {CMark.Words}. */\n")
            .Append($"#include \"{model.Prefix}_cmsis.h\"\n");
        foreach (CTable table in layers.SelectMany(layer => layer.Tables))
        {
            table.AppendDefinition(text.Append('\n'), model.Macro + "_TABLE");
        }

        return CText.LineFeeds(text);
    }
}
