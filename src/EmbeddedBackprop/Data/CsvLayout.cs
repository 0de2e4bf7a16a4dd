using System.Globalization;
using System.Text;
using EmbeddedBackprop.IO;

namespace EmbeddedBackprop.Data;

/// <summary>The layout of a CSV file: delimiter, header, and the role of every column.</summary>
internal sealed class CsvLayout
{
    public const byte Input = 0;
    public const byte Label = 1;
    public const byte Ignored = 2;
    public const byte Time = 3;
    public const byte Group = 4;

    private readonly byte delimiter;
    private readonly bool hasHeader;
    private readonly int unnamed;
    private readonly NameList? names;

    private CsvLayout(byte delimiter, bool hasHeader, int unnamed, NameList? names, byte[] roles)
    {
        this.delimiter = delimiter;
        this.hasHeader = hasHeader;
        this.unnamed = unnamed;
        this.names = names;
        Roles = roles;
    }

    /// <summary>Input, Label, Ignored, Time or Group for every column.</summary>
    public byte[] Roles { get; }

    public int InputCount { get; private set; }

    /// <summary>The names of the input columns, if there is a header.</summary>
    public NameList? InputNames { get; private set; }

    public static CsvLayout Detect(ReadOnlySpan<byte> text, string name, CsvOptions options, int maximumColumns)
    {
        byte delimiter = options.Delimiter switch
        {
            null => DetectDelimiter(text),
            ',' or ';' or '\t' => (byte)options.Delimiter.Value,
            _ => throw new ArgumentException($"The delimiter '{options.Delimiter}' is not comma, semicolon or tab.", nameof(options)),
        };

        var first = new CsvScanner(text, name, delimiter);
        if (!first.NextRow())
        {
            throw new DataFormatException(name, 0, "the file is empty");
        }

        CsvScanner second = first;
        while (second.NextField(out _))
        {
            ThrowIfTooMany(second, maximumColumns);
        }

        int firstCount = second.Column;
        bool alone = !second.NextRow();
        CsvScanner rows = second;
        while (second.NextField(out _))
        {
            ThrowIfTooMany(second, maximumColumns);
        }

        int secondCount = alone ? firstCount : second.Column;

        bool header = options.HasHeader ?? (!alone && LooksLikeHeader(text, first, rows, firstCount, secondCount));
        int unnamed = header && firstCount == secondCount - 1 ? 1 : 0;
        int columns = firstCount + unnamed;
        if (header && columns != secondCount)
        {
            throw second.Error(second.Position, $"the row has {secondCount} fields, the header {firstCount}");
        }

        if (columns < 2)
        {
            throw new DataFormatException(
                name,
                0,
                "the first row has one column: at least an input and a label are needed, with commas, semicolons or tabs between");
        }

        NameList? names = header ? Names(text, first, firstCount) : null;
        byte[] roles = new byte[columns];
        var layout = new CsvLayout(delimiter, header, unnamed, names, roles);
        foreach (string ignored in options.Ignore)
        {
            roles[layout.Find(ignored)] = Ignored;
        }

        layout.Assign(options.Time, Time, "the time", options);
        layout.Assign(options.Group, Group, "the group", options);
        if (unnamed == 1 && roles[0] == Input)
        {
            roles[0] = Ignored;
        }

        int label = options.Label is null ? columns - 1 : layout.Find(options.Label);
        if (roles[label] == Ignored && options.Ignore.Count > 0)
        {
            throw new ArgumentException($"Column {label} is the label and cannot be ignored.", nameof(options));
        }

        if (roles[label] is Time or Group)
        {
            throw new ArgumentException(
                $"Column {label} is the label and cannot be {(roles[label] == Time ? "the time" : "the group")}.", nameof(options));
        }

        roles[label] = Label;
        layout.InputCount = roles.AsSpan().Count(Input);
        if (layout.InputCount == 0)
        {
            if (options.Ignore.Count > 0)
            {
                throw new ArgumentException("No column is left as an input.", nameof(options));
            }

            throw new DataFormatException(name, 0, "no column is left as an input");
        }

        if (names is not null)
        {
            layout.KeepInputNames(names);
        }

        return layout;
    }

    /// <summary>A scanner at the first row of data.</summary>
    public CsvScanner Rows(ReadOnlySpan<byte> text, string name)
    {
        var scanner = new CsvScanner(text, name, delimiter);
        if (hasHeader && scanner.NextRow())
        {
            while (scanner.NextField(out _)) { }
        }

        return scanner;
    }

