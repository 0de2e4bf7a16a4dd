using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Kernels.Products;

/// <summary>
/// C = C + A B where most of A is 0: after a maximum over two by two and a rectifier, seven of eight gradients are 0. Terms with a zero of
/// A are left out, which changes no chain whose B is finite, unless it ends in -0: the caller looks for that (<see cref="HasNegativeZero"/>) and then
/// takes them all.
/// </summary>
/// <remarks>
/// A term +-0 changes no sum but -0, which it may make +0. So the chain with all terms (t) and the one without (s) are equal, or s is -0 and t is +0,
/// until the next term that is not zero makes them equal again. Hence s differs from t at the end only if s is -0.
/// </remarks>
internal static unsafe class SparseProduct
{
    /// <summary>The deepest product: two words of bits.</summary>
    private const int MostDepth = 128;

    private const int MostRows = 64;

    /// <summary>Columns is a multiple of T.Count; row i of A is at a + i * rowA, without gaps.</summary>
    /// <returns>False, and nothing is done, where A has not enough zeros.</returns>
    public static bool TryRun<T>(int rows, int columns, int depth, float* a, int rowA, float* b, int leadingB, float* c, int leadingC)
        where T : struct, IFloatLanes<T>
    {
        if (rows > MostRows || depth > MostDepth)
        {
            return false;
        }

        ulong* bits = stackalloc ulong[2 * rows];
        int count = 0;
        for (int i = 0; i < rows; i++)
        {
            bits[2 * i] = NonZeros(a + ((nint)i * rowA), Math.Min(depth, 64));
            bits[(2 * i) + 1] = depth > 64 ? NonZeros(a + ((nint)i * rowA) + 64, depth - 64) : 0;
            count += BitOperations.PopCount(bits[2 * i]) + BitOperations.PopCount(bits[(2 * i) + 1]);
        }

        // A term left out saves a multiply-add; one that is not costs a tile's twice over.
        if (3 * count > rows * depth)
        {
            return false;
        }

        for (int i = 0; i < rows; i++)
        {
            int j = 0;
            for (; columns - j >= 4 * T.Count; j += 4 * T.Count)
            {
                Four<T>(bits[2 * i], a, b + j, leadingB, c + j);
                Four<T>(bits[(2 * i) + 1], a + 64, b + j + (64 * (nint)leadingB), leadingB, c + j);
            }

            for (; columns - j >= 2 * T.Count; j += 2 * T.Count)
            {
                Two<T>(bits[2 * i], a, b + j, leadingB, c + j);
                Two<T>(bits[(2 * i) + 1], a + 64, b + j + (64 * (nint)leadingB), leadingB, c + j);
            }

            for (; j < columns; j += T.Count)
            {
                One<T>(bits[2 * i], a, b + j, leadingB, c + j);
                One<T>(bits[(2 * i) + 1], a + 64, b + j + (64 * (nint)leadingB), leadingB, c + j);
            }

            a += rowA;
            c += leadingC;
        }

        return true;
    }

    /// <summary>Whether a float is -0.</summary>
    public static bool HasNegativeZero(float* x, int count)
    {
        int i = 0;
        if (Vector512.IsHardwareAccelerated)
        {
            for (; count - i >= Vector512<int>.Count; i += Vector512<int>.Count)
            {
                if (Vector512.EqualsAny(Vector512.Load((int*)x + i), Vector512.Create(int.MinValue)))
                {
                    return true;
                }
            }
        }

        if (Vector128.IsHardwareAccelerated)
        {
            for (; count - i >= Vector128<int>.Count; i += Vector128<int>.Count)
            {
                if (Vector128.EqualsAny(Vector128.Load((int*)x + i), Vector128.Create(int.MinValue)))
                {
                    return true;
                }
            }
        }

        for (; i < count; i++)
        {
            if (BitConverter.SingleToInt32Bits(x[i]) == int.MinValue)
            {
                return true;
            }
        }

        return false;
    }

    private static void Four<T>(ulong bits, float* a, float* b, nint leadingB, float* c) where T : struct, IFloatLanes<T>
    {
        if (bits == 0)
        {
            return;
        }

        nuint second = (nuint)T.Count, third = 2 * second, fourth = 3 * second;
        T s0 = T.Load(in *c, 0), s1 = T.Load(in *c, second), s2 = T.Load(in *c, third), s3 = T.Load(in *c, fourth);
        for (; bits != 0; bits &= bits - 1)
        {
            nint p = BitOperations.TrailingZeroCount(bits);
            T x = T.Broadcast(a[p]);
            float* row = b + (p * leadingB);
            s0 = T.MultiplyAdd(x, T.Load(in *row, 0), s0);
            s1 = T.MultiplyAdd(x, T.Load(in *row, second), s1);
            s2 = T.MultiplyAdd(x, T.Load(in *row, third), s2);
            s3 = T.MultiplyAdd(x, T.Load(in *row, fourth), s3);
        }

        T.Store(s0, ref *c, 0);
        T.Store(s1, ref *c, second);
        T.Store(s2, ref *c, third);
        T.Store(s3, ref *c, fourth);
    }

    private static void Two<T>(ulong bits, float* a, float* b, nint leadingB, float* c) where T : struct, IFloatLanes<T>
    {
        if (bits == 0)
        {
            return;
        }

        nuint second = (nuint)T.Count;
        T s0 = T.Load(in *c, 0), s1 = T.Load(in *c, second);
        for (; bits != 0; bits &= bits - 1)
        {
            nint p = BitOperations.TrailingZeroCount(bits);
            T x = T.Broadcast(a[p]);
            float* row = b + (p * leadingB);
            s0 = T.MultiplyAdd(x, T.Load(in *row, 0), s0);
            s1 = T.MultiplyAdd(x, T.Load(in *row, second), s1);
        }

        T.Store(s0, ref *c, 0);
        T.Store(s1, ref *c, second);
    }

    private static void One<T>(ulong bits, float* a, float* b, nint leadingB, float* c) where T : struct, IFloatLanes<T>
    {
        if (bits == 0)
        {
            return;
        }

        T s = T.Load(in *c, 0);
        for (; bits != 0; bits &= bits - 1)
        {
            nint p = BitOperations.TrailingZeroCount(bits);
            s = T.MultiplyAdd(T.Broadcast(a[p]), T.Load(in *(b + (p * leadingB)), 0), s);
        }

        T.Store(s, ref *c, 0);
    }

    /// <summary>A bit for every element that is not 0; NaN is not 0. At most 64 elements.</summary>
    public static ulong NonZeros(float* x, int count)
    {
        ulong bits = 0;
        int i = 0;
        if (Vector512.IsHardwareAccelerated)
        {
            if (count == 64)
            {
                return ~(Zeros(x) | (Zeros(x + 16) << 16) | (Zeros(x + 32) << 32) | (Zeros(x + 48) << 48));
            }

            for (; count - i >= 16; i += 16)
            {
                bits |= (Zeros(x + i) ^ 0xFFFF) << i;
            }
        }

        for (; count - i >= 4; i += 4)
        {
            bits |= (ulong)(~Vector128.Equals(Vector128.Load(x + i), Vector128<float>.Zero).ExtractMostSignificantBits() & 0xF) << i;
        }

        for (; i < count; i++)
        {
            bits |= x[i] == 0f ? 0 : 1ul << i;
        }

        return bits;
    }

    /// <summary>A bit for every one of 16 elements that is 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Zeros(float* x) => Vector512.Equals(Vector512.Load(x), Vector512<float>.Zero).ExtractMostSignificantBits();
}
