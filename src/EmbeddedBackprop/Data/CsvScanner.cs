using EmbeddedBackprop.IO;

namespace EmbeddedBackprop.Data;

/// <summary>Walks over the fields of a CSV text (RFC 4180, spaces around fields allowed) without copying them.</summary>
internal ref struct CsvScanner
{
    private readonly ReadOnlySpan<byte> text;
    private readonly string name;
    private readonly byte delimiter;
    private int position;
    private int nextLine;
    private bool rowEnded;

    public CsvScanner(ReadOnlySpan<byte> text, string name, byte delimiter)
    {
        this.text = text;
        this.name = name;
        this.delimiter = delimiter;

        // A byte order mark is not part of the first field.
        position = text.StartsWith("\uFEFF"u8) ? 3 : 0;
        Line = 0;
        nextLine = 1;
        rowEnded = true;
    }

    /// <summary>The line, from 1 on, on which the row began.</summary>
    public int Line { get; private set; }

    /// <summary>The index of the field that was read last, counted from 1; after the row's end, its number of fields.</summary>
    public int Column { get; private set; }

    /// <summary>The first byte not yet read.</summary>
    public readonly int Position => position;

    /// <summary>Goes to the next row; false at the end of the text, where blank lines are passed over.</summary>
    public bool NextRow()
    {
        if (!rowEnded)
        {
            throw new InvalidOperationException("A row is read to its end first.");
        }

        if (text[position..].IndexOfAnyExcept(" \t\r\n"u8) < 0)
        {
            return false;
        }

        rowEnded = false;
        Line = nextLine;
        Column = 0;
        return true;
    }

    /// <summary>The row's next field; false when it has no more.</summary>
    public bool NextField(out CsvField field)
    {
        field = default;
        if (rowEnded)
        {
            return false;
        }

        Column++;
        SkipSpaces();
        int start = position;
        if (position < text.Length && text[position] == (byte)'"')
        {
            field = Quoted();
            SkipSpaces();
            if (position < text.Length && text[position] != delimiter && !AtLineEnd())
            {
                throw Error(position, "text follows after the closing quote");
            }
        }
        else
        {
            while (position < text.Length && text[position] != delimiter && text[position] != (byte)'\n')
            {
                if (text[position] == (byte)'"')
                {
                    throw Error(position, "a quote inside a field that does not begin with one");
                }

                position++;
            }

            int end = position;
            while (end > start && text[end - 1] is (byte)' ' or (byte)'\t' or (byte)'\r')
            {
                end--;
            }

            field = new CsvField(start, end - start, false);
        }

        if (position < text.Length && text[position] == delimiter)
        {
            position++;
            return true;
        }

        if (position < text.Length)
        {
            position += text[position] == (byte)'\r' ? 2 : 1;
            nextLine++;
        }

        rowEnded = true;
        return true;
    }

    public readonly DataFormatException Error(int offset, string problem) => new(name, offset, $"line {Line}, column {Column}: {problem}");

    private CsvField Quoted()
    {
        int open = position;
        int start = ++position;
        bool escapes = false;
        for (; ; position++)
        {
            if (position >= text.Length)
            {
                throw Error(open, "the quote that opens here is never closed");
            }

            if (text[position] == (byte)'\n')
            {
                nextLine++;
            }

            if (text[position] != (byte)'"')
            {
                continue;
            }

            if (position + 1 >= text.Length || text[position + 1] != (byte)'"')
            {
                break;
            }

            escapes = true;
            position++;
        }

        return new CsvField(start, position++ - start, escapes);
    }

    private void SkipSpaces()
    {
        while (position < text.Length && text[position] != delimiter && text[position] is (byte)' ' or (byte)'\t')
        {
            position++;
        }
    }

    private readonly bool AtLineEnd() =>
        text[position] == (byte)'\n' || (text[position] == (byte)'\r' && position + 1 < text.Length && text[position + 1] == (byte)'\n');
}
