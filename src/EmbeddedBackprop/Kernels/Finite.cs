using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace EmbeddedBackprop.Kernels;

/// <summary>The test for infinities and NaN with the answer of <see cref="Scalar.Finite"/>.</summary>
public static class Finite
{
    // Four cache lines of floats.
    private const int Unit = 64;

    /// <summary>
    /// Whether no sum of products of x's numbers with y's can leave the range of float: sum |x| * sum |y| bounds them all. Any NaN or infinity says no.
    /// </summary>
    /// <param name="x">The numbers of one factor.</param>
    /// <param name="y">The numbers of the other.</param>
    internal static bool BoundsProducts(ReadOnlySpan<float> x, ReadOnlySpan<float> y) => Sum<MagnitudesKernel>(x) * Sum<MagnitudesKernel>(y) < 1e38f;

    /// <summary>Whether every number of x is finite: x[i] * 0 is 0 for a finite number and NaN for any other, and a sum keeps a NaN.</summary>
    /// <param name="x">The numbers; none is finite, too.</param>
    public static bool All(ReadOnlySpan<float> x) => Sum<ZeroProductsKernel>(x) == 0f;

    /// <summary>A sum whose order does not matter, because it is 0 or NaN or a bound; so it may be shared out.</summary>
    private static float Sum<TKernel>(ReadOnlySpan<float> x) where TKernel : struct, ILaneKernel<PartsArguments>
    {
        int parts = WorkerPool.Current?.Parts((long)x.Length * WorkerPool.ElementWork, (x.Length + Unit - 1) / Unit) ?? 1;
        if (parts == 1)
        {
            return SumAlone<TKernel>(x);
        }

        Span<float> sums = stackalloc float[parts];
        WorkerPool.Current!.Run<Part<TKernel>, Shared>(parts, new Shared { Numbers = x, Sums = sums });
        return SumAlone<TKernel>(sums);
    }

    private static float SumAlone<TKernel>(ReadOnlySpan<float> x) where TKernel : struct, ILaneKernel<PartsArguments>
    {
        float sum = 0f;
        LaneDispatch.Run<TKernel, PartsArguments>(Arithmetic.Separate, new PartsArguments(x, x, new Span<float>(ref sum)));
        return sum;
    }

    private ref struct Shared
    {
        public ReadOnlySpan<float> Numbers;
        public Span<float> Sums;
    }

    private readonly struct Part<TKernel> : ISharedWork<Shared> where TKernel : struct, ILaneKernel<PartsArguments>
    {
        public static void Run(in Shared shared, int part, int parts)
        {
            (nuint first, nuint count) = Share.Of((nuint)shared.Numbers.Length, Unit, part, parts);
            shared.Sums[part] = SumAlone<TKernel>(shared.Numbers.Slice((int)first, (int)count));
        }
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
