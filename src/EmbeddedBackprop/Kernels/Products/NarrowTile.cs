using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Kernels.Products;

/// <summary>
/// Products of 9 to 16 columns where vectors have 16 lanes: a row of C is one vector, made of its first and its last 8 columns, which overlap. Half
/// as many multiply-adds as with two vectors of 8 lanes, and up to 12 chains at a time, so that none waits for its own additions.
/// </summary>
internal static unsafe class NarrowTile
{
    private const int MaximumRows = 12;
    private const int FewestRows = 6;
    private const int Half = 8;

    /// <summary>Rows of A times steps of k of a product that takes less than 0.2 us.</summary>
    public const int SmallProduct = 1024;

    /// <summary>
    /// Whether the product is one for this tile. Few rows have too few chains, a transposed B would have to be packed, and products that
    /// leave out columns of A have their own tile.
    /// </summary>
    public static bool Fits(in GemmArguments g) =>
        Vector512.IsHardwareAccelerated && g.N is > Half and <= 2 * Half && g is { M: >= FewestRows, BTransposed: false }
        && LaneDispatch.Width == 512 && !GemmKernel.Searches(in g);

    /// <summary>Runs a product that <see cref="Fits"/>.</summary>
    public static void Run(Arithmetic arithmetic, in GemmArguments g)
    {
        // A constant: an AOT build without vectors of 16 lanes has no such tile.
        if (!Vector512.IsHardwareAccelerated)
        {
            return;
        }

        if (LaneDispatch.HasFused && arithmetic == Arithmetic.Fused)
        {
            Run<Fused>(in g);
        }
        else if (LaneDispatch.HasSeparate && arithmetic != Arithmetic.Fused)
        {
            Run<Separate>(in g);
        }
        else
        {
            Errors.ArithmeticLeftOut(LaneDispatch.HasFused ? "fused" : "separate");
        }
    }

    private static void Run<TArithmetic>(in GemmArguments g)
        where TArithmetic : struct, IArithmetic
    {
        nuint row = 0;
        for (nuint tiles = (g.M + MaximumRows - 1) / MaximumRows; tiles != 0; tiles--)
        {
            nuint rows = tiles == 1 ? g.M - row : (g.M - row) / tiles;
            switch (rows)
            {
                case 6: Run<TArithmetic, Six>(in g, row); break;
                case 7: Run<TArithmetic, Seven>(in g, row); break;
                case 8: Run<TArithmetic, Eight>(in g, row); break;
                case 9: Run<TArithmetic, Nine>(in g, row); break;
                case 10: Run<TArithmetic, Ten>(in g, row); break;
                case 11: Run<TArithmetic, Eleven>(in g, row); break;
                default: Run<TArithmetic, Twelve>(in g, row); break;
            }

            row += rows;
        }
    }

