using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Kernels.Integers;

/// <summary>A vector of weights to integers, with the result of <see cref="IntegerWeights.Round(float, float)"/>.</summary>
/// <remarks>
/// t = w (1 / scale) in float is off by 2^-23 |t| at most, 1.6e-5 where it matters (|t| &lt; 128). So its nearest integer is the right one, except
/// where t is within 2^-15 of the middle of two: such vectors, one weight in 16,000, are rounded again in double.
/// </remarks>
internal static class WeightRounding
{
    // 1.5 * 2^23: added to a float below 2^22 it leaves the nearest integer.
    private const double Integer = 12582912.0;

    private const double Certain = 0.5 - (1.0 / 32768);

    // Above it, 1 / scale loses bits.
    private const double MostScale = 1.2676506002282294e30;

    /// <summary>1 / scale; NaN where it is not exact enough.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Inverse<T>(T scale) where T : struct, IFloatLanes<T> =>
        T.IfGreater(T.Constant(MostScale), scale, T.One / scale, T.Constant(double.NaN));

    /// <summary>q[to], ... = the integers of w[from], ...; returns them.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Round<T>(ref readonly float w, nuint from, T inverse, ReadOnlySpan<float> scale, ref float q, nuint to)
        where T : struct, IFloatLanes<T>
    {
        T t = T.Load(in w, from) * inverse;
        T nearest = (t + T.Constant(Integer)) - T.Constant(Integer);
        if (!T.AllGreater(T.Constant(Certain), T.Abs(t - nearest)))
        {
            return InDouble<T>(in w, from, scale, ref q, to);
        }

        T highest = T.Constant(IntegerWeights.Highest), lowest = T.Constant(-IntegerWeights.Highest);
        nearest = T.IfGreater(nearest, highest, highest, nearest);
        nearest = T.IfGreater(lowest, nearest, lowest, nearest);
        T.Store(nearest, ref q, to);
        return nearest;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static T InDouble<T>(ref readonly float w, nuint from, ReadOnlySpan<float> scale, ref float q, nuint to)
        where T : struct, IFloatLanes<T>
    {
        for (int i = 0; i < T.Count; i++)
        {
            float weight = Unsafe.Add(ref Unsafe.AsRef(in w), from + (nuint)i);
            Unsafe.Add(ref q, to + (nuint)i) = IntegerWeights.Round(weight, scale.Length == 1 ? scale[0] : scale[i]);
        }

        return T.Load(in q, to);
    }
}
