using System.Globalization;
using System.Text;

namespace EmbeddedBackprop.Tools.Output;

/// <summary>
/// Predictions as CSV (RFC 4180, UTF-8). Of classes: sample, predicted, label where it is known, one score a class. Of values: sample, predicted 1,
/// predicted 2, ..., target 1, target 2, ... where they are known. Of recordings at the end: name, and second of the window. A float has as many
/// digits as it takes to read the same bits again.
/// </summary>
internal static class PredictionTable
{
    /// <summary>The first bytes of every table.</summary>
    public static ReadOnlySpan<byte> Begin => "sample,predicted"u8;

    /// <param name="stream">Receives the table; it stays open.</param>
    /// <param name="predictions">One row each.</param>
    /// <param name="classes">The names of the classes; null for values.</param>
    public static void Write(Stream stream, List<Prediction> predictions, string[]? classes)
    {
        using StreamWriter writer = new(stream, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false), leaveOpen: true) { NewLine = "\n" };
        Prediction first = predictions[0];
        string[] places = first.Window is null ? [] : ["recording", "second"];
        writer.WriteLine(string.Join(',', [.. classes is null ? ValueColumns(first) : ClassColumns(first, classes), .. places]));
        foreach (Prediction prediction in predictions)
        {
            writer.Write(prediction.Sample.ToString(CultureInfo.InvariantCulture));
            if (classes is not null)
            {
                writer.Write("," + Field(Name(classes, prediction.Class)));
                writer.Write(prediction.Label is { } label ? "," + Field(Name(classes, label)) : "");
            }

            foreach (float value in (float[])[.. prediction.Outputs, .. (classes is null ? prediction.Target : null) ?? []])
            {
                writer.Write("," + value.ToString("R", CultureInfo.InvariantCulture));
            }

            if (prediction.Window is { } window)
            {
                writer.Write(string.Create(CultureInfo.InvariantCulture, $",{Field(window.Recording)},{window.Second:R}"));
            }

            writer.WriteLine();
        }
    }

    private static string[] ClassColumns(Prediction first, string[] classes)
    {
        IEnumerable<string> scores = first.Outputs.Select((_, i) => Field("score " + Name(classes, first.Outputs.Length == 1 ? 1 : i)));
        return [.. first.Label is null ? (string[])["sample", "predicted"] : ["sample", "predicted", "label"], .. scores];
    }

    private static string[] ValueColumns(Prediction first) =>
        ["sample", .. Numbered("predicted", first.Outputs.Length), .. Numbered("target", first.Target?.Length ?? 0)];

    private static IEnumerable<string> Numbered(string name, int count) =>
        Enumerable.Range(1, count).Select(number => string.Create(CultureInfo.InvariantCulture, $"{name} {number}"));

    private static string Name(string[] classes, int number) =>
        number < classes.Length ? classes[number] : number.ToString(CultureInfo.InvariantCulture);

    /// <summary>A field in quotes where it holds a character that would end it.</summary>
    private static string Field(string text) =>
        text.AsSpan().IndexOfAny(",\"\r\n") < 0 ? text : $"\"{text.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";
}
