using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Kernels.Products;

/// <summary>
/// C = C + A B where a mask of B's shape says which terms exist: s = mask[p, j] &gt; 0 ? M(a[i, p], b[p, j], s) : s. For the borders of padded
/// convolutions, where a term that is skipped is not the same as one multiplied by zero: -0 + 0 is +0, and NaN * 0 is NaN.
/// </summary>
internal static unsafe class MaskedProduct
{
    /// <summary>
    /// Columns is a multiple of T.Count; A's element (row i, step p) is at i * rowA + p * stepA; B and its mask have the same leading dimension; the
    /// mask's row of step p is (first + p) mod period.
    /// </summary>
    public static void Run<T>(
        int rows,
        int columns,
        int depth,
        float* a,
        int rowA,
        int stepA,
        float* b,
        float* mask,
        int leadingB,
        int first,
        int period,
        float* c,
        int leadingC)
        where T : struct, IFloatLanes<T>
    {
        for (int j = 0; j < columns; j += T.Count)
        {
            int i = 0;
            for (; rows - i >= 4; i += 4)
            {
                Four<T>(depth, a + ((nint)i * rowA), rowA, stepA, b + j, mask + j, leadingB, first, period, c + ((nint)i * leadingC) + j, leadingC);
            }

            for (; i < rows; i++)
            {
                One<T>(depth, a + ((nint)i * rowA), stepA, b + j, mask + j, leadingB, first, period, c + ((nint)i * leadingC) + j);
            }
        }
    }

    private static void Four<T>(
        int depth,
        float* a,
        nint rowA,
        nint stepA,
        float* b,
        float* mask,
        nint leadingB,
        int first,
        int period,
        float* c,
        nint leadingC)
        where T : struct, IFloatLanes<T>
    {
        float* c1 = c + leadingC, c2 = c1 + leadingC, c3 = c2 + leadingC;
        T s0 = T.Load(in *c, 0), s1 = T.Load(in *c1, 0), s2 = T.Load(in *c2, 0), s3 = T.Load(in *c3, 0);
        float* row = mask + (first * leadingB), end = mask + (period * leadingB);
        for (; depth != 0; depth--)
        {
            T x = T.Load(in *b, 0), exists = T.Load(in *row, 0);
            s0 = T.IfGreater(exists, T.Zero, T.MultiplyAdd(T.Broadcast(a[0]), x, s0), s0);
            s1 = T.IfGreater(exists, T.Zero, T.MultiplyAdd(T.Broadcast(a[rowA]), x, s1), s1);
            s2 = T.IfGreater(exists, T.Zero, T.MultiplyAdd(T.Broadcast(a[2 * rowA]), x, s2), s2);
            s3 = T.IfGreater(exists, T.Zero, T.MultiplyAdd(T.Broadcast(a[3 * rowA]), x, s3), s3);
            a += stepA;
            b += leadingB;
            row = row + leadingB == end ? mask : row + leadingB;
        }

        T.Store(s0, ref *c, 0);
        T.Store(s1, ref *c1, 0);
        T.Store(s2, ref *c2, 0);
        T.Store(s3, ref *c3, 0);
    }

    private static void One<T>(int depth, float* a, nint stepA, float* b, float* mask, nint leadingB, int first, int period, float* c)
        where T : struct, IFloatLanes<T>
    {
        T s = T.Load(in *c, 0);
        float* row = mask + (first * leadingB), end = mask + (period * leadingB);
        for (; depth != 0; depth--)
        {
            s = T.IfGreater(T.Load(in *row, 0), T.Zero, T.MultiplyAdd(T.Broadcast(*a), T.Load(in *b, 0), s), s);
            a += stepA;
            b += leadingB;
            row = row + leadingB == end ? mask : row + leadingB;
        }

        T.Store(s, ref *c, 0);
    }
}
