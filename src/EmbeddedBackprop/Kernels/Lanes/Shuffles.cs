using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace EmbeddedBackprop.Kernels.Lanes;

/// <summary>Takes pairs of neighbours apart and puts them together again, over two registers, for a stride of two. Bits are moved, never
/// changed.</summary>
internal static class Shuffles
{
    /// <summary>Elements 0, 2, 4, ... of low followed by high.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Even(Vector128<float> low, Vector128<float> high) =>
        Sse.IsSupported
            ? Sse.Shuffle(low, high, 0b10_00_10_00)
            : Vector128.ConditionalSelect(
                Vector128.Create(-1, -1, 0, 0).AsSingle(),
                Vector128.Shuffle(low, Vector128.Create(0, 2, 0, 2)),
                Vector128.Shuffle(high, Vector128.Create(0, 2, 0, 2)));

    /// <summary>Elements 1, 3, 5, ... of low followed by high.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Odd(Vector128<float> low, Vector128<float> high) =>
        Sse.IsSupported
            ? Sse.Shuffle(low, high, 0b11_01_11_01)
            : Vector128.ConditionalSelect(
                Vector128.Create(-1, -1, 0, 0).AsSingle(),
                Vector128.Shuffle(low, Vector128.Create(1, 3, 1, 3)),
                Vector128.Shuffle(high, Vector128.Create(1, 3, 1, 3)));

    /// <summary>The first half of even[0], odd[0], even[1], odd[1], ...</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> ZipLow(Vector128<float> even, Vector128<float> odd) =>
        Sse.IsSupported
            ? Sse.UnpackLow(even, odd)
            : Vector128.ConditionalSelect(
                Vector128.Create(-1, 0, -1, 0).AsSingle(),
                Vector128.Shuffle(even, Vector128.Create(0, 0, 1, 1)),
                Vector128.Shuffle(odd, Vector128.Create(0, 0, 1, 1)));

    /// <summary>The second half of even[0], odd[0], even[1], odd[1], ...</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> ZipHigh(Vector128<float> even, Vector128<float> odd) =>
        Sse.IsSupported
            ? Sse.UnpackHigh(even, odd)
            : Vector128.ConditionalSelect(
                Vector128.Create(-1, 0, -1, 0).AsSingle(),
                Vector128.Shuffle(even, Vector128.Create(2, 2, 3, 3)),
                Vector128.Shuffle(odd, Vector128.Create(2, 2, 3, 3)));

    /// <inheritdoc cref="Even(Vector128{float}, Vector128{float})"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Even(Vector256<float> low, Vector256<float> high) =>
        Avx2.IsSupported
            ? Avx2.Permute4x64(Avx.Shuffle(low, high, 0b10_00_10_00).AsDouble(), 0b11_01_10_00).AsSingle()
            : Vector256.Create(Even(low.GetLower(), low.GetUpper()), Even(high.GetLower(), high.GetUpper()));

    /// <inheritdoc cref="Odd(Vector128{float}, Vector128{float})"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Odd(Vector256<float> low, Vector256<float> high) =>
        Avx2.IsSupported
            ? Avx2.Permute4x64(Avx.Shuffle(low, high, 0b11_01_11_01).AsDouble(), 0b11_01_10_00).AsSingle()
            : Vector256.Create(Odd(low.GetLower(), low.GetUpper()), Odd(high.GetLower(), high.GetUpper()));

    /// <inheritdoc cref="ZipLow(Vector128{float}, Vector128{float})"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> ZipLow(Vector256<float> even, Vector256<float> odd) =>
        Vector256.Create(ZipLow(even.GetLower(), odd.GetLower()), ZipHigh(even.GetLower(), odd.GetLower()));

    /// <inheritdoc cref="ZipHigh(Vector128{float}, Vector128{float})"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> ZipHigh(Vector256<float> even, Vector256<float> odd) =>
        Vector256.Create(ZipLow(even.GetUpper(), odd.GetUpper()), ZipHigh(even.GetUpper(), odd.GetUpper()));

    /// <inheritdoc cref="Even(Vector128{float}, Vector128{float})"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Even(Vector512<float> low, Vector512<float> high) =>
        Avx512F.IsSupported
            ? Avx512F.PermuteVar16x32x2(low, Vector512.Create(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30), high)
            : Vector512.Create(Even(low.GetLower(), low.GetUpper()), Even(high.GetLower(), high.GetUpper()));

    /// <inheritdoc cref="Odd(Vector128{float}, Vector128{float})"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Odd(Vector512<float> low, Vector512<float> high) =>
        Avx512F.IsSupported
            ? Avx512F.PermuteVar16x32x2(low, Vector512.Create(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31), high)
            : Vector512.Create(Odd(low.GetLower(), low.GetUpper()), Odd(high.GetLower(), high.GetUpper()));

    /// <inheritdoc cref="ZipLow(Vector128{float}, Vector128{float})"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> ZipLow(Vector512<float> even, Vector512<float> odd) =>
        Avx512F.IsSupported
            ? Avx512F.PermuteVar16x32x2(even, Vector512.Create(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23), odd)
            : Vector512.Create(ZipLow(even.GetLower(), odd.GetLower()), ZipHigh(even.GetLower(), odd.GetLower()));

    /// <inheritdoc cref="ZipHigh(Vector128{float}, Vector128{float})"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> ZipHigh(Vector512<float> even, Vector512<float> odd) =>
        Avx512F.IsSupported
            ? Avx512F.PermuteVar16x32x2(even, Vector512.Create(8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31), odd)
            : Vector512.Create(ZipLow(even.GetUpper(), odd.GetUpper()), ZipHigh(even.GetUpper(), odd.GetUpper()));

    /// <summary>The elements from the last to the first.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Reverse(Vector128<float> x) => Vector128.Shuffle(x, Vector128.Create(3, 2, 1, 0));

    /// <inheritdoc cref="Reverse(Vector128{float})"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Reverse(Vector256<float> x) =>
        Avx2.IsSupported
            ? Avx2.PermuteVar8x32(x, Vector256.Create(7, 6, 5, 4, 3, 2, 1, 0))
            : Vector256.Create(Reverse(x.GetUpper()), Reverse(x.GetLower()));

    /// <inheritdoc cref="Reverse(Vector128{float})"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Reverse(Vector512<float> x) =>
        Avx512F.IsSupported
            ? Avx512F.PermuteVar16x32(x, Vector512.Create(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0))
            : Vector512.Create(Reverse(x.GetUpper()), Reverse(x.GetLower()));
}
