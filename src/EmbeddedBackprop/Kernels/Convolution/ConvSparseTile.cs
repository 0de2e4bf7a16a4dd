using System.Numerics;
using System.Runtime.CompilerServices;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Kernels.Products;

namespace EmbeddedBackprop.Kernels.Convolution;

/// <summary>
/// Adds the terms of a list to sums of neighbours: s = M(delta[i], source[starts[i] + neighbour], s) for the elements i of the list, in order.
/// The sums of up to five runs of three vectors stay in registers.
/// </summary>
internal unsafe struct ConvSparseTile
{
    /// <summary>Elements after the end of a list that <see cref="Append"/> may write.</summary>
    public const int Slack = 4;

    public int* List;
    public int Count;

    /// <summary>Where the neighbours begin that each element multiplies.</summary>
    public int* Starts;
    public float* Delta;
    public float* Source;

    /// <summary>Floats from run to run of neighbours, in the source and in the sums.</summary>
    public nint Step, StepSums;

    /// <summary>A vector: the sum of the deltas in each lane.</summary>
    public float* Total;

    /// <summary>A vector for totals that nobody wants.</summary>
    public float* Nowhere;

    /// <summary>Appends first + i to a list for every bit i, ascending.</summary>
    /// <returns>How many there are then.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Append(int* list, int count, int first, ulong bits)
    {
        int* to = list + count;
        count += BitOperations.PopCount(bits);

        // Four at a time, so that the length of the loop is easier to foresee: what is too much is overwritten.
        for (; bits != 0; to += Slack)
        {
            to[0] = first + BitOperations.TrailingZeroCount(bits);
            bits &= bits - 1;
            to[1] = first + BitOperations.TrailingZeroCount(bits);
            bits &= bits - 1;
            to[2] = first + BitOperations.TrailingZeroCount(bits);
            bits &= bits - 1;
            to[3] = first + BitOperations.TrailingZeroCount(bits);
            bits &= bits - 1;
        }

        return count;
    }

    /// <summary>So many runs of so many vectors.</summary>
    public readonly void Run<T>(int rows, int vectors, float* source, float* sums) where T : struct, IFloatLanes<T>
    {
        float* total = Total;
        for (; rows >= 5; rows -= 5, source += 5 * Step, sums += 5 * StepSums, total = Nowhere)
        {
            Rows<T, Five>(vectors, source, sums, total);
        }

        for (; rows >= 3; rows -= 3, source += 3 * Step, sums += 3 * StepSums, total = Nowhere)
        {
            Rows<T, Three>(vectors, source, sums, total);
        }

        for (; rows > 0; rows--, source += Step, sums += StepSums, total = Nowhere)
        {
            Rows<T, One>(vectors, source, sums, total);
        }
    }

