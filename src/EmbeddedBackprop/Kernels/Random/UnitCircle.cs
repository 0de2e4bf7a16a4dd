using System.Runtime.CompilerServices;
using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Kernels.Random;

/// <summary>
/// Cosine and sine of an angle given in whole turns: the quadrant is exact integer arithmetic, so no multiple of pi is ever rounded.
/// </summary>
internal static class UnitCircle
{
    /// <summary>
    /// cos and sin of 2*pi*turns/2^24, within 1.5 * 2^-24 of the real numbers.
    /// Always separate arithmetic: every multiplication and addition is rounded by itself.
    /// </summary>
    public static void At(uint turns, out float cosine, out float sine)
    {
        uint quadrant = (turns + (1u << 21)) >> 22;
        // A signed fraction of a turn in [-1/8, 1/8), exact in float.
        float t = (int)(turns - (quadrant << 22)) * (1f / (1 << 24));
        float s = Sine(new Lane<Separate>(t)).Value, c = Cosine(new Lane<Separate>(t)).Value;

        switch (quadrant & 3)
        {
            case 0: cosine = c; sine = s; break;
            case 1: cosine = -s; sine = c; break;
            case 2: cosine = -c; sine = -s; break;
            default: cosine = s; sine = -c; break;
        }
    }

    // Interpolation of sin(2 pi t)/t and cos(2 pi t) as polynomials of t^2 at the Chebyshev nodes of [0, 1/64]; errors 3e-9 and 5e-11.

    /// <summary>sin(2 pi t) for |t| of at most 1/8.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Sine<T>(T t) where T : struct, ILanes<T>
    {
        T w = T.Named(t * t, "w");
        T p = T.Broadcast(-75.40161269890798f);
        p = T.MultiplyAdd(p, w, T.Broadcast(81.59254287120305f));
        p = T.MultiplyAdd(p, w, T.Broadcast(-41.34166257054726f));
        p = T.MultiplyAdd(p, w, T.Broadcast(6.2831852878129455f));
        return t * p;
    }

    /// <summary>cos(2 pi t) for |t| of at most 1/8.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Cosine<T>(T t) where T : struct, ILanes<T>
    {
        T w = T.Named(t * t, "w");
        T p = T.Broadcast(59.22016898313037f);
        p = T.MultiplyAdd(p, w, T.Broadcast(-85.44284467384024f));
        p = T.MultiplyAdd(p, w, T.Broadcast(64.93931613571559f));
        p = T.MultiplyAdd(p, w, T.Broadcast(-19.739208650130614f));
        return T.MultiplyAdd(p, w, T.One);
    }
}
