using System.Runtime.CompilerServices;

namespace EmbeddedBackprop.Kernels.Elements;

/// <summary>y = M(gamma, (x - mean) * inverse, beta): a normalised value, scaled and shifted.</summary>
internal static class NormFormula
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Apply<T>(T x, T mean, T inverse, T gamma, T beta) where T : struct, ILanes<T> =>
        T.MultiplyAdd(gamma, (x - mean) * inverse, beta);
}

/// <summary>d = 1 / sqrt(x + alpha).</summary>
internal readonly struct InverseDeviation : IElementFormula
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Apply<T>(T x, T y, T d, T alpha, T beta) where T : struct, ILanes<T> => T.One / T.SquareRoot(x + alpha);
}
