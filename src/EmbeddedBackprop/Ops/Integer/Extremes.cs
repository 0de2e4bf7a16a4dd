using System.Numerics;
using System.Numerics.Tensors;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Ops.Integer;

/// <summary>
/// How far real values reach in training, as state: [minimum, maximum, minimum of this step, maximum of this step]. The first two are exponential
/// means, of 16 bits the widest so far. 0 lies in every range, so 0 and 0 say that nothing was seen.
/// </summary>
internal static class Extremes
{
    /// <summary>Floats of state.</summary>
    public const int Length = IntegerValue.ExtremesLength;

    // The share of a mean that a step leaves.
    private const float Kept = 0.99f;

    /// <summary>The least and the greatest element.</summary>
    public static (float Low, float High) Of(in Matrix<float> x)
    {
        float low = float.PositiveInfinity, high = float.NegativeInfinity;
        for (int row = 0; row < x.Rows; row++)
        {
            low = MathF.Min(low, TensorPrimitives.Min<float>(x.Row(row)));
            high = MathF.Max(high, TensorPrimitives.Max<float>(x.Row(row)));
        }

        return (low, high);
    }

    /// <summary>The definition.</summary>
    public static (float Low, float High) OfScalar<T>(in Matrix<T> x) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        T low = T.PositiveInfinity, high = T.NegativeInfinity;
        for (int row = 0; row < x.Rows; row++)
        {
            foreach (T value in x.Row(row))
            {
                low = T.Min(low, value);
                high = T.Max(high, value);
            }
        }

        return (float.CreateTruncating(low), float.CreateTruncating(high));
    }

    /// <summary>Widens what this step has seen; values that are not finite tell nothing.</summary>
    public static void Widen<T>(Span<T> extremes, float low, float high) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (float.IsFinite(low) && float.IsFinite(high))
        {
            extremes[2] = T.Min(extremes[2], T.CreateTruncating(low));
            extremes[3] = T.Max(extremes[3], T.CreateTruncating(high));
        }
    }

    /// <summary>Ends a step: moves the means towards what it has seen.</summary>
    /// <param name="extremes">The state.</param>
    /// <param name="type">What the calibration found: the first step begins with it.</param>
    /// <param name="keep">Whether the range stays as it is.</param>
    /// <returns>Whether the means moved.</returns>
    public static bool Follow(Span<float> extremes, IntegerType type, bool keep)
    {
        float low = extremes[2], high = extremes[3];
        extremes[2] = extremes[3] = 0f;
        if (keep || low == high)
        {
            return false;
        }

        if (extremes[0] == extremes[1])
        {
            extremes[0] = type.Scale * type.LowestCentred;
            extremes[1] = type.Scale * type.HighestCentred;
        }

        if (type.Bits == 16)
        {
            low = MathF.Min(extremes[0], low);
            high = MathF.Max(extremes[1], high);
        }
        else
        {
            low = (Kept * extremes[0]) + ((1f - Kept) * low);
            high = (Kept * extremes[1]) + ((1f - Kept) * high);
        }

        (extremes[0], extremes[1]) = (low, high);
        return true;
    }

    /// <summary>Writes scale and zero point.</summary>
    public static void Write(Span<float> range, IntegerType type) => (range[0], range[1]) = (type.Scale, type.ZeroPoint);
}
