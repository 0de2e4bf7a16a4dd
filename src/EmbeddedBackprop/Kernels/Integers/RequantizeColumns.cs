using System.Runtime.InteropServices;
using EmbeddedBackprop.Kernels.Scalar;

namespace EmbeddedBackprop.Kernels.Integers;

/// <summary>The operands of <see cref="RequantizeColumns{TSum}"/>.</summary>
internal ref struct RequantizeColumnsArguments<TSum> where TSum : unmanaged
{
    public ReadOnlySpan<TSum> Sums;
    public int SumStride, Rows, Columns, Lowest, Highest, Stride;
    public ReadOnlySpan<int> Bias, M, Shift;
    public Span<float> Y;
}

/// <summary>Sums whose columns are outputs: vectors run over columns, and a vector of multipliers serves some rows.</summary>
internal readonly struct RequantizeColumns<TSum> : IIntegerKernel<RequantizeColumnsArguments<TSum>> where TSum : unmanaged
{
    // So many rows at a time: enough to load multipliers seldom, few enough for the processor to foresee what is read next.
    private const int Tile = 16;

    public static void Run<T>(in RequantizeColumnsArguments<TSum> g) where T : struct, IIntegerLanes<T>
    {
        Span<int> limits = stackalloc int[T.Count], powers = stackalloc int[T.Count];
        T nearest = T.Broadcast(33);
        int last = g.Columns - T.Count;
        for (int first = 0; first < g.Rows; first += Tile)
        {
            int end = Math.Min(first + Tile, g.Rows);
            for (int j = 0; j < g.Columns; j += T.Count)
            {
                // The last vector of a ragged row overlaps the one before it, whose results it keeps.
                int at = Math.Min(j, last);
                bool near = T.AnyLess(T.Load(in MemoryMarshal.GetReference(g.Shift), (nuint)at), nearest);
                if (near && !Limits(in g, at, limits, powers))
                {
                    OneByOne(in g, first, end, j, Math.Min(j + T.Count, g.Columns));
                }
                else
                {
                    Block<T>(in g, first, end, at, j - at, near ? limits : [], powers);
                }
            }
        }
    }

    private static void Block<T>(
        in RequantizeColumnsArguments<TSum> g, int first, int end, int at, int finished, ReadOnlySpan<int> limits, ReadOnlySpan<int> powers)
        where T : struct, IIntegerLanes<T>
    {
        T bias = T.Load(in MemoryMarshal.GetReference(g.Bias), (nuint)at), m = T.Load(in MemoryMarshal.GetReference(g.M), (nuint)at);
        T nearest = T.Broadcast(33), shift = T.Max(T.Load(in MemoryMarshal.GetReference(g.Shift), (nuint)at), nearest) - nearest;
        T lowest = T.Broadcast(g.Lowest), highest = T.Broadcast(g.Highest), limit = nearest, power = nearest;
        bool near = !limits.IsEmpty;
        if (near)
        {
            (limit, power) = (T.Load(in MemoryMarshal.GetReference(limits), 0), T.Load(in MemoryMarshal.GetReference(powers), 0));
        }

        T least = T.Broadcast(-1) - limit;
        ref readonly TSum sums = ref MemoryMarshal.GetReference(g.Sums);
        ref float y = ref MemoryMarshal.GetReference(g.Y);
        nuint source = ((nuint)first * (nuint)g.SumStride) + (nuint)at, destination = ((nuint)first * (nuint)g.Stride) + (nuint)at;
        for (int row = first; row < end; row++)
        {
            T a = RequantizeSums.Load<T, TSum>(in sums, source) + bias;
            if (near)
            {
                a = T.Min(T.Max(a, least), limit) * power;
            }

            T result = T.Min(T.Max(RequantizeSums.Round(a, m, shift), lowest), highest);
            if (finished != 0)
            {
                result = T.IfLess(T.Indices, T.Broadcast(finished), T.Load(in y, destination), result);
            }

            T.Store(result, ref y, destination);
            source += (nuint)g.SumStride;
            destination += (nuint)g.Stride;
        }
    }

    /// <summary>What brings the shifts of a vector of columns to 33; false where a column has no such limit.</summary>
    private static bool Limits(in RequantizeColumnsArguments<TSum> g, int at, Span<int> limits, Span<int> powers)
    {
        for (int i = 0; i < limits.Length; i++)
        {
            (limits[i], int left) = RequantizeSums.Limit(g.M[at + i], g.Shift[at + i], g.Lowest, g.Highest);
            powers[i] = 1 << left;
            if (limits[i] < 0)
            {
                return false;
            }
        }

        return true;
    }

    // A factor so large, or ends so far apart, that sums wrap before they are clamped.
    private static void OneByOne(in RequantizeColumnsArguments<TSum> g, int first, int end, int from, int to)
    {
        for (int row = first; row < end; row++)
        {
            ReadOnlySpan<TSum> sums = g.Sums.Slice(row * g.SumStride, g.Columns);
            Span<float> y = g.Y.Slice(row * g.Stride, g.Columns);
            for (int j = from; j < to; j++)
            {
                y[j] = Rounding.R(RequantizeSums.Integer(sums[j]) + g.Bias[j], g.M[j], g.Shift[j], g.Lowest, g.Highest);
            }
        }
    }
}
