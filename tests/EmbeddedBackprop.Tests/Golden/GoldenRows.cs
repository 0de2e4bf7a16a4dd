namespace EmbeddedBackprop.Tests.Golden;

/// <summary>Compact rows to strided ones and back.</summary>
internal static class GoldenRows
{
    public static void Write(ReadOnlySpan<float> compact, int columns, Span<float> rows, int stride)
    {
        for (int i = 0; i < compact.Length; i++)
        {
            rows[(i / columns * stride) + (i % columns)] = compact[i];
        }
    }

    public static float[] Read(ReadOnlySpan<float> rows, int stride, int columns)
    {
        float[] compact = new float[rows.Length / stride * columns];
        for (int i = 0; i < compact.Length; i++)
        {
            compact[i] = rows[(i / columns * stride) + (i % columns)];
        }

        return compact;
    }
}
