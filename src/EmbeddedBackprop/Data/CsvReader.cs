using System.Globalization;
using System.Text;
using EmbeddedBackprop.IO;

namespace EmbeddedBackprop.Data;

/// <summary>
/// Reads tables of numbers with a label column from CSV text: comma, semicolon or tab between fields, quotes as in RFC 4180, UTF-8, a dot as the
/// decimal sign.
/// </summary>
/// <remarks>
/// A first row is a header if a field of it is not a number where the second row has one; if it has one field less than the rows and no number in it,
/// the first column has no name (R writes row names so) and is ignored.
/// Labels that are whole numbers become classes in ascending order, other labels in order of first appearance.
/// The reader is strict: missing, empty, NaN and infinite fields, rows of another length and stray quotes are <see cref="DataFormatException"/>s
/// that name line, column and byte. Only blank lines at the end are passed over.
/// </remarks>
public static class CsvReader
{
    internal const int MaximumColumns = 1 << 16;

    /// <summary>Reads a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="options">How it is read; null detects everything.</param>
    /// <exception cref="DataFormatException">The file does not follow the format.</exception>
    /// <exception cref="ArgumentException">The options name a column that the file does not have.</exception>
    /// <exception cref="IOException">The file cannot be opened or read.</exception>
    public static FloatDataset Read(string path, CsvOptions? options = null)
    {
        options ??= new CsvOptions();
        return Parse(WholeFile.Read(path, options.Limit), path, options);
    }

    /// <summary>Reads a file in order of time, with its groups and the stretches between its gaps.</summary>
    /// <param name="path">The file.</param>
    /// <param name="options">How it is read, with the columns of time and group.</param>
    /// <exception cref="DataFormatException">The file does not follow the format, or has a gap that is not asked for.</exception>
    /// <exception cref="ArgumentException">The options name a column that the file does not have.</exception>
    /// <exception cref="IOException">The file cannot be opened or read.</exception>
    public static CsvSeries ReadSeries(string path, CsvOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return ParseSeries(WholeFile.Read(path, options.Limit), path, options);
    }

    /// <summary>Reads text.</summary>
    /// <param name="text">The bytes of the file.</param>
    /// <param name="name">The file's name in messages.</param>
    /// <param name="options">How it is read; null detects everything.</param>
    /// <exception cref="DataFormatException">The file does not follow the format.</exception>
    /// <exception cref="ArgumentException">The options name a column that the file does not have.</exception>
    public static FloatDataset Parse(ReadOnlySpan<byte> text, string name, CsvOptions? options = null) =>
        ParseSeries(text, name, options ?? new CsvOptions()).Table;

