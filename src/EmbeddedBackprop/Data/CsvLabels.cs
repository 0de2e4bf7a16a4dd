using System.Globalization;
using System.Text;

namespace EmbeddedBackprop.Data;

/// <summary>The distinct labels of a label column, in order of first appearance, and their classes.</summary>
internal sealed class CsvLabels
{
    /// <summary>More different labels than this are no classes.</summary>
    public const int Limit = 1024;

    // Open addressing over twice the limit: at least half of the slots stay free.
    private readonly short[] places = new short[2 * Limit];
    private CsvField[] fields = new CsvField[16];
    private int[] classes = [];

    public int Count { get; private set; }

    /// <summary>Keeps a label unless it is known; false when there are too many.</summary>
    public bool Add(ReadOnlySpan<byte> file, CsvField field)
    {
        int place = Find(file, field);
        if (places[place] != 0)
        {
            return true;
        }

        if (Count == Limit)
        {
            return false;
        }

        if (Count == fields.Length)
        {
            Array.Resize(ref fields, 2 * Count);
        }

        fields[Count++] = field;
        places[place] = (short)Count;
        return true;
    }

    /// <summary>The class of a label that was added, or -1 where the given classes do not have it.</summary>
    public int ClassOf(ReadOnlySpan<byte> file, CsvField field) => classes[places[Find(file, field)] - 1];

    /// <summary>Whole numbers become classes in ascending order, "1" and "01" being the same.</summary>
    public NameList AssignNumbers(ReadOnlySpan<byte> file)
    {
        long[] values = new long[Count];
        for (int i = 0; i < Count; i++)
        {
            fields[i].IsWholeNumber(file, out values[i]);
        }

        long[] sorted = [.. values];
        Array.Sort(sorted);
        int different = 0;
        for (int i = 0; i < sorted.Length; i++)
        {
            if (i == 0 || sorted[i] != sorted[i - 1])
            {
                sorted[different++] = sorted[i];
            }
        }

        classes = new int[Count];
        for (int i = 0; i < Count; i++)
        {
            classes[i] = Array.BinarySearch(sorted, 0, different, values[i]);
        }

        int[] ends = new int[different];
        byte[] text = new byte[20 * different];
        int length = 0;
        for (int i = 0; i < different; i++)
        {
            sorted[i].TryFormat(text.AsSpan(length), out int written, default, CultureInfo.InvariantCulture);
            ends[i] = length += written;
        }

        return new NameList(text, ends);
    }

    /// <summary>Other labels become classes in order of first appearance.</summary>
    public NameList AssignNames(ReadOnlySpan<byte> file)
    {
        classes = new int[Count];
        int[] ends = new int[Count];
        int length = 0;
        for (int i = 0; i < Count; i++)
        {
            length += fields[i].Length;
        }

        byte[] text = new byte[length];
        length = 0;
        for (int i = 0; i < Count; i++)
        {
            classes[i] = i;
            ends[i] = length += fields[i].Unescape(file, text.AsSpan(length));
        }

        return new NameList(text, ends);
    }

    /// <summary>Labels get the indices of given classes; whole numbers are compared as numbers.</summary>
    public void AssignGiven(ReadOnlySpan<byte> file, IReadOnlyList<string> given)
    {
        classes = new int[Count];
        for (int i = 0; i < Count; i++)
        {
            byte[] text = new byte[fields[i].Length];
            string name = Encoding.UTF8.GetString(text, 0, fields[i].Unescape(file, text));
            string? number = fields[i].IsWholeNumber(file, out long value) ? value.ToString(CultureInfo.InvariantCulture) : null;
            classes[i] = -1;
            for (int c = 0; c < given.Count && classes[i] < 0; c++)
            {
                if (given[c] == name || given[c] == number)
                {
                    classes[i] = c;
                }
            }
        }
    }

    private int Find(ReadOnlySpan<byte> file, CsvField field)
    {
        ReadOnlySpan<byte> text = field.Text(file);
        uint hash = 2166136261;
        foreach (byte b in text)
        {
            hash = (hash ^ b) * 16777619;
        }

        int place = (int)((hash ^ (hash >> 15)) % (uint)places.Length);
        while (places[place] != 0)
        {
            CsvField known = fields[places[place] - 1];
            if (known.HasEscapes == field.HasEscapes && known.Text(file).SequenceEqual(text))
            {
                break;
            }

            place = place + 1 == places.Length ? 0 : place + 1;
        }

        return place;
    }
}
