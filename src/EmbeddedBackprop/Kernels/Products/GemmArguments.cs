using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace EmbeddedBackprop.Kernels.Products;

/// <summary>Where the chains of a product begin.</summary>
internal enum GemmStart
{
    Zero,
    Bias,
    Destination,
}

/// <summary>A checked product: A's element (row i, step p) is at i * ARow + p * AStep, so that one kernel reads A and A^T.</summary>
internal readonly ref struct GemmArguments
{
    public readonly ref readonly float A;
    public readonly ref readonly float B;
    public readonly ref readonly float Bias;
    public readonly ref float C;
    public readonly nuint M;
    public readonly nuint N;
    public readonly nuint K;
    public readonly nuint ARow;
    public readonly nuint AStep;
    public readonly nuint LeadingB;
    public readonly nuint LeadingC;
    public readonly bool BTransposed;
    public readonly GemmStart Start;
    public readonly float LearningRate;
    public readonly float L2;

    /// <summary>Whether rows of zeros may be left out: learning rate and delta are finite.</summary>
    public readonly bool SkipsZeros;

    /// <summary>Whether -0 and +0 mean the same, and all elements are finite: integers.</summary>
    public readonly bool ZerosAreAlike;

    // Written where it is used: a copy would load at once what was just stored in parts, and wait for it.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public GemmArguments(
        int m, int n, int k, ReadOnlySpan<float> a, int rowA, int stepA, ReadOnlySpan<float> b, int leadingB, bool transposedB,
        ReadOnlySpan<float> bias, Span<float> c, int leadingC, bool accumulate, bool zerosAreAlike = false)
    {
        A = ref MemoryMarshal.GetReference(a);
        B = ref MemoryMarshal.GetReference(b);
        Bias = ref MemoryMarshal.GetReference(bias);
        C = ref MemoryMarshal.GetReference(c);
        (M, N, K) = ((nuint)m, (nuint)n, (nuint)k);
        (ARow, AStep) = ((nuint)rowA, (nuint)stepA);
        (LeadingB, LeadingC) = ((nuint)leadingB, (nuint)leadingC);
        BTransposed = transposedB;
        ZerosAreAlike = zerosAreAlike;
        Start = accumulate ? GemmStart.Destination : bias.IsEmpty ? GemmStart.Zero : GemmStart.Bias;
    }

    /// <summary>C is the weights, and the product their gradient: w = M(-rate, M(l2, w, g), w).</summary>
    public GemmArguments(
        int m, int n, int k, ReadOnlySpan<float> a, int rowA, int stepA, ReadOnlySpan<float> b, int leadingB,
        Span<float> weights, int leadingC, float learningRate, float l2, bool skipsZeros)
        : this(m, n, k, a, rowA, stepA, b, leadingB, false, default, weights, leadingC, accumulate: false)
    {
        LearningRate = learningRate;
        L2 = l2;
        SkipsZeros = skipsZeros;
    }

    /// <summary>A product of which a caller hands out panels of the second factor himself.</summary>
    public GemmArguments(ref readonly float a, nuint rowA, nuint m, ref float c, nuint n, nuint k)
    {
        A = ref a;
        C = ref c;
        (M, N, K, ARow, AStep, LeadingC) = (m, n, k, rowA, 1, n);
    }

    private GemmArguments(scoped in GemmArguments whole, nuint row, nuint rows, nuint column, nuint columns)
    {
        this = whole;
        A = ref Unsafe.Add(ref Unsafe.AsRef(in whole.A), row * whole.ARow);
        B = ref Unsafe.Add(ref Unsafe.AsRef(in whole.B), column * (whole.BTransposed ? whole.LeadingB : 1));
        if (whole.Start == GemmStart.Bias)
        {
            Bias = ref Unsafe.Add(ref Unsafe.AsRef(in whole.Bias), column);
        }

        C = ref Unsafe.Add(ref whole.C, (row * whole.LeadingC) + column);
        (M, N) = (rows, columns);
    }

    /// <summary>The product that gives a block of C: the same chains over all of k.</summary>
    public GemmArguments Block(nuint row, nuint rows, nuint column, nuint columns) => new(in this, row, rows, column, columns);
}
