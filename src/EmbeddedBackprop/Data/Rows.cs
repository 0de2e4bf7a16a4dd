namespace EmbeddedBackprop.Data;

/// <summary>Arrays of a program's own, as the data sets hold them.</summary>
internal static class Rows
{
    /// <summary>Rows one after the other.</summary>
    /// <param name="rows">The rows.</param>
    /// <param name="name">Their name, for the message.</param>
    /// <param name="length">Receives the length that all of them have.</param>
    /// <exception cref="ArgumentException">There are none, or they differ in length; the message names the row and both lengths.</exception>
    public static float[] Joined(IReadOnlyList<float[]> rows, string name, out int length)
    {
        ArgumentNullException.ThrowIfNull(rows, name);
        if (rows.Count == 0)
        {
            throw new ArgumentException("There are no rows.", name);
        }

        ArgumentNullException.ThrowIfNull(rows[0], $"{name}[0]");
        length = rows[0].Length;
        float[] all = new float[checked(rows.Count * length)];
        for (int i = 0; i < rows.Count; i++)
        {
            ArgumentNullException.ThrowIfNull(rows[i], $"{name}[{i}]");
            if (rows[i].Length != length)
            {
                throw new ArgumentException($"Row {i} has {rows[i].Length} numbers, row 0 has {length}.", name);
            }

            rows[i].CopyTo(all, i * length);
        }

        return all;
    }

    /// <summary>The number of classes; where none is given, the largest label and 1.</summary>
    public static int ClassCount(int[] labels, int given)
    {
        ArgumentNullException.ThrowIfNull(labels);
        return given != 0 || labels.Length == 0 ? given : Math.Max(labels.Max() + 1, 1);
    }
}
