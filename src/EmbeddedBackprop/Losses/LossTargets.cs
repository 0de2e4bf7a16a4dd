using System.Numerics;
using System.Runtime.CompilerServices;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Elements;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Kernels.Scalar;

namespace EmbeddedBackprop.Losses;

/// <summary>Smoothed targets, and the weight of a sample by its class.</summary>
internal static class LossTargets
{
    /// <summary>d = M(1 - epsilon, y, epsilon / classes).</summary>
    public static void Smooth<T, K>(Arithmetic arithmetic, float epsilon, int classes, ReadOnlySpan<T> y, Span<T> d)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where K : struct, IKernels<T>
    {
        T share = T.CreateTruncating(epsilon);
        K.Apply<Smoothed>(arithmetic, y, y, d, T.One - share, share / T.CreateTruncating(classes));
    }

    /// <summary>
    /// The weight of a sample: the dot product of the class weights with its target, for one-hot targets exactly the weight of its class;
    /// for a single output
    /// M(w1, y, w0 * (1 - y)).
    /// </summary>
    public static T Weight<T, K>(Arithmetic arithmetic, ReadOnlySpan<T> weights, ReadOnlySpan<T> y)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where K : struct, IKernels<T>
    {
        if (y.Length > 1)
        {
            return K.Dot(arithmetic, weights, y);
        }

        T rest = weights[0] * (T.One - y[0]);
        return arithmetic == Arithmetic.Fused
            ? ScalarMath.MultiplyAdd<T, Fused>(weights[1], y[0], rest)
            : ScalarMath.MultiplyAdd<T, Separate>(weights[1], y[0], rest);
    }

    private readonly struct Smoothed : IElementFormula
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static T Apply<T>(T x, T y, T d, T alpha, T beta) where T : struct, ILanes<T> => T.MultiplyAdd(alpha, x, beta);
    }
}
