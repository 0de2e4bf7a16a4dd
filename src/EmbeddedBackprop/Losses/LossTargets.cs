using System.Numerics;
using System.Runtime.CompilerServices;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Elements;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Kernels.Scalar;
using Dot = EmbeddedBackprop.Kernels.Dot;

namespace EmbeddedBackprop.Losses;

/// <summary>What label smoothing makes of a target, and what a sample weighs by its class.</summary>
internal static class LossTargets
{
    /// <summary>d = M(1 - epsilon, y, epsilon / classes), in whole rows; padding is computed along.</summary>
    public static void Smooth(Arithmetic arithmetic, float epsilon, int classes, ReadOnlySpan<float> y, Span<float> d) =>
        ElementFormula.Run<Smoothed>(arithmetic, y, y, d, 1f - epsilon, epsilon / classes);

    /// <summary>The definition of <see cref="Smooth"/>, and in double the oracle.</summary>
    public static void SmoothTwin<T>(Arithmetic arithmetic, float epsilon, int classes, ReadOnlySpan<T> y, Span<T> d)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        T share = T.CreateTruncating(epsilon), keep = T.One - share, floor = share / T.CreateTruncating(classes);
        for (int i = 0; i < y.Length; i++)
        {
            d[i] = arithmetic == Arithmetic.Fused
                ? ScalarMath.MultiplyAdd<T, Fused>(keep, y[i], floor)
                : ScalarMath.MultiplyAdd<T, Separate>(keep, y[i], floor);
        }
    }

    /// <summary>
    /// What a sample weighs: the dot product of the class weights with its target, for one-hot targets exactly the weight of its class; for a single output
    /// M(w1, y, w0 * (1 - y)).
    /// </summary>
    public static float Weight(Arithmetic arithmetic, float[] weights, ReadOnlySpan<float> y) =>
        y.Length == 1 ? WeightTwin(arithmetic, weights, y) : Dot.Product(arithmetic, weights, y);

    /// <summary>The definition of <see cref="Weight"/>, and in double the oracle.</summary>
    public static T WeightTwin<T>(Arithmetic arithmetic, float[] weights, ReadOnlySpan<T> y) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        arithmetic == Arithmetic.Fused ? WeightTwin<T, Fused>(weights, y) : WeightTwin<T, Separate>(weights, y);

    private static T WeightTwin<T, TArithmetic>(float[] weights, ReadOnlySpan<T> y)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TArithmetic : struct, IArithmetic
    {
        if (y.Length == 1)
        {
            return ScalarMath.MultiplyAdd<T, TArithmetic>(T.CreateTruncating(weights[1]), y[0], T.CreateTruncating(weights[0]) * (T.One - y[0]));
        }

        PartialSums<T> parts = default;
        Span<T> s = parts;
        for (int j = 0; j < y.Length; j++)
        {
            s[j % 16] = ScalarMath.MultiplyAdd<T, TArithmetic>(T.CreateTruncating(weights[j]), y[j], s[j % 16]);
        }

        return Kernels.Scalar.Reduce.Fold<T>(s);
    }

    private readonly struct Smoothed : IElementFormula
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static T Apply<T>(T x, T y, T d, T alpha, T beta) where T : struct, ILanes<T> => T.MultiplyAdd(alpha, x, beta);
    }
}