    // Rows in threes, one address for each three: twelve addresses would not fit into the processor's registers.
    private static void Run<TArithmetic, TRows>(in GemmArguments g, nuint row)
        where TArithmetic : struct, IArithmetic
        where TRows : unmanaged, ITileSize
    {
        nuint last = g.N - Half, next = g.ARow, afterNext = 2 * g.ARow, step = g.AStep, leading = g.LeadingB;
        ref float a0 = ref Unsafe.Add(ref Unsafe.AsRef(in g.A), row * g.ARow);
        ref float a3 = ref Unsafe.Add(ref a0, 3 * g.ARow);
        ref float a6 = ref Unsafe.Add(ref a3, sizeof(TRows) > 6 ? 3 * g.ARow : 0);
        ref float a9 = ref Unsafe.Add(ref a6, sizeof(TRows) > 9 ? 3 * g.ARow : 0);
        ref float b = ref Unsafe.AsRef(in g.B);
        ref float c = ref Unsafe.Add(ref g.C, row * g.LeadingC);
        Vector512<float> s0 = default, s1, s2, s3, s4, s5, s6, s7, s8, s9, s10, s11;
        if (g.Start == GemmStart.Bias)
        {
            s0 = Load(ref Unsafe.AsRef(in g.Bias), last);
        }

        s11 = s10 = s9 = s8 = s7 = s6 = s5 = s4 = s3 = s2 = s1 = s0;
        if (g.Start == GemmStart.Destination)
        {
            nuint d = g.LeadingC;
            s0 = Load(ref c, last);
            s1 = Load(ref Unsafe.Add(ref c, d), last);
            s2 = Load(ref Unsafe.Add(ref c, 2 * d), last);
            s3 = Load(ref Unsafe.Add(ref c, 3 * d), last);
            s4 = Load(ref Unsafe.Add(ref c, 4 * d), last);
            s5 = Load(ref Unsafe.Add(ref c, 5 * d), last);
            if (sizeof(TRows) > 6)
            {
                s6 = Load(ref Unsafe.Add(ref c, 6 * d), last);
            }

            if (sizeof(TRows) > 7)
            {
                s7 = Load(ref Unsafe.Add(ref c, 7 * d), last);
            }

            if (sizeof(TRows) > 8)
            {
                s8 = Load(ref Unsafe.Add(ref c, 8 * d), last);
            }

            if (sizeof(TRows) > 9)
            {
                s9 = Load(ref Unsafe.Add(ref c, 9 * d), last);
            }

            if (sizeof(TRows) > 10)
            {
                s10 = Load(ref Unsafe.Add(ref c, 10 * d), last);
            }

            if (sizeof(TRows) > 11)
            {
                s11 = Load(ref Unsafe.Add(ref c, 11 * d), last);
            }
        }

        for (nuint left = g.K; left != 0; left--)
        {
            Vector512<float> y = Load(ref b, last);
            s0 = MultiplyAdd<TArithmetic>(Vector512.Create(a0), y, s0);
            s1 = MultiplyAdd<TArithmetic>(Vector512.Create(Unsafe.Add(ref a0, next)), y, s1);
            s2 = MultiplyAdd<TArithmetic>(Vector512.Create(Unsafe.Add(ref a0, afterNext)), y, s2);
            s3 = MultiplyAdd<TArithmetic>(Vector512.Create(a3), y, s3);
            s4 = MultiplyAdd<TArithmetic>(Vector512.Create(Unsafe.Add(ref a3, next)), y, s4);
            s5 = MultiplyAdd<TArithmetic>(Vector512.Create(Unsafe.Add(ref a3, afterNext)), y, s5);
            if (sizeof(TRows) > 6)
            {
                s6 = MultiplyAdd<TArithmetic>(Vector512.Create(a6), y, s6);
            }

            if (sizeof(TRows) > 7)
            {
                s7 = MultiplyAdd<TArithmetic>(Vector512.Create(Unsafe.Add(ref a6, next)), y, s7);
            }

            if (sizeof(TRows) > 8)
            {
                s8 = MultiplyAdd<TArithmetic>(Vector512.Create(Unsafe.Add(ref a6, afterNext)), y, s8);
            }

            if (sizeof(TRows) > 9)
            {
                s9 = MultiplyAdd<TArithmetic>(Vector512.Create(a9), y, s9);
            }

            if (sizeof(TRows) > 10)
            {
                s10 = MultiplyAdd<TArithmetic>(Vector512.Create(Unsafe.Add(ref a9, next)), y, s10);
            }

            if (sizeof(TRows) > 11)
            {
                s11 = MultiplyAdd<TArithmetic>(Vector512.Create(Unsafe.Add(ref a9, afterNext)), y, s11);
            }

            a0 = ref Unsafe.Add(ref a0, step);
            a3 = ref Unsafe.Add(ref a3, step);
            if (sizeof(TRows) > 6)
            {
                a6 = ref Unsafe.Add(ref a6, step);
            }

            if (sizeof(TRows) > 9)
            {
                a9 = ref Unsafe.Add(ref a9, step);
            }

            b = ref Unsafe.Add(ref b, leading);
        }

        c = ref Store(s0, ref c, last, g.LeadingC);
        c = ref Store(s1, ref c, last, g.LeadingC);
        c = ref Store(s2, ref c, last, g.LeadingC);
        c = ref Store(s3, ref c, last, g.LeadingC);
        c = ref Store(s4, ref c, last, g.LeadingC);
        c = ref Store(s5, ref c, last, g.LeadingC);
        if (sizeof(TRows) > 6)
        {
            c = ref Store(s6, ref c, last, g.LeadingC);
        }

        if (sizeof(TRows) > 7)
        {
            c = ref Store(s7, ref c, last, g.LeadingC);
        }

        if (sizeof(TRows) > 8)
        {
            c = ref Store(s8, ref c, last, g.LeadingC);
        }

        if (sizeof(TRows) > 9)
        {
            c = ref Store(s9, ref c, last, g.LeadingC);
        }

        if (sizeof(TRows) > 10)
        {
            c = ref Store(s10, ref c, last, g.LeadingC);
        }

        if (sizeof(TRows) > 11)
        {
            Store(s11, ref c, last, g.LeadingC);
        }
    }

    // Vector512.Create would begin with the old contents of its register, and one row of B would wait for the one before it.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Load(ref float row, nuint last)
    {
        Vector256<float> low = Vector256.LoadUnsafe(ref row), high = Vector256.LoadUnsafe(ref row, last);
        return Avx512DQ.IsSupported ? Avx512DQ.InsertVector256(low.ToVector512Unsafe(), high, 1) : Vector512.Create(low, high);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ref float Store(Vector512<float> value, ref float row, nuint last, nuint leading)
    {
        value.GetLower().StoreUnsafe(ref row);
        value.GetUpper().StoreUnsafe(ref row, last);
        return ref Unsafe.Add(ref row, leading);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> MultiplyAdd<TArithmetic>(Vector512<float> x, Vector512<float> y, Vector512<float> s)
        where TArithmetic : struct, IArithmetic =>
        TArithmetic.IsFused ? Vector512.FusedMultiplyAdd(x, y, s) : (x * y) + s;
}
