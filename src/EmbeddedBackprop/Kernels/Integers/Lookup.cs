namespace EmbeddedBackprop.Kernels.Integers;

/// <summary>A function of an integer as a table.</summary>
internal static class Lookup
{
    /// <summary>y[i] = table[index[i] + offset]; index holds integers, y may be its memory.</summary>
    public static void Apply(ReadOnlySpan<float> index, ReadOnlySpan<float> table, int offset, Span<float> y)
    {
        Require.Equal("Lookup.Apply", nameof(y), index.Length, y.Length);
        for (int i = 0; i < index.Length; i++)
        {
            y[i] = table[(int)index[i] + offset];
        }
    }
}