    /// <summary>The name of an input column, if there is a header.</summary>
    public string? ColumnName(int column) =>
        InputNames is null || Roles[column] != Input ? null : InputNames[Roles.AsSpan(0, column).Count(Input)];

    internal static byte DetectDelimiter(ReadOnlySpan<byte> text)
    {
        // The character that divides the first two rows into the most fields; a header may name one column less.
        byte best = (byte)',';
        int most = 1;
        foreach (byte candidate in "\t;,"u8)
        {
            int first = CountFields(text, candidate, out int end);
            int second = CountFields(text[end..], candidate, out _);
            bool even = end == text.Length || second == first || second == first + 1 || text[end..].IndexOfAnyExcept(" \t\r\n"u8) < 0;
            if (even && first > most)
            {
                (best, most) = (candidate, first);
            }
        }

        return best;
    }

    private static int CountFields(ReadOnlySpan<byte> text, byte delimiter, out int end)
    {
        int count = 1;
        bool quoted = false;
        for (end = 0; end < text.Length; end++)
        {
            if (text[end] == (byte)'"')
            {
                quoted = !quoted;
            }

            if (quoted)
            {
                continue;
            }

            if (text[end] == delimiter)
            {
                count++;
            }

            if (text[end] != (byte)'\n')
            {
                continue;
            }

            end++;
            break;
        }

        return count;
    }

    private static bool LooksLikeHeader(ReadOnlySpan<byte> text, CsvScanner first, CsvScanner second, int firstCount, int columns)
    {
        if (firstCount == columns - 1)
        {
            while (first.NextField(out CsvField word))
            {
                if (word.IsNumber(text, out _))
                {
                    return false;
                }
            }

            return true;
        }

        if (firstCount != columns)
        {
            return false;
        }

        bool evidence = false;
        while (first.NextField(out CsvField above) && second.NextField(out CsvField below))
        {
            evidence |= !above.IsNumber(text, out _) && below.IsNumber(text, out _) && above.Length > 0;
        }

        return evidence;
    }

    internal static NameList Names(ReadOnlySpan<byte> text, CsvScanner row, int count)
    {
        CsvScanner measure = row;
        int length = 0;
        while (measure.NextField(out CsvField field))
        {
            if (!field.IsName(text))
            {
                throw measure.Error(field.Start, "the column's name is not UTF-8 text or holds control characters");
            }

            length += field.Length;
        }

        byte[] names = new byte[length];
        int[] ends = new int[count];
        length = 0;
        for (int i = 0; row.NextField(out CsvField field); i++)
        {
            ends[i] = length += field.Unescape(text, names.AsSpan(length));
        }

        return new NameList(names, ends);
    }

    internal static void ThrowIfTooMany(in CsvScanner scanner, int maximum)
    {
        if (scanner.Column > maximum)
        {
            throw scanner.Error(scanner.Position, $"more than {maximum} columns");
        }
    }

    private void Assign(string? column, byte role, string what, CsvOptions options)
    {
        if (column is null)
        {
            return;
        }

        int index = Find(column);
        Roles[index] = Roles[index] == Input
            ? role
            : throw new ArgumentException(
                $"Column {index} is {(Roles[index] == Ignored ? "ignored" : "the time")} and cannot be {what}.", nameof(options));
    }

    private int Find(string column)
    {
        byte[] wanted = Encoding.UTF8.GetBytes(column);
        for (int i = 0; i < (names?.Count ?? 0); i++)
        {
            if (names!.Utf8(i).SequenceEqual(wanted))
            {
                return i + unnamed;
            }
        }

        if (int.TryParse(column, NumberStyles.None, CultureInfo.InvariantCulture, out int index) && index < Roles.Length)
        {
            return index;
        }

        string known = names is null
            ? "the file has no header"
            : $"the header names {string.Join(", ", names.Take(12))}{(names.Count > 12 ? ", ..." : "")}";
        throw new ArgumentException($"There is no column '{column}': {known}; indices go from 0 to {Roles.Length - 1}.");
    }

    private void KeepInputNames(NameList all)
    {
        // In the same memory: a header's names are held once.
        int kept = 0;
        for (int i = unnamed; i < Roles.Length; i++)
        {
            if (Roles[i] == Input)
            {
                all.Keep(kept++, i - unnamed);
            }
        }

        all.Cut(kept);
        InputNames = all;
    }
}
