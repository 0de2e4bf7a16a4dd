using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace EmbeddedBackprop.Kernels.Products;

/// <summary>Transposes a block of a matrix into a panel, so that the product with a transposed matrix runs over the same tile.</summary>
/// <remarks>Moves bits only, so it uses the widest shuffles there are, whatever width the product runs at. Source and destination may not
/// overlap.</remarks>
internal static class Transpose
{
    /// <summary>Floats of a cache line: packing takes so many columns of every row at a time.</summary>
    public const int LineColumns = 16;

    /// <summary>destination[p * leading + j] = source[j * leadingSource + p] for j &lt; rows, p &lt; columns.</summary>
    public static void Pack(ref readonly float source, nuint leadingSource, nuint rows, nuint columns, ref float destination, nuint leading)
    {
        ref float from = ref Unsafe.AsRef(in source);
        if (columns < 4 || rows < 4 || !Vector128.IsHardwareAccelerated)
        {
            for (nuint j = 0; j < rows; j++)
            {
                for (nuint p = 0; p < columns; p++)
                {
                    Unsafe.Add(ref destination, (p * leading) + j) = Unsafe.Add(ref from, (j * leadingSource) + p);
                }
            }

            return;
        }

        nuint height = Avx512F.IsSupported && rows >= 16 ? 16u : Avx.IsSupported && rows >= 8 ? 8u : 4u;
        for (nuint chunk = 0; chunk < columns; chunk += LineColumns)
        {
            // One cache line of every row at a time: it is used up before the next one comes, and the panel is written from front to back.
            nuint end = nuint.Min(chunk + LineColumns, columns), begin = chunk;
            if (height == 16 && end - chunk is > 4 and < LineColumns && columns >= LineColumns)
            {
                // Neither is a ragged end slower than a whole square.
                begin = end - LineColumns;
            }

            for (nuint j = 0; j < rows; j += height)
            {
                // A ragged block overlaps its neighbour: the same floats go to the same addresses once more.
                nuint first = nuint.Min(j, rows - height);
                ref float block = ref Unsafe.Add(ref from, first * leadingSource);
                if (height == 16 && end - begin == LineColumns)
                {
                    Square16(ref Unsafe.Add(ref block, begin), leadingSource, ref Unsafe.Add(ref destination, (begin * leading) + first), leading);
                    continue;
                }

                for (nuint p = begin; p < end; p += 4)
                {
                    nuint column = nuint.Min(p, columns - 4);
                    ref float to = ref Unsafe.Add(ref destination, (column * leading) + first);
                    if (height == 16)
                    {
                        Block16(ref Unsafe.Add(ref block, column), leadingSource, ref to, leading);
                    }
                    else if (height == 8)
                    {
                        Block8(ref Unsafe.Add(ref block, column), leadingSource, ref to, leading);
                    }
                    else
                    {
                        Block4(ref Unsafe.Add(ref block, column), leadingSource, ref to, leading);
                    }
                }
            }
        }
    }

    /// <summary>x[0], x[2], y[1], y[3]: every second float, where y begins three floats after x.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Halves(Vector128<float> x, Vector128<float> y) =>
        Sse.IsSupported ? Sse.Shuffle(x, y, 0b11_01_10_00) : Vector128.Create(x[0], x[2], y[1], y[3]);