    private readonly void Rows<T, TRows>(int vectors, float* source, float* sums, float* total)
        where T : struct, IFloatLanes<T>
        where TRows : unmanaged, ITileSize
    {
        for (; vectors >= 3; vectors -= 3, source += 3 * T.Count, sums += 3 * T.Count, total = Nowhere)
        {
            Sum<T, TRows, Three>(source, sums, total);
        }

        if (vectors == 2)
        {
            Sum<T, TRows, Two>(source, sums, total);
        }
        else if (vectors == 1)
        {
            Sum<T, TRows, One>(source, sums, total);
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private readonly void Sum<T, TRows, TVectors>(float* source, float* sums, float* sumOfDelta)
        where T : struct, IFloatLanes<T>
        where TRows : unmanaged, ITileSize
        where TVectors : unmanaged, ITileSize
    {
        nuint second = (nuint)T.Count, third = 2 * second;
        nint leading = StepSums, step = Step * sizeof(float), step3 = 3 * step;
        float* delta = Delta;
        int* starts = Starts;
        float* sums1 = sums + leading, sums2 = sums1 + leading, sums3 = sums2 + leading, sums4 = sums3 + leading;
        T s00 = T.Load(in *sums, 0), s01 = T.Zero, s02 = T.Zero, s10 = T.Zero, s11 = T.Zero, s12 = T.Zero, s20 = T.Zero, s21 = T.Zero, s22 = T.Zero;
        T s30 = T.Zero, s31 = T.Zero, s32 = T.Zero, s40 = T.Zero, s41 = T.Zero, s42 = T.Zero, total = T.Load(in *sumOfDelta, 0);
        if (sizeof(TVectors) > 1)
        {
            s01 = T.Load(in *sums, second);
        }

        if (sizeof(TVectors) > 2)
        {
            s02 = T.Load(in *sums, third);
        }

        if (sizeof(TRows) > 1)
        {
            s10 = T.Load(in *sums1, 0);
            s20 = T.Load(in *sums2, 0);
            if (sizeof(TVectors) > 1)
            {
                s11 = T.Load(in *sums1, second);
                s21 = T.Load(in *sums2, second);
            }

            if (sizeof(TVectors) > 2)
            {
                s12 = T.Load(in *sums1, third);
                s22 = T.Load(in *sums2, third);
            }
        }

        if (sizeof(TRows) > 3)
        {
            s30 = T.Load(in *sums3, 0);
            s40 = T.Load(in *sums4, 0);
            if (sizeof(TVectors) > 1)
            {
                s31 = T.Load(in *sums3, second);
                s41 = T.Load(in *sums4, second);
            }

            if (sizeof(TVectors) > 2)
            {
                s32 = T.Load(in *sums3, third);
                s42 = T.Load(in *sums4, third);
            }
        }

        for (int* next = List, end = List + Count; next < end; next++)
        {
            nint i = *next;
            byte* x = (byte*)(source + starts[i]);
            T d = T.Broadcast(delta[i]);
            total += d;
            s00 = T.MultiplyAdd(d, in *(float*)x, 0, s00);
            if (sizeof(TVectors) > 1)
            {
                s01 = T.MultiplyAdd(d, in *(float*)x, second, s01);
            }

            if (sizeof(TVectors) > 2)
            {
                s02 = T.MultiplyAdd(d, in *(float*)x, third, s02);
            }

            if (sizeof(TRows) > 1)
            {
                s10 = T.MultiplyAdd(d, in *(float*)(x + step), 0, s10);
                s20 = T.MultiplyAdd(d, in *(float*)(x + (2 * step)), 0, s20);
                if (sizeof(TVectors) > 1)
                {
                    s11 = T.MultiplyAdd(d, in *(float*)(x + step), second, s11);
                    s21 = T.MultiplyAdd(d, in *(float*)(x + (2 * step)), second, s21);
                }

                if (sizeof(TVectors) > 2)
                {
                    s12 = T.MultiplyAdd(d, in *(float*)(x + step), third, s12);
                    s22 = T.MultiplyAdd(d, in *(float*)(x + (2 * step)), third, s22);
                }
            }

            if (sizeof(TRows) > 3)
            {
                s30 = T.MultiplyAdd(d, in *(float*)(x + step3), 0, s30);
                s40 = T.MultiplyAdd(d, in *(float*)(x + (4 * step)), 0, s40);
                if (sizeof(TVectors) > 1)
                {
                    s31 = T.MultiplyAdd(d, in *(float*)(x + step3), second, s31);
                    s41 = T.MultiplyAdd(d, in *(float*)(x + (4 * step)), second, s41);
                }

                if (sizeof(TVectors) > 2)
                {
                    s32 = T.MultiplyAdd(d, in *(float*)(x + step3), third, s32);
                    s42 = T.MultiplyAdd(d, in *(float*)(x + (4 * step)), third, s42);
                }
            }
        }

        T.Store(total, ref *sumOfDelta, 0);
        T.Store(s00, ref *sums, 0);
        if (sizeof(TVectors) > 1)
        {
            T.Store(s01, ref *sums, second);
        }

        if (sizeof(TVectors) > 2)
        {
            T.Store(s02, ref *sums, third);
        }

        if (sizeof(TRows) > 1)
        {
            T.Store(s10, ref *sums1, 0);
            T.Store(s20, ref *sums2, 0);
            if (sizeof(TVectors) > 1)
            {
                T.Store(s11, ref *sums1, second);
                T.Store(s21, ref *sums2, second);
            }

            if (sizeof(TVectors) > 2)
            {
                T.Store(s12, ref *sums1, third);
                T.Store(s22, ref *sums2, third);
            }
        }

        if (sizeof(TRows) > 3)
        {
            T.Store(s30, ref *sums3, 0);
            T.Store(s40, ref *sums4, 0);
            if (sizeof(TVectors) > 1)
            {
                T.Store(s31, ref *sums3, second);
                T.Store(s41, ref *sums4, second);
            }

            if (sizeof(TVectors) > 2)
            {
                T.Store(s32, ref *sums3, third);
                T.Store(s42, ref *sums4, third);
            }
        }
    }
}
