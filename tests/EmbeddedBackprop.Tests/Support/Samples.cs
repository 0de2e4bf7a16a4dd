namespace EmbeddedBackprop.Tests.Support;

/// <summary>The kinds of floats that a test draws.</summary>
internal enum Numbers
{
    /// <summary>Between -1 and 1.</summary>
    Plain,

    /// <summary>Also zeros of both signs, denormals, very small and very large magnitudes.</summary>
    Edges,

    /// <summary>Also infinities and NaN.</summary>
    NonFinite,
}

/// <summary>Floats for tests, the same ones for the same seed.</summary>
internal static class Samples
{
    private static readonly float[] Edge =
        [0f, -0f, 1e-45f, -1e-45f, 1.1e-38f, -5e-39f, 1e-30f, -1e-30f, 3e-20f, 3e19f, -3e19f, 3e38f, -3e38f, 1f, -1f, 16777218f];

    private static readonly float[] Special = [float.PositiveInfinity, float.NegativeInfinity, float.NaN];

    /// <summary>An array of such floats.</summary>
    public static float[] Array(int length, int seed, Numbers numbers = Numbers.Plain)
    {
        float[] result = new float[length];
        Fill(result, seed, numbers);
        return result;
    }

    /// <summary>Fills a span with such floats.</summary>
    public static void Fill(Span<float> destination, int seed, Numbers numbers = Numbers.Plain)
    {
        // A splitmix generator: seeding costs nothing, and tests seed a hundred thousand times.
        ulong state = (ulong)(uint)seed * 0x9E3779B97F4A7C15UL;
        for (int i = 0; i < destination.Length; i++)
        {
            ulong draw = Next(ref state);
            float plain = ((int)(draw >> 40) - (1 << 23)) / (float)(1 << 23);
            int kind = (int)(draw & 63);
            destination[i] = numbers != Numbers.Plain && kind < 20 ? Edge[(int)((draw >> 8) % (ulong)Edge.Length)]
                : numbers == Numbers.NonFinite && kind == 20 ? Special[(int)((draw >> 8) % (ulong)Special.Length)]
                : plain;
        }
    }

    private static ulong Next(ref ulong state)
    {
        state += 0x9E3779B97F4A7C15UL;
        ulong z = state;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9UL;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBUL;
        return z ^ (z >> 31);
    }
}