    // Four rows of four: two rounds of interleaving. The taller blocks do the same in each quarter of a wider register.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Block4(ref float source, nuint leadingSource, ref float destination, nuint leading)
    {
        Vector128<float> r0 = Row(ref source, 0);
        Vector128<float> r1 = Row(ref source, leadingSource);
        Vector128<float> r2 = Row(ref source, 2 * leadingSource);
        Vector128<float> r3 = Row(ref source, 3 * leadingSource);
        Vector128<float> low02 = ZipLow(r0, r2);
        Vector128<float> low13 = ZipLow(r1, r3);
        Vector128<float> high02 = ZipHigh(r0, r2);
        Vector128<float> high13 = ZipHigh(r1, r3);
        ZipLow(low02, low13).StoreUnsafe(ref destination);
        ZipHigh(low02, low13).StoreUnsafe(ref destination, leading);
        ZipLow(high02, high13).StoreUnsafe(ref destination, 2 * leading);
        ZipHigh(high02, high13).StoreUnsafe(ref destination, 3 * leading);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Block8(ref float source, nuint leadingSource, ref float destination, nuint leading)
    {
        Vector256<float> r0 = Rows2(ref source, 0, leadingSource);
        Vector256<float> r1 = Rows2(ref source, 1, leadingSource);
        Vector256<float> r2 = Rows2(ref source, 2, leadingSource);
        Vector256<float> r3 = Rows2(ref source, 3, leadingSource);
        Vector256<float> low02 = Avx.UnpackLow(r0, r2);
        Vector256<float> low13 = Avx.UnpackLow(r1, r3);
        Vector256<float> high02 = Avx.UnpackHigh(r0, r2);
        Vector256<float> high13 = Avx.UnpackHigh(r1, r3);
        Avx.UnpackLow(low02, low13).StoreUnsafe(ref destination);
        Avx.UnpackHigh(low02, low13).StoreUnsafe(ref destination, leading);
        Avx.UnpackLow(high02, high13).StoreUnsafe(ref destination, 2 * leading);
        Avx.UnpackHigh(high02, high13).StoreUnsafe(ref destination, 3 * leading);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Block16(ref float source, nuint leadingSource, ref float destination, nuint leading)
    {
        ref float lower = ref Unsafe.Add(ref source, 8 * leadingSource);
        Vector512<float> r0 = Vector512.Create(Rows2(ref source, 0, leadingSource), Rows2(ref lower, 0, leadingSource));
        Vector512<float> r1 = Vector512.Create(Rows2(ref source, 1, leadingSource), Rows2(ref lower, 1, leadingSource));
        Vector512<float> r2 = Vector512.Create(Rows2(ref source, 2, leadingSource), Rows2(ref lower, 2, leadingSource));
        Vector512<float> r3 = Vector512.Create(Rows2(ref source, 3, leadingSource), Rows2(ref lower, 3, leadingSource));
        Vector512<float> low02 = Avx512F.UnpackLow(r0, r2);
        Vector512<float> low13 = Avx512F.UnpackLow(r1, r3);
        Vector512<float> high02 = Avx512F.UnpackHigh(r0, r2);
        Vector512<float> high13 = Avx512F.UnpackHigh(r1, r3);
        Avx512F.UnpackLow(low02, low13).StoreUnsafe(ref destination);
        Avx512F.UnpackHigh(low02, low13).StoreUnsafe(ref destination, leading);
        Avx512F.UnpackLow(high02, high13).StoreUnsafe(ref destination, 2 * leading);
        Avx512F.UnpackHigh(high02, high13).StoreUnsafe(ref destination, 3 * leading);
    }

    // 16 x 16: whole cache lines on both sides. The rows of each quarter are swapped with the columns of each four lanes, then quarters are swapped.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Square16(ref float source, nuint leadingSource, ref float destination, nuint leading)
    {
        Vector512<float> r0 = Vector512.LoadUnsafe(ref source);
        Vector512<float> r1 = Vector512.LoadUnsafe(ref source, leadingSource);
        Vector512<float> r2 = Vector512.LoadUnsafe(ref source, 2 * leadingSource);
        Vector512<float> r3 = Vector512.LoadUnsafe(ref source, 3 * leadingSource);
        Vector512<float> r4 = Vector512.LoadUnsafe(ref source, 4 * leadingSource);
        Vector512<float> r5 = Vector512.LoadUnsafe(ref source, 5 * leadingSource);
        Vector512<float> r6 = Vector512.LoadUnsafe(ref source, 6 * leadingSource);
        Vector512<float> r7 = Vector512.LoadUnsafe(ref source, 7 * leadingSource);
        Vector512<float> r8 = Vector512.LoadUnsafe(ref source, 8 * leadingSource);
        Vector512<float> r9 = Vector512.LoadUnsafe(ref source, 9 * leadingSource);
        Vector512<float> r10 = Vector512.LoadUnsafe(ref source, 10 * leadingSource);
        Vector512<float> r11 = Vector512.LoadUnsafe(ref source, 11 * leadingSource);
        Vector512<float> r12 = Vector512.LoadUnsafe(ref source, 12 * leadingSource);
        Vector512<float> r13 = Vector512.LoadUnsafe(ref source, 13 * leadingSource);
        Vector512<float> r14 = Vector512.LoadUnsafe(ref source, 14 * leadingSource);
        Vector512<float> r15 = Vector512.LoadUnsafe(ref source, 15 * leadingSource);
        Quarter(ref r0, ref r1, ref r2, ref r3);
        Quarter(ref r4, ref r5, ref r6, ref r7);
        Quarter(ref r8, ref r9, ref r10, ref r11);
        Quarter(ref r12, ref r13, ref r14, ref r15);
        StoreQuarters(r0, r4, r8, r12, ref destination, 0, 4 * leading);
        StoreQuarters(r1, r5, r9, r13, ref destination, leading, 4 * leading);
        StoreQuarters(r2, r6, r10, r14, ref destination, 2 * leading, 4 * leading);
        StoreQuarters(r3, r7, r11, r15, ref destination, 3 * leading, 4 * leading);
    }

    // Column 4 l + q of four rows comes into lanes 4 l .. 4 l + 3 of register q.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Quarter(ref Vector512<float> r0, ref Vector512<float> r1, ref Vector512<float> r2, ref Vector512<float> r3)
    {
        Vector512<double> low01 = Avx512F.UnpackLow(r0, r1).AsDouble();
        Vector512<double> high01 = Avx512F.UnpackHigh(r0, r1).AsDouble();
        Vector512<double> low23 = Avx512F.UnpackLow(r2, r3).AsDouble();
        Vector512<double> high23 = Avx512F.UnpackHigh(r2, r3).AsDouble();
        r0 = Avx512F.UnpackLow(low01, low23).AsSingle();
        r1 = Avx512F.UnpackHigh(low01, low23).AsSingle();
        r2 = Avx512F.UnpackLow(high01, high23).AsSingle();
        r3 = Avx512F.UnpackHigh(high01, high23).AsSingle();
    }

    // Lanes 4 l .. 4 l + 3 of the four registers make up row l.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreQuarters(
        Vector512<float> u0, Vector512<float> u1, Vector512<float> u2, Vector512<float> u3, ref float destination, nuint at, nuint apart)
    {
        Vector512<float> even01 = Avx512F.Shuffle4x128(u0, u1, 0b10_00_10_00), even23 = Avx512F.Shuffle4x128(u2, u3, 0b10_00_10_00);
        Vector512<float> odd01 = Avx512F.Shuffle4x128(u0, u1, 0b11_01_11_01), odd23 = Avx512F.Shuffle4x128(u2, u3, 0b11_01_11_01);
        Avx512F.Shuffle4x128(even01, even23, 0b10_00_10_00).StoreUnsafe(ref destination, at);
        Avx512F.Shuffle4x128(odd01, odd23, 0b10_00_10_00).StoreUnsafe(ref destination, at + apart);
        Avx512F.Shuffle4x128(even01, even23, 0b11_01_11_01).StoreUnsafe(ref destination, at + (2 * apart));
        Avx512F.Shuffle4x128(odd01, odd23, 0b11_01_11_01).StoreUnsafe(ref destination, at + (3 * apart));
    }

    // Row r below, row r + 4 above.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Rows2(ref float source, nuint row, nuint leading) =>
        Vector256.Create(Row(ref source, row * leading), Row(ref source, (row + 4) * leading));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> Row(ref float source, nuint offset) => Vector128.LoadUnsafe(ref source, offset);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> ZipLow(Vector128<float> x, Vector128<float> y) =>
        Sse.IsSupported ? Sse.UnpackLow(x, y)
        : AdvSimd.Arm64.IsSupported ? AdvSimd.Arm64.ZipLow(x, y)
        : Vector128.Create(x[0], y[0], x[1], y[1]);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> ZipHigh(Vector128<float> x, Vector128<float> y) =>
        Sse.IsSupported ? Sse.UnpackHigh(x, y)
        : AdvSimd.Arm64.IsSupported ? AdvSimd.Arm64.ZipHigh(x, y)
        : Vector128.Create(x[2], y[2], x[3], y[3]);
}
