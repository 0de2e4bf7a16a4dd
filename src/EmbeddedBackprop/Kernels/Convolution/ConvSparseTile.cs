using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Kernels.Products;

namespace EmbeddedBackprop.Kernels.Convolution;

/// <summary>
/// Adds the terms of a list to sums of neighbours: s = M(delta[i], source[starts[i] + neighbour], s) for the elements i of the list, in order.
/// The sums of up to five runs of three vectors stay in registers, of five where there are 32.
/// </summary>
internal unsafe struct ConvSparseTile
{
    /// <summary>Elements after the end of a list that <see cref="NonZeros"/> may write.</summary>
    public const int Slack = 16;

    private const int Word = 64;

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

    /// <summary>Lists the elements that are not 0, ascending; NaN is not 0.</summary>
    /// <returns>How many there are.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int NonZeros(float* x, int length, int* list)
    {
#if NET10_0_OR_GREATER
        if (Avx512F.IsSupported)
        {
            return Compressed(x, length, list);
        }
#endif

        int count = 0;
        for (int at = 0; at < length; at += Word)
        {
            count = Append(list, count, at, SparseProduct.NonZeros(x + at, Math.Min(Word, length - at)));
        }

        return count;
    }

#if NET10_0_OR_GREATER
    /// <summary>The same, 16 at a time: the indices of a vector move together.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Compressed(float* x, int length, int* list)
    {
        Vector512<int> index = Vector512<int>.Indices, some = Vector512.Create(Vector512<int>.Count);
        int* to = list;
        int at = 0;
        for (; length - at >= Vector512<int>.Count; at += Vector512<int>.Count, index += some)
        {
            Vector512<int> isOther = ~Vector512.Equals(Vector512.Load(x + at), Vector512<float>.Zero).AsInt32();
            Avx512F.Compress(Vector512<int>.Zero, isOther, index).Store(to);
            to += BitOperations.PopCount(isOther.ExtractMostSignificantBits());
        }

        return Append(list, (int)(to - list), at, SparseProduct.NonZeros(x + at, length - at));
    }
#endif

    /// <summary>Appends first + i to a list for every bit i, ascending.</summary>
    /// <returns>How many there are then.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Append(int* list, int count, int first, ulong bits)
    {
        const int Together = 4;
        int* to = list + count;
        count += BitOperations.PopCount(bits);

        // Four at a time, so that the length of the loop is easier to foresee: what is too much is overwritten.
        for (; bits != 0; to += Together)
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

        if (rows == 2)
        {
            Rows<T, Two>(vectors, source, sums, total);
        }
        else if (rows == 1)
        {
            Rows<T, One>(vectors, source, sums, total);
        }
    }

