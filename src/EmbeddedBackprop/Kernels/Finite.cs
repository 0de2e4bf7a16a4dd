using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace EmbeddedBackprop.Kernels;

/// <summary>The test for infinities and NaN with the answer of <see cref="Scalar.Finite"/>.</summary>
public static class Finite
{
    /// <summary>
    /// Whether no sum of products of x's numbers with y's can leave the range of float: sum |x| * sum |y| bounds them all. Any NaN or infinity says no.
    /// </summary>
    /// <param name="x">The numbers of one factor.</param>
    /// <param name="y">The numbers of the other.</param>
    internal static bool BoundsProducts(ReadOnlySpan<float> x, ReadOnlySpan<float> y) => Magnitude(x) * Magnitude(y) < 1e38f;

    /// <summary>About sum |x|, in any order: a bound, no result.</summary>
    private static float Magnitude(ReadOnlySpan<float> x)
    {
        float sum = 0f;
        LaneDispatch.Run<MagnitudesKernel, PartsArguments>(Arithmetic.Separate, new PartsArguments(x, x, new Span<float>(ref sum)));
        return sum;
    }

    /// <summary>Whether every number of x is finite: x[i] * 0 is 0 for a finite number and NaN for any other, and a sum keeps a NaN.</summary>
    /// <param name="x">The numbers; none is finite, too.</param>
    public static bool All(ReadOnlySpan<float> x)
    {
        float sum = 0f;
        LaneDispatch.Run<ZeroProductsKernel, PartsArguments>(Arithmetic.Separate, new PartsArguments(x, x, new Span<float>(ref sum)));
        return sum == 0f;
    }
}

/// <summary>result = the sum of x * 0 in any order: 0 or NaN.</summary>
internal readonly struct ZeroProductsKernel : ILaneKernel<PartsArguments>
{
    public static void Run<T, TTail>(in PartsArguments g)
        where T : struct, IFloatLanes<T>
        where TTail : struct, IFloatLanes<TTail>
    {
        // From the end to the beginning: the end was written last and the beginning is read next, so both are found in the first cache.
        // Four chains hide the latency of the addition: the loop then runs at the speed of the loads.
        nuint w = (nuint)T.Count, i = g.Length;
        ref readonly float x = ref g.X;
        T s0 = T.Zero, s1 = T.Zero, s2 = T.Zero, s3 = T.Zero;
        while (i >= 4 * w)
        {
            i -= 4 * w;
            s0 += T.Load(in x, i) * T.Zero;
            s1 += T.Load(in x, i + w) * T.Zero;
            s2 += T.Load(in x, i + (2 * w)) * T.Zero;
            s3 += T.Load(in x, i + (3 * w)) * T.Zero;
        }

        while (i >= w)
        {
            i -= w;
            s0 += T.Load(in x, i) * T.Zero;
        }

        Span<float> lanes = stackalloc float[T.Count];
        T.Store(s0 + s1 + (s2 + s3), ref MemoryMarshal.GetReference(lanes), 0);
        float sum = 0f;
        foreach (float lane in lanes)
            sum += lane;
        while (i > 0)
            sum += Unsafe.Add(ref Unsafe.AsRef(in x), --i) * 0f;
        g.Result = sum;
    }
}

/// <summary>result = the sum of |x| in any order.</summary>
internal readonly struct MagnitudesKernel : ILaneKernel<PartsArguments>
{
    public static void Run<T, TTail>(in PartsArguments g)
        where T : struct, IFloatLanes<T>
        where TTail : struct, IFloatLanes<TTail>
    {
        // From the end to the beginning: the end was written last and the beginning is read next, so both are found in the first cache.
        // Four chains hide the latency of the addition: the loop then runs at the speed of the loads.
        nuint w = (nuint)T.Count, i = g.Length;
        ref readonly float x = ref g.X;
        T s0 = T.Zero, s1 = T.Zero, s2 = T.Zero, s3 = T.Zero;
        while (i >= 4 * w)
        {
            i -= 4 * w;
            s0 += T.Abs(T.Load(in x, i));
            s1 += T.Abs(T.Load(in x, i + w));
            s2 += T.Abs(T.Load(in x, i + (2 * w)));
            s3 += T.Abs(T.Load(in x, i + (3 * w)));
        }

        while (i >= w)
        {
            i -= w;
            s0 += T.Abs(T.Load(in x, i));
        }

        Span<float> lanes = stackalloc float[T.Count];
        T.Store(s0 + s1 + (s2 + s3), ref MemoryMarshal.GetReference(lanes), 0);
        float sum = 0f;
        foreach (float lane in lanes)
            sum += lane;
        while (i > 0)
            sum += MathF.Abs(Unsafe.Add(ref Unsafe.AsRef(in x), --i));
        g.Result = sum;
    }
}
