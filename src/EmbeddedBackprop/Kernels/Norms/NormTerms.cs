using System.Runtime.CompilerServices;
using EmbeddedBackprop.Kernels.Elements;
using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Kernels.Norms;

/// <summary>The term that an element adds to its part of a normalisation's long sums.</summary>
internal interface INormTerm
{
    /// <summary>The part after the element; gamma is that of a row's column.</summary>
    static abstract T Apply<T>(T x, T dy, T gamma, T mean, T inverse, T part) where T : struct, IFloatLanes<T>;
}

/// <summary>The sums that normalisations take.</summary>
internal static class NormTerms
{
    /// <summary>part + x.</summary>
    internal readonly struct Value : INormTerm
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static T Apply<T>(T x, T dy, T gamma, T mean, T inverse, T part) where T : struct, IFloatLanes<T> => part + x;
    }

    /// <summary>M(x - mean, x - mean, part).</summary>
    internal readonly struct Square : INormTerm
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static T Apply<T>(T x, T dy, T gamma, T mean, T inverse, T part) where T : struct, IFloatLanes<T>
        {
            T d = x - mean;
            return T.MultiplyAdd(d, d, part);
        }
    }

    /// <summary>part + dy.</summary>
    internal readonly struct Gradient : INormTerm
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static T Apply<T>(T x, T dy, T gamma, T mean, T inverse, T part) where T : struct, IFloatLanes<T> => part + dy;
    }

    /// <summary>M(dy, (x - mean) * inverse, part).</summary>
    internal readonly struct Product : INormTerm
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static T Apply<T>(T x, T dy, T gamma, T mean, T inverse, T part) where T : struct, IFloatLanes<T> =>
            T.MultiplyAdd(dy, (x - mean) * inverse, part);
    }

    /// <summary>part + dy * gamma.</summary>
    internal readonly struct ScaledGradient : INormTerm
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static T Apply<T>(T x, T dy, T gamma, T mean, T inverse, T part) where T : struct, IFloatLanes<T> => part + (dy * gamma);
    }

    /// <summary>M(dy * gamma, (x - mean) * inverse, part).</summary>
    internal readonly struct ScaledProduct : INormTerm
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static T Apply<T>(T x, T dy, T gamma, T mean, T inverse, T part) where T : struct, IFloatLanes<T> =>
            T.MultiplyAdd(dy * gamma, (x - mean) * inverse, part);
    }

    /// <summary>Takes length elements into 16 parts, element i into part i mod 16.</summary>
    public static void Accumulate<T, TTail, TTerm>(
        ref readonly float x, ref readonly float dy, ref readonly float gamma, float mean, float inverse, nuint length, ref float parts)
        where T : struct, IFloatLanes<T>
        where TTail : struct, IFloatLanes<TTail>
        where TTerm : struct, INormTerm
    {
        nuint i = 0, w = (nuint)T.Count;
        if (T.Count is 4 or 8 or 16)
        {
            // 16 elements at a time; the rest in whole vectors too, as far as they go: each vector meets its own parts.
            T m = T.Broadcast(mean), r = T.Broadcast(inverse);
            if (length >= 16)
            {
                T s0 = T.Load(ref parts, 0);
                T s1 = T.Count <= 8 ? T.Load(ref parts, w) : T.Zero;
                T s2 = T.Count <= 4 ? T.Load(ref parts, 2 * w) : T.Zero;
                T s3 = T.Count <= 4 ? T.Load(ref parts, 3 * w) : T.Zero;
                for (; length - i >= 16; i += 16)
                {
                    s0 = One<T, TTerm>(in x, in dy, in gamma, m, r, i, s0);
                    if (T.Count <= 8)
                    {
                        s1 = One<T, TTerm>(in x, in dy, in gamma, m, r, i + w, s1);
                    }

                    if (T.Count <= 4)
                    {
                        s2 = One<T, TTerm>(in x, in dy, in gamma, m, r, i + (2 * w), s2);
                        s3 = One<T, TTerm>(in x, in dy, in gamma, m, r, i + (3 * w), s3);
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

            if (T.Count <= 8)
            {
                for (; length - i >= w; i += w)
                {
                    T.Store(One<T, TTerm>(in x, in dy, in gamma, m, r, i, T.Load(ref parts, i & 15)), ref parts, i & 15);
                }
            }
        }

        TTail one = TTail.Broadcast(mean), other = TTail.Broadcast(inverse);
        for (; i < length; i++)
        {
            TTail.Store(One<TTail, TTerm>(in x, in dy, in gamma, one, other, i, TTail.Load(ref parts, i & 15)), ref parts, i & 15);
        }
    }

    /// <summary>The sum of the parts.</summary>
    public static float Fold<TTail>(ref readonly float parts)
        where TTail : struct, IFloatLanes<TTail> => SoftmaxRow.Value(LongSum.Fold<TTail, LongSum.Sum>(in parts));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T One<T, TTerm>(ref readonly float x, ref readonly float dy, ref readonly float gamma, T mean, T inverse, nuint i, T part)
        where T : struct, IFloatLanes<T>
        where TTerm : struct, INormTerm =>
        TTerm.Apply(T.Load(in x, i), T.Load(in dy, i), T.Load(in gamma, i), mean, inverse, part);
}

/// <summary>d = M(alpha, beta * x - d, d): d moves the share alpha of the way to beta * x.</summary>
internal readonly struct MoveTowards : IElementFormula
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Apply<T>(T x, T y, T d, T alpha, T beta) where T : struct, ILanes<T> => T.MultiplyAdd(alpha, (beta * x) - d, d);
}