    /// <summary>Reads text in order of time, with its groups and the stretches between its gaps.</summary>
    /// <param name="text">The bytes of the file.</param>
    /// <param name="name">The file's name in messages.</param>
    /// <param name="options">How it is read, with the columns of time and group.</param>
    /// <exception cref="DataFormatException">The text does not follow the format, or has a gap that is not asked for.</exception>
    /// <exception cref="ArgumentException">The options name a column that the text does not have.</exception>
    public static CsvSeries ParseSeries(ReadOnlySpan<byte> text, string name, CsvOptions options)
    {
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(options);
        if (text.Length > options.Limit)
        {
            throw new DataFormatException(name, options.Limit, $"the file has {text.Length} bytes, the limit is {options.Limit}");
        }

        CsvLayout layout = CsvLayout.Detect(text, name, options, MaximumColumns);

        // First pass: the shape and the labels. Second pass: the numbers, into arrays of the right size.
        CsvLabels labels = new();
        CsvLabels? groups = options.Group is null ? null : new CsvLabels();
        int rows = Survey(text, name, options, layout, labels, groups, out bool classes, out bool whole);
        IReadOnlyList<string>? classNames = null;
        if (classes)
        {
            classNames = options.Classes ?? (whole ? labels.AssignNumbers(text) : labels.AssignNames(text));
            if (options.Classes is not null)
            {
                labels.AssignGiven(text, options.Classes);
            }
        }

        float[] inputs = new float[(long)rows * layout.InputCount];
        int[] classOf = classes ? new int[rows] : [];
        float[] targets = classes ? [] : new float[rows];
        IReadOnlyList<string>? groupNames = groups?.AssignNames(text);
        int[] groupOf = groups is null ? [] : new int[rows];
        double[] times = options.Time is null ? [] : new double[rows];
        bool isDate = false;
        CsvScanner scanner = layout.Rows(text, name);
        int next = 0;
        for (int row = 0; scanner.NextRow(); row++)
        {
            options.CheckRow(row);
            while (scanner.NextField(out CsvField field))
            {
                byte role = layout.Roles[scanner.Column - 1];
                if (role == CsvLayout.Ignored)
                {
                    continue;
                }

                if (role == CsvLayout.Label && classes)
                {
                    classOf[row] = labels.ClassOf(text, field);
                    if (classOf[row] < 0)
                    {
                        throw scanner.Error(
                            field.Start,
                            $"label {Quote(text, field)} is not among the {options.Classes!.Count} classes: {List(options.Classes)}");
                    }
                }
                else if (role == CsvLayout.Time)
                {
                    times[row] = CsvTime.TryParse(field.Text(text), out double time, out isDate)
                        ? time
                        : throw scanner.Error(
                            field.Start, $"{Quote(text, field)} is no time: expected a number, or a date as in 2015-02-04 17:51:00");
                }
                else if (role == CsvLayout.Group)
                {
                    groupOf[row] = groups!.ClassOf(text, field);
                }
                else if (role == CsvLayout.Label)
                {
                    targets[row] = Number(text, field, scanner, layout);
                }
                else
                {
                    inputs[next++] = Number(text, field, scanner, layout);
                }
            }
        }

        FloatDataset table = classes
            ? FloatDataset.Classified(inputs, layout.InputCount, classOf, classNames!.Count, layout.InputNames, classNames)
            : FloatDataset.Regression(inputs, layout.InputCount, targets, 1, layout.InputNames);
        SeriesSteps steps = new(times, groupOf);
        int gap = options.SplitAtGaps ? -1 : steps.FirstGap;
        return gap < 0
            ? new CsvSeries(table, groupOf, groupNames, steps.Starts(rows), steps.Usual, isDate)
            : throw Gap(text, name, layout, gap, steps, isDate);
    }

    /// <summary>The error of a gap before a row, at the row's time.</summary>
    private static DataFormatException Gap(ReadOnlySpan<byte> text, string name, CsvLayout layout, int row, SeriesSteps steps, bool isDate)
    {
        CsvScanner scanner = layout.Rows(text, name);
        CsvField field = default;
        for (int i = 0; i <= row && scanner.NextRow(); i++)
        {
            while (scanner.NextField(out CsvField next))
            {
                field = i == row && layout.Roles[scanner.Column - 1] == CsvLayout.Time ? next : field;
            }
        }

        string unit = isDate ? " s" : "", shown = Quote(text, field);
        return scanner.Error(field.Start, string.Create(
            CultureInfo.InvariantCulture,
            $"a gap: {shown} comes {steps.Before(row):G6}{unit} after the row before it, usual are {steps.Usual:G6}{unit} (it can be split there)"));
    }

    /// <summary>A field as messages show it: at most 40 characters, without control characters.</summary>
    internal static string Quote(ReadOnlySpan<byte> text, CsvField field)
    {
        ReadOnlySpan<byte> bytes = field.Text(text);
        string shown = Encoding.UTF8.GetString(bytes[..Math.Min(bytes.Length, 40)]);
        var builder = new StringBuilder("'");
        foreach (char c in shown)
        {
            builder.Append(char.IsControl(c) ? '?' : c);
        }

        return builder.Append(bytes.Length > 40 ? "...'" : "'").ToString();
    }

