using System.Text;
using EmbeddedBackprop.IO;

namespace EmbeddedBackprop.Data;

/// <summary>
/// A table of words in CSV text, such as a list of files with their labels: comma, semicolon or tab between fields, quotes as in RFC 4180, UTF-8. The
/// first row names the columns.
/// </summary>
/// <remarks>
/// Strict: rows of another length, stray quotes, two columns of one name, and fields that are not UTF-8 or hold control characters are
/// <see cref="DataFormatException"/>s. Only blank lines at the end are passed over. Fields become strings when they are asked for.
/// </remarks>
public sealed class CsvText
{
    private readonly ReadOnlyMemory<byte> text;
    private readonly string name;
    private readonly byte delimiter;
    private readonly int[] rows;
    private readonly NameList columns;

    private CsvText(ReadOnlyMemory<byte> text, string name, byte delimiter, int[] rows, NameList columns)
    {
        this.text = text;
        this.name = name;
        this.delimiter = delimiter;
        this.rows = rows;
        this.columns = columns;
    }

    /// <summary>The names of the columns.</summary>
    public IReadOnlyList<string> Columns => columns;

    /// <summary>How many rows there are, without that of the names.</summary>
    public int Count => rows.Length;

    /// <summary>Reads a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="limit">The most bytes it may have.</param>
    /// <exception cref="DataFormatException">The file does not follow the format, or is beyond the limit.</exception>
    /// <exception cref="IOException">The file cannot be opened or read.</exception>
    public static CsvText Read(string path, long limit = 1L << 30) => Parse(WholeFile.Read(path, limit), path);

    /// <summary>Reads text, whose bytes must stay as they are while the table is in use.</summary>
    /// <param name="text">The bytes of the file.</param>
    /// <param name="name">The file's name in messages.</param>
    /// <exception cref="DataFormatException">The text does not follow the format.</exception>
    public static CsvText Parse(ReadOnlyMemory<byte> text, string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        ReadOnlySpan<byte> bytes = text.Span;
        byte delimiter = CsvLayout.DetectDelimiter(bytes);
        CsvScanner first = new(bytes, name, delimiter);
        if (!first.NextRow())
        {
            throw new DataFormatException(name, 0, "the file is empty");
        }

        CsvScanner head = first;
        while (first.NextField(out _))
        {
            CsvLayout.ThrowIfTooMany(first, CsvReader.MaximumColumns);
        }

        int width = first.Column;
        NameList columns = CsvLayout.Names(bytes, head, width);
        ThrowIfTwice(columns, name);
        int count = 0;
        for (CsvScanner scanner = first; scanner.NextRow(); count++)
        {
            CheckRow(ref scanner, bytes, width);
        }

        int[] rows = new int[count];
        for (int row = 0; first.NextRow(); row++)
        {
            rows[row] = first.Position;
            while (first.NextField(out _))
            {
            }
        }

        return new CsvText(text, name, delimiter, rows, columns);
    }

    /// <summary>The fields of a row.</summary>
    /// <param name="index">The row, from 0 on.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such row.</exception>
    public IReadOnlyList<string> Row(int index)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, rows.Length);
        ReadOnlySpan<byte> rest = text.Span[rows[index]..];
        CsvScanner scanner = new(rest, name, delimiter);
        string[] fields = new string[columns.Count];
        _ = scanner.NextRow();
        for (int i = 0; scanner.NextField(out CsvField field); i++)
        {
            byte[] bytes = new byte[field.Length];
            fields[i] = Encoding.UTF8.GetString(bytes, 0, field.Unescape(rest, bytes));
        }

        return fields;
    }

    /// <summary>The index of a column; -1 where no column has the name.</summary>
    /// <param name="column">The column's name.</param>
    public int Find(string column)
    {
        byte[] wanted = Encoding.UTF8.GetBytes(column);
        int index = columns.Count - 1;
        while (index >= 0 && !columns.Utf8(index).SequenceEqual(wanted))
        {
            index--;
        }

        return index;
    }

    private static void CheckRow(ref CsvScanner scanner, ReadOnlySpan<byte> bytes, int width)
    {
        while (scanner.NextField(out CsvField field))
        {
            if (!field.IsName(bytes))
            {
                throw scanner.Error(field.Start, "the field is not UTF-8 text or holds control characters");
            }
        }

        if (scanner.Column != width)
        {
            throw scanner.Error(scanner.Position, $"the row has {scanner.Column} {(scanner.Column == 1 ? "field" : "fields")}, expected {width}");
        }
    }

    private static void ThrowIfTwice(NameList columns, string name)
    {
        // Sorted by index: names are not copied.
        int[] order = new int[columns.Count];
        for (int i = 0; i < order.Length; i++)
        {
            order[i] = i;
        }

        Array.Sort(order, (x, y) => columns.Utf8(x).SequenceCompareTo(columns.Utf8(y)));
        for (int i = 1; i < order.Length; i++)
        {
            if (columns.Utf8(order[i]).SequenceEqual(columns.Utf8(order[i - 1])))
            {
                throw new DataFormatException(name, 0, $"two columns are called '{columns[order[i]]}'");
            }
        }
    }
}