    private readonly void Rows<T, TRows>(int vectors, float* source, float* sums, float* total)
        where T : struct, IFloatLanes<T>
        where TRows : unmanaged, ITileSize
    {
        if (Vector512.IsHardwareAccelerated && vectors == 5)
        {
            Sum<T, TRows, Five>(source, sums, total);
            return;
        }

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
        nuint second = (nuint)T.Count, third = 2 * second, fourth = 3 * second, fifth = 4 * second;
        nint leading = StepSums, step = Step * sizeof(float), step3 = 3 * step;
        float* delta = Delta;
        int* starts = Starts;
        float* sums1 = sums + leading, sums2 = sums1 + leading, sums3 = sums2 + leading, sums4 = sums3 + leading;
        T s00 = T.Load(in *sums, 0), s01 = T.Zero, s02 = T.Zero, s03 = T.Zero, s04 = T.Zero, total = T.Load(in *sumOfDelta, 0);
        T s10 = T.Zero, s11 = T.Zero, s12 = T.Zero, s13 = T.Zero, s14 = T.Zero;
        T s20 = T.Zero, s21 = T.Zero, s22 = T.Zero, s23 = T.Zero, s24 = T.Zero;
        T s30 = T.Zero, s31 = T.Zero, s32 = T.Zero, s33 = T.Zero, s34 = T.Zero;
        T s40 = T.Zero, s41 = T.Zero, s42 = T.Zero, s43 = T.Zero, s44 = T.Zero;
        if (sizeof(TVectors) > 1)
        {
            s01 = T.Load(in *sums, second);
        }

        if (sizeof(TVectors) > 2)
        {
            s02 = T.Load(in *sums, third);
        }

        if (sizeof(TVectors) > 3)
        {
            s03 = T.Load(in *sums, fourth);
            s04 = T.Load(in *sums, fifth);
        }

        if (sizeof(TRows) > 1)
        {
            s10 = T.Load(in *sums1, 0);
            if (sizeof(TVectors) > 1)
            {
                s11 = T.Load(in *sums1, second);
            }

            if (sizeof(TVectors) > 2)
            {
                s12 = T.Load(in *sums1, third);
            }

            if (sizeof(TVectors) > 3)
            {
                s13 = T.Load(in *sums1, fourth);
                s14 = T.Load(in *sums1, fifth);
            }
        }

        if (sizeof(TRows) > 2)
        {
            s20 = T.Load(in *sums2, 0);
            if (sizeof(TVectors) > 1)
            {
                s21 = T.Load(in *sums2, second);
            }

            if (sizeof(TVectors) > 2)
            {
                s22 = T.Load(in *sums2, third);
            }

            if (sizeof(TVectors) > 3)
            {
                s23 = T.Load(in *sums2, fourth);
                s24 = T.Load(in *sums2, fifth);
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

            if (sizeof(TVectors) > 3)
            {
                s33 = T.Load(in *sums3, fourth);
                s34 = T.Load(in *sums3, fifth);
                s43 = T.Load(in *sums4, fourth);
                s44 = T.Load(in *sums4, fifth);
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

            if (sizeof(TVectors) > 3)
            {
                s03 = T.MultiplyAdd(d, in *(float*)x, fourth, s03);
                s04 = T.MultiplyAdd(d, in *(float*)x, fifth, s04);
            }

            if (sizeof(TRows) > 1)
            {
                s10 = T.MultiplyAdd(d, in *(float*)(x + step), 0, s10);
                if (sizeof(TVectors) > 1)
                {
                    s11 = T.MultiplyAdd(d, in *(float*)(x + step), second, s11);
                }

                if (sizeof(TVectors) > 2)
                {
                    s12 = T.MultiplyAdd(d, in *(float*)(x + step), third, s12);
                }

                if (sizeof(TVectors) > 3)
                {
                    s13 = T.MultiplyAdd(d, in *(float*)(x + step), fourth, s13);
                    s14 = T.MultiplyAdd(d, in *(float*)(x + step), fifth, s14);
                }
            }

            if (sizeof(TRows) > 2)
            {
                s20 = T.MultiplyAdd(d, in *(float*)(x + (2 * step)), 0, s20);
                if (sizeof(TVectors) > 1)
                {
                    s21 = T.MultiplyAdd(d, in *(float*)(x + (2 * step)), second, s21);
                }

                if (sizeof(TVectors) > 2)
                {
                    s22 = T.MultiplyAdd(d, in *(float*)(x + (2 * step)), third, s22);
                }

                if (sizeof(TVectors) > 3)
                {
                    s23 = T.MultiplyAdd(d, in *(float*)(x + (2 * step)), fourth, s23);
                    s24 = T.MultiplyAdd(d, in *(float*)(x + (2 * step)), fifth, s24);
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

                if (sizeof(TVectors) > 3)
                {
                    s33 = T.MultiplyAdd(d, in *(float*)(x + step3), fourth, s33);
                    s34 = T.MultiplyAdd(d, in *(float*)(x + step3), fifth, s34);
                    s43 = T.MultiplyAdd(d, in *(float*)(x + (4 * step)), fourth, s43);
                    s44 = T.MultiplyAdd(d, in *(float*)(x + (4 * step)), fifth, s44);
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

        if (sizeof(TVectors) > 3)
        {
            T.Store(s03, ref *sums, fourth);
            T.Store(s04, ref *sums, fifth);
        }

        if (sizeof(TRows) > 1)
        {
            T.Store(s10, ref *sums1, 0);
            if (sizeof(TVectors) > 1)
            {
                T.Store(s11, ref *sums1, second);
            }

            if (sizeof(TVectors) > 2)
            {
                T.Store(s12, ref *sums1, third);
            }

            if (sizeof(TVectors) > 3)
            {
                T.Store(s13, ref *sums1, fourth);
                T.Store(s14, ref *sums1, fifth);
            }
        }

        if (sizeof(TRows) > 2)
        {
            T.Store(s20, ref *sums2, 0);
            if (sizeof(TVectors) > 1)
            {
                T.Store(s21, ref *sums2, second);
            }

            if (sizeof(TVectors) > 2)
            {
                T.Store(s22, ref *sums2, third);
            }

            if (sizeof(TVectors) > 3)
            {
                T.Store(s23, ref *sums2, fourth);
                T.Store(s24, ref *sums2, fifth);
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

            if (sizeof(TVectors) > 3)
            {
                T.Store(s33, ref *sums3, fourth);
                T.Store(s34, ref *sums3, fifth);
                T.Store(s43, ref *sums4, fourth);
                T.Store(s44, ref *sums4, fifth);
            }
        }
    }
}
