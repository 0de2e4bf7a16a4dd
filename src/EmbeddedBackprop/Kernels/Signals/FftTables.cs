namespace EmbeddedBackprop.Kernels.Signals;

/// <summary>
/// The constants of a real Fourier transform of n = 2^k samples, n at least 4, made once. It is a complex transform of h = n / 2 values in passes of
/// radix 4, and of radix 2 at last where k is even, followed by a split.
/// </summary>
internal sealed class FftTables
{
    /// <summary>Samples of the longest transform.</summary>
    public const int LongestLength = 8192;

    private readonly float[] twiddles;
    private readonly float[] split;
    private readonly int[] reversed;

    public FftTables(int n)
    {
        Length = n;
        Half = n / 2;
        twiddles = MakeTwiddles(Half);
        split = MakeSplit(n);
        reversed = MakeReversed(Half);
    }

    /// <summary>n.</summary>
    public int Length { get; }

    /// <summary>h = n / 2: complex values of the inner transform. There are h + 1 frequencies.</summary>
    public int Half { get; }

    /// <summary>
    /// For every pass over blocks of b = h, h / 4, ... values, b at least 8, six rows of b / 4 floats: real and imaginary parts of w^p, then of w^2p
    /// and w^3p, where w = e^(-2 pi i / b).
    /// </summary>
    public ReadOnlySpan<float> Twiddles => twiddles;

    /// <summary>For k = 0 ... h / 2 real parts of e^(-2 pi i k / n), then as many imaginary parts, for the split.</summary>
    public ReadOnlySpan<float> Split => split;

    /// <summary>Which frequency the passes leave at each index.</summary>
    public ReadOnlySpan<int> Reversed => reversed;

    /// <summary>Real multiplications of a transform, with or without an addition: four a complex product, those by 1 included.</summary>
    public long MultiplyAdds
    {
        get
        {
            // The split has h / 2 complex products, a pass over blocks of eight or more three for every four values.
            long count = 2L * Half;
            for (int block = Half; block >= 8; block /= 4)
            {
                count += 3L * Half;
            }

            return count;
        }
    }

    /// <summary>Whether a signal of n samples can be transformed.</summary>
    public static bool IsLength(int n) => n is >= 4 and <= LongestLength && int.IsPow2(n);

    private static float[] MakeTwiddles(int half)
    {
        List<float> rows = [];
        for (int block = half; block >= 8; block /= 4)
        {
            for (int power = 1; power <= 3; power++)
            {
                rows.AddRange(Enumerable.Range(0, block / 4).Select(p => (float)UnitRoots.At(power * p, block).Cosine));
                rows.AddRange(Enumerable.Range(0, block / 4).Select(p => (float)-UnitRoots.At(power * p, block).Sine));
            }
        }

        return [.. rows];
    }

    private static float[] MakeSplit(int n) =>
    [
        .. Enumerable.Range(0, (n / 4) + 1).Select(k => (float)UnitRoots.At(k, n).Cosine),
        .. Enumerable.Range(0, (n / 4) + 1).Select(k => (float)-UnitRoots.At(k, n).Sine),
    ];

    private static int[] MakeReversed(int half)
    {
        int[] frequencies = new int[half];
        for (int i = 0; i < half; i++)
        {
            // The first digit of the index counts parts of the whole block, and is the last digit of the frequency.
            int rest = i, weight = 1;
            for (int block = half; block > 1; block = block >= 4 ? block / 4 : 1)
            {
                int radix = block >= 4 ? 4 : 2, part = block / radix;
                frequencies[i] += rest / part * weight;
                rest %= part;
                weight *= radix;
            }
        }

        return frequencies;
    }
}
