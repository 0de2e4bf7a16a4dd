using System.Globalization;

namespace EmbeddedBackprop.Tools.Recipes;

/// <summary>Rows of inputs without labels, from a file or standard input: numbers with commas, semicolons, tabs or spaces between.</summary>
internal static class ValuesReader
{
    private static readonly char[] Separators = [',', ';', '\t', ' '];

    /// <summary>Reads all rows. A first line without any number names the columns and is passed over, blank lines are, too.</summary>
    /// <param name="reader">The text.</param>
    /// <param name="name">The name in messages.</param>
    /// <param name="inputs">Elements of a row.</param>
    public static List<float[]> Read(TextReader reader, string name, int inputs)
    {
        List<float[]> rows = [];
        int line = 0;
        bool first = true;
        while (reader.ReadLine() is { } text)
        {
            line++;
            if (string.IsNullOrWhiteSpace(text))
            {
                continue;
            }

            string[] fields = Fields(text);
            if (first && !Array.Exists(fields, field => Parse(field, out _)))
            {
                first = false;
                continue;
            }

            first = false;
            rows.Add(Row(fields, string.Create(CultureInfo.InvariantCulture, $"{name}: line {line}"), inputs));
        }

        return rows.Count > 0 ? rows : throw ToolException.BadInput($"{name}: there are no rows of numbers");
    }

    public static float[] Row(string text, string name, int inputs) => Row(Fields(text), name, inputs);

    private static float[] Row(string[] fields, string name, int inputs)
    {
        if (fields.Length != inputs)
        {
            throw ToolException.BadInput($"{name}: expected {inputs} numbers, got {fields.Length}");
        }

        float[] row = new float[inputs];
        for (int i = 0; i < inputs; i++)
        {
            if (!Parse(fields[i], out row[i]))
            {
                string shown = fields[i].Length > 40 ? fields[i][..40] + "..." : fields[i];
                throw ToolException.BadInput($"{name}: value {i + 1}: '{shown}' is not a finite number");
            }
        }

        return row;
    }

    // Spaces separate where nothing else does; next to commas they mean nothing.
    private static string[] Fields(string text) => text.AsSpan().IndexOfAny(",;\t") >= 0
        ? text.Split([',', ';', '\t'], StringSplitOptions.TrimEntries)
        : text.Split(Separators, StringSplitOptions.RemoveEmptyEntries);

    private static bool Parse(string text, out float value) =>
        float.TryParse(
            text,
            NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent,
            CultureInfo.InvariantCulture,
            out value
        ) && float.IsFinite(value);
}
