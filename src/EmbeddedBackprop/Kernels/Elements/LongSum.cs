using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Kernels.Scalar;

namespace EmbeddedBackprop.Kernels.Elements;

/// <summary>
/// One long sum in 16 partial sums: s[l] = +0, element i goes to s[i mod 16], then s[l] += s[l+8], s[l+4], s[l+2], s[l+1].
/// Sixteen lanes are one accumulator, eight are two, four are four: never more, or the sum would be another one.
/// </summary>
internal static class LongSum
{
    /// <summary>The change of a part by an element.</summary>
    internal interface IStep
    {
        /// <summary>The part after (x, y); y is x where the step has one operand.</summary>
        static abstract T Apply<T>(T x, T y, T part) where T : struct, IFloatLanes<T>;
    }

    /// <summary>part + x.</summary>
    internal readonly struct Sum : IStep
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static T Apply<T>(T x, T y, T part) where T : struct, IFloatLanes<T> => part + x;
    }

    /// <summary>M(x, y, part).</summary>
    internal readonly struct Product : IStep
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static T Apply<T>(T x, T y, T part) where T : struct, IFloatLanes<T> => T.MultiplyAdd(x, y, part);
    }

    /// <summary>x &gt; part ? x : part.</summary>
    internal readonly struct Maximum : IStep
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static T Apply<T>(T x, T y, T part) where T : struct, IFloatLanes<T> => T.IfGreater(x, part, x, part);
    }

    /// <summary>Takes length elements into 16 parts, element i into part i mod 16.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Accumulate<T, TTail, TStep>(ref readonly float x, ref readonly float y, nuint length, ref float parts)
        where T : struct, IFloatLanes<T>
        where TTail : struct, IFloatLanes<TTail>
        where TStep : struct, IStep
    {
        nuint i = 0;
        nuint w = (nuint)T.Count;
        if (T.Count is 4 or 8 or 16 && length >= 16)
        {
            T s0 = T.Load(in parts, 0);
            T s1 = T.Count <= 8 ? T.Load(in parts, w) : T.Zero;
            T s2 = T.Count <= 4 ? T.Load(in parts, 2 * w) : T.Zero;
            T s3 = T.Count <= 4 ? T.Load(in parts, 3 * w) : T.Zero;
            for (; length - i >= 16; i += 16)
            {
                s0 = TStep.Apply(T.Load(in x, i), T.Load(in y, i), s0);
                if (T.Count <= 8)
                {
                    s1 = TStep.Apply(T.Load(in x, i + w), T.Load(in y, i + w), s1);
                }

                if (T.Count <= 4)
                {
                    s2 = TStep.Apply(T.Load(in x, i + (2 * w)), T.Load(in y, i + (2 * w)), s2);
                    s3 = TStep.Apply(T.Load(in x, i + (3 * w)), T.Load(in y, i + (3 * w)), s3);
                }
            }

            T.Store(s0, ref parts, 0);
            if (T.Count <= 8)
            {
                T.Store(s1, ref parts, w);
            }

            if (T.Count <= 4)
            {
                T.Store(s2, ref parts, 2 * w);
                T.Store(s3, ref parts, 3 * w);
            }
        }

        // The tail touches its own parts only: one more +0 term would turn a -0 into +0.
        for (; i < length; i++)
        {
            nuint part = i & 15;
            TTail.Store(TStep.Apply(TTail.Load(in x, i), TTail.Load(in y, i), TTail.Load(in parts, part)), ref parts, part);
        }
    }

    /// <summary>Joins the parts by the fixed tree.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TTail Fold<TTail, TStep>(ref readonly float parts)
        where TTail : struct, IFloatLanes<TTail>
        where TStep : struct, IStep
    {
        // Named values, not stores back into the parts: each of the four levels would wait for memory.
        TTail s0 = Joined<TTail, TStep>(in parts, 0);
        TTail s1 = Joined<TTail, TStep>(in parts, 1);
        TTail s2 = Joined<TTail, TStep>(in parts, 2);
        TTail s3 = Joined<TTail, TStep>(in parts, 3);
        TTail s4 = Joined<TTail, TStep>(in parts, 4);
        TTail s5 = Joined<TTail, TStep>(in parts, 5);
        TTail s6 = Joined<TTail, TStep>(in parts, 6);
        TTail s7 = Joined<TTail, TStep>(in parts, 7);
        s0 = Join<TTail, TStep>(s4, s0);
        s1 = Join<TTail, TStep>(s5, s1);
        s2 = Join<TTail, TStep>(s6, s2);
        s3 = Join<TTail, TStep>(s7, s3);
        s0 = Join<TTail, TStep>(s2, s0);
        s1 = Join<TTail, TStep>(s3, s1);
        return Join<TTail, TStep>(s1, s0);
    }

    /// <summary>The whole reduction of length elements.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TTail Reduce<T, TTail, TStep>(ref readonly float x, ref readonly float y, nuint length)
        where T : struct, IFloatLanes<T>
        where TTail : struct, IFloatLanes<TTail>
        where TStep : struct, IStep
    {
        PartialSums<float> parts = default;
        Span<float> s = parts;
        if (typeof(TStep) == typeof(Maximum))
        {
            s.Fill(x);
        }

        ref float first = ref MemoryMarshal.GetReference(s);
        Accumulate<T, TTail, TStep>(in x, in y, length, ref first);
        return Fold<TTail, TStep>(in first);
    }

    // s[l] and s[l+8].
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TTail Joined<TTail, TStep>(ref readonly float parts, nuint l)
        where TTail : struct, IFloatLanes<TTail>
        where TStep : struct, IStep =>
        Join<TTail, TStep>(TTail.Load(in parts, l + 8), TTail.Load(in parts, l));

    // Products are joined by addition.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TTail Join<TTail, TStep>(TTail x, TTail part)
        where TTail : struct, IFloatLanes<TTail>
        where TStep : struct, IStep =>
        typeof(TStep) == typeof(Maximum) ? TTail.IfGreater(x, part, x, part) : part + x;
}

/// <summary>One long reduction of a vector, or of two.</summary>
internal readonly ref struct LongSumArguments(ReadOnlySpan<float> x, ReadOnlySpan<float> y, Span<float> result)
{
    public readonly ref readonly float X = ref MemoryMarshal.GetReference(x);
    public readonly ref readonly float Y = ref MemoryMarshal.GetReference(y);
    public readonly ref float Result = ref MemoryMarshal.GetReference(result);
    public readonly nuint Length = (nuint)x.Length;
}

/// <summary>result = the reduction of x (and y).</summary>
internal readonly struct LongSumKernel<TStep> : ILaneKernel<LongSumArguments>
    where TStep : struct, LongSum.IStep
{
    public static void Run<T, TTail>(in LongSumArguments g)
        where T : struct, IFloatLanes<T>
        where TTail : struct, IFloatLanes<TTail> =>
        TTail.Store(LongSum.Reduce<T, TTail, TStep>(in g.X, in g.Y, g.Length), ref g.Result, 0);
}
