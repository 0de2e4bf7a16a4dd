using System.Runtime.InteropServices;
using EmbeddedBackprop.Kernels.Scalar;

namespace EmbeddedBackprop.Kernels.Integers;

/// <summary>The operands of <see cref="RequantizeRun{TSum}"/>.</summary>
internal ref struct RequantizeRunArguments<TSum> where TSum : unmanaged
{
    public ReadOnlySpan<TSum> Sums;
    public int Bias, Lowest, Highest;
    public Multiplier Factor;
    public Span<float> Y;
}

/// <summary>Sums of one output.</summary>
internal readonly struct RequantizeRun<TSum> : IIntegerKernel<RequantizeRunArguments<TSum>> where TSum : unmanaged
{
    public static void Run<T>(in RequantizeRunArguments<TSum> g) where T : struct, IIntegerLanes<T>
    {
        (int limit, int left) = RequantizeSums.Limit(g.Factor.M, g.Factor.Shift, g.Lowest, g.Highest);
        if (limit < 0)
        {
            OneByOne(in g);
        }
        else
        {
            Whole<T>(in g, limit, left, Math.Max(g.Factor.Shift - 33, 0));
        }
    }

    private static void Whole<T>(in RequantizeRunArguments<TSum> g, int limit, int left, int right) where T : struct, IIntegerLanes<T>
    {
        T bias = T.Broadcast(g.Bias), m = T.Broadcast(g.Factor.M), shift = T.Broadcast(right);
        T lowest = T.Broadcast(g.Lowest), highest = T.Broadcast(g.Highest), least = T.Broadcast(~limit), most = T.Broadcast(limit);
        ref readonly TSum sums = ref MemoryMarshal.GetReference(g.Sums);
        ref float y = ref MemoryMarshal.GetReference(g.Y);
        nuint length = (nuint)g.Sums.Length, count = (nuint)T.Count, last = length - count;
        for (nuint i = 0; i < length; i += count)
        {
            // The last vector of a ragged run overlaps the one before it, whose results it keeps.
            nuint at = nuint.Min(i, last);
            T a = RequantizeSums.Load<T, TSum>(in sums, at) + bias;
            if (left != 0)
            {
                a = T.Min(T.Max(a, least), most) << left;
            }

            T result = T.Min(T.Max(RequantizeSums.Round(a, m, shift), lowest), highest);
            if (at != i)
            {
                result = T.IfLess(T.Indices, T.Broadcast((int)(i - at)), T.Load(in y, at), result);
            }

            T.Store(result, ref y, at);
        }
    }

    private static void OneByOne(in RequantizeRunArguments<TSum> g)
    {
        for (int i = 0; i < g.Sums.Length; i++)
        {
            g.Y[i] = Rounding.R(RequantizeSums.Integer(g.Sums[i]) + g.Bias, g.Factor.M, g.Factor.Shift, g.Lowest, g.Highest);
        }
    }
}
