namespace EmbeddedBackprop.Kernels.Integers;

/// <summary>A function of an integer as a table.</summary>
internal static class Lookup
{
    /// <summary>y[i] = table[index[i] + offset]; index holds integers, y may be its memory.</summary>
    public static void Apply(ReadOnlySpan<float> index, ReadOnlySpan<int> table, int offset, Span<float> y)
    {
        Require.Equal("Lookup.Apply", nameof(y), index.Length, y.Length);
        if (!index.IsEmpty)
        {
            LookupArguments arguments = new() { Index = index, Table = table, Offset = offset, Y = y };
            IntegerDispatch.RunWithin<LookupKernel, LookupArguments>(index.Length, in arguments);
        }
    }
}
