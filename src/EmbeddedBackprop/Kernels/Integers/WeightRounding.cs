using System.Runtime.CompilerServices;
using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Kernels.Integers;

/// <summary>Vectors of weights to integers, with the results of <see cref="IntegerWeights.Round(float, float)"/>.</summary>
/// <remarks>
/// t = w (1 / scale) in float is off by 2^-23 |t| at most, 1.6e-5 where it matters (|t| &lt; 128). So its nearest integer is the right one, except
/// where t is within 2^-15 of the middle of two: one weight in 16,000, whose vector is rounded again in double. Some hundred weights at a time share
/// the question whether there is one.
/// </remarks>
internal static class WeightRounding
{
    // 1.5 * 2^23: added to a float below 2^22 it leaves the nearest integer.
    private const double Integer = 12582912.0;
    private const int IntegerBits = 0x4B400000;

    private const float Certain = 0.5f - (1f / 32768);

    // Above it, 1 / scale loses bits.
    private const double MostScale = 1.2676506002282294e30;

    /// <summary>1 / scale; NaN where it is not exact enough.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Inverse<T>(T scale) where T : struct, IFloatLanes<T> =>
        T.IfGreater(T.Constant(MostScale), scale, T.One / scale, T.Constant(double.NaN));

    /// <summary>The integers of a vector of weights; doubt becomes 1 in the lanes that must be rounded again.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Nearest<T>(T w, T inverse, ref T doubt) where T : struct, IFloatLanes<T>
    {
        T t = w * inverse, nearest = (t + T.Constant(Integer)) - T.Constant(Integer);
        doubt = T.IfGreater(T.Constant(Certain), T.Abs(t - nearest), doubt, T.One);
        T highest = T.Constant(IntegerWeights.Highest), lowest = T.Constant(-IntegerWeights.Highest);
        nearest = T.IfGreater(nearest, highest, highest, nearest);
        return T.IfGreater(lowest, nearest, lowest, nearest);
    }

    /// <summary>Writes integers held in floats, as they are or as int.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store<T, TInteger>(T nearest, ref TInteger q, nuint index)
        where T : struct, IFloatLanes<T>
        where TInteger : unmanaged =>
        T.Store(
            typeof(TInteger) == typeof(float) ? nearest : T.AddBits(nearest + T.Constant(Integer), -IntegerBits),
            ref Unsafe.As<TInteger, float>(ref q), index);

    /// <summary>Whether a lane is in doubt.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsDoubtful<T>(T doubt) where T : struct, IFloatLanes<T> => !T.AllGreater(T.One, doubt);
}
