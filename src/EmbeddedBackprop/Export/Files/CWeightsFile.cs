using System.Text;
using EmbeddedBackprop.Export.Model;
using EmbeddedBackprop.Export.Ops;
using EmbeddedBackprop.Export.Text;

namespace EmbeddedBackprop.Export.Files;

/// <summary>
/// NAME_weights.c: the tables, nothing else, so that tools that read code need not read numbers; or what puts their binary into a program.
/// </summary>
internal static class CWeightsFile
{
    public static string Text(CModel model)
    {
        if (model.Tables.Blob is { } blob)
        {
            return CBlobFile.Text(model, blob);
        }

        StringBuilder text = new();
        text.Append(
                model.HoldsIntegers
                    ? $"/* {model.Prefix}: weights, biases, multipliers and shifts. {CMark.Words}. */\n"
                    : $"/* {model.Prefix}: weights ([inputs][outputs] of dense layers) and biases, exact as hexadecimal floats. {CMark.Words}. */\n"
            )
            .Append($"#include \"{model.Prefix}.h\"\n");
        foreach (CTable table in model.Tables.All)
        {
            text.Append('\n');
            table.AppendDefinition(text, model.Macro + "_TABLE");
        }

        return CText.LineFeeds(text);
    }
}
