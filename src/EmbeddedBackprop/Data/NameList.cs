using System.Collections;
using System.Text;

namespace EmbeddedBackprop.Data;

/// <summary>
/// Names kept as UTF-8, made into strings when they are asked for: a file full of short names then costs little more than its size.
/// </summary>
/// <param name="text">All names, one after the other.</param>
/// <param name="ends">Where each name ends.</param>
internal sealed class NameList(byte[] text, int[] ends) : IReadOnlyList<string>
{
    private int previousEnd;

    public int Count { get; private set; } = ends.Length;

    public string this[int index] => Encoding.UTF8.GetString(Utf8(index));

    public ReadOnlySpan<byte> Utf8(int index)
    {
        int start = index == 0 ? 0 : ends[index - 1];
        return text.AsSpan(start, ends[index] - start);
    }

    /// <summary>Moves name source to index destination; called with both ascending, destination not above source.</summary>
    public void Keep(int destination, int source)
    {
        // ends[source - 1] still holds where the name began: only entries below destination were rewritten, and destination <= source.
        int start = source == 0 ? 0 : destination == source ? previousEnd : ends[source - 1];
        int length = ends[source] - start;
        text.AsSpan(start, length).CopyTo(text.AsSpan(previousEnd));
        ends[destination] = previousEnd += length;
    }

    /// <summary>Forgets the names from index count on.</summary>
    public void Cut(int count) => Count = count;

    public IEnumerator<string> GetEnumerator()
    {
        for (int i = 0; i < Count; i++)
        {
            yield return this[i];
        }
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