    private static int Survey(
        ReadOnlySpan<byte> text, string name, CsvOptions options, CsvLayout layout, CsvLabels labels, CsvLabels? groups, out bool classes,
        out bool whole)
    {
        int rows = 0, numbers = 0, words = 0;
        bool fits = true;
        whole = true;
        CsvScanner scanner = layout.Rows(text, name);
        while (scanner.NextRow())
        {
            options.CheckRow(rows);
            while (scanner.NextField(out CsvField field))
            {
                if (scanner.Column > layout.Roles.Length)
                {
                    throw scanner.Error(field.Start, $"the row goes on after the {layout.Roles.Length} fields that were expected");
                }

                byte role = layout.Roles[scanner.Column - 1];
                if (role is not (CsvLayout.Label or CsvLayout.Group))
                {
                    continue;
                }

                string what = role == CsvLayout.Label ? "label" : "group";
                if (field.Length == 0)
                {
                    throw scanner.Error(field.Start, $"the {what} is empty");
                }

                if (!field.IsName(text))
                {
                    throw scanner.Error(field.Start, $"the {what} is not UTF-8 text or holds control characters");
                }

                if (role == CsvLayout.Group)
                {
                    if (!groups!.Add(text, field))
                    {
                        throw scanner.Error(field.Start, $"more than {CsvLabels.Limit} different groups");
                    }

                    continue;
                }

                bool number = field.IsNumber(text, out float value);
                if (number)
                {
                    if (!float.IsFinite(value))
                    {
                        throw scanner.Error(field.Start, $"the label {Quote(text, field)} is not a finite number");
                    }

                    numbers++;
                    whole = whole && field.IsWholeNumber(text, out _);
                }
                else
                {
                    words++;
                    if (options.Target == CsvTarget.Numbers && options.Classes is null)
                    {
                        throw scanner.Error(field.Start, $"the label {Quote(text, field)} is not a number");
                    }
                }

                if (options.Target == CsvTarget.Automatic && options.Classes is null && words > 0 && numbers > 0)
                {
                    throw scanner.Error(
                        field.Start,
                        $"the labels before are {(number ? "words" : "numbers")}, {Quote(text, field)} is not (if all are classes, ask for classes)");
                }

                fits = fits && ((options.Target == CsvTarget.Numbers && options.Classes is null) || labels.Add(text, field));
            }

            if (scanner.Column != layout.Roles.Length)
            {
                throw scanner.Error(
                    scanner.Position,
                    $"the row has {scanner.Column} {(scanner.Column == 1 ? "field" : "fields")}, expected {layout.Roles.Length}");
            }

            rows++;
        }

        if (rows == 0)
        {
            throw new DataFormatException(name, text.Length, "there are no rows of data");
        }

        whole = whole && words == 0;
        classes =
            options.Classes is not null || options.Target == CsvTarget.Classes || (options.Target == CsvTarget.Automatic && (words > 0 || whole));
        if (classes && !fits)
        {
            throw new DataFormatException(
                name,
                text.Length,
                $"more than {CsvLabels.Limit} different labels are no classes (if the label is a number to be predicted, ask for numbers)");
        }

        return rows;
    }

    private static float Number(ReadOnlySpan<byte> text, CsvField field, CsvScanner scanner, CsvLayout layout)
    {
        if (field.IsNumber(text, out float value) && float.IsFinite(value))
        {
            return value;
        }

        string column = layout.ColumnName(scanner.Column - 1) is { } known ? $"'{known}': " : "";
        if (field.Length == 0)
        {
            throw scanner.Error(field.Start, $"{column}the field is empty");
        }

        throw scanner.Error(
            field.Start, float.IsNaN(value) && !field.IsNumber(text, out _)
                ? $"{column}{Quote(text, field)} is not a number (a column that is no input can be ignored by name or index)"
                : $"{column}{Quote(text, field)} is not a finite float");
    }

    private static string List(IReadOnlyList<string> names) =>
        names.Count <= 12 ? string.Join(", ", names) : string.Join(", ", names.Take(12)) + ", ...";
}
