using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using EmbeddedBackprop.Kernels.Products;

namespace EmbeddedBackprop.Kernels.Convolution;

/// <summary>
/// An image of one channel with rows below each other innermost: pixel (y, x) holds the floats of column x in rows y - kernel height + 1 to y. The
/// taps of a kernel are then one run of neighbours, [kernel column][kernel row]: those of 5 x 5 fill two vectors of 16, instead of a part of five.
/// </summary>
/// <remarks>
/// Sixteen pixels are as many vectors as a kernel has rows. Those of row y are the ones of row y - 1, moved up by one float, with the image's row y
/// as the last float of each pixel.
/// </remarks>
internal static unsafe class ConvColumns
{
    /// <summary>The one width of vectors that there is.</summary>
    public const int Lanes = 16;

    /// <summary>Whether an image becomes at most so many floats, and there is code for the kernel.</summary>
    public static bool Fits(in ConvSizes sizes, int room) =>
        Avx512F.IsSupported && sizes.Channels == 1 && sizes.DilationY == 1 && sizes.KernelHeight is 3 or 5 && sizes.KernelWidth is >= 3 and <= 5
        && sizes.Width >= Lanes && (long)sizes.Height * Pitch(in sizes) * sizes.KernelHeight <= room;

    /// <summary>Pixels from row to row: whole vectors.</summary>
    public static int Pitch(in ConvSizes sizes) => (sizes.Width + Lanes - 1) / Lanes * Lanes;

    /// <summary>Writes height x pitch x kernel height floats; those after a row's last pixel are floats of the image, too.</summary>
    public static void Pack(in ConvSizes sizes, float* image, float* packed)
    {
        for (int x = 0; x < sizes.Width; x += Lanes)
        {
            // The last vector of a row begins early.
            int early = Math.Max(0, x + Lanes - sizes.Width);
            if (sizes.KernelHeight == 3)
            {
                Pixels<Three>(in sizes, image + x - early, early, packed + (x * 3));
            }
            else
            {
                Pixels<Five>(in sizes, image + x - early, early, packed + (x * 5));
            }
        }
    }

    /// <summary>Sixteen columns of all rows.</summary>
    private static void Pixels<TRows>(in ConvSizes sizes, float* image, int early, float* packed) where TRows : unmanaged, ITileSize
    {
        int leading = Pitch(in sizes) * sizeof(TRows);
        Vector512<int> s0 = default, s1 = default, s2 = default, s3 = default, s4 = default;
        Source<TRows>(0, early, out Vector512<int> from0, out Vector512<int> own0);
        Source<TRows>(1, early, out Vector512<int> from1, out Vector512<int> own1);
        Source<TRows>(2, early, out Vector512<int> from2, out Vector512<int> own2);
        Source<TRows>(3, early, out Vector512<int> from3, out Vector512<int> own3);
        Source<TRows>(4, early, out Vector512<int> from4, out Vector512<int> own4);
        for (int y = 0; y < sizes.Height; y++, image += sizes.Width, packed += leading)
        {
            Vector512<int> row = Vector512.Load((int*)image);
            s0 = Next(s0, s1, from0, own0, row);
            s1 = Next(s1, s2, from1, own1, row);
            s2 = Next(s2, s3, from2, own2, row);
            s0.Store((int*)packed);
            s1.Store((int*)packed + Lanes);
            s2.Store((int*)packed + (2 * Lanes));
            if (sizeof(TRows) > 3)
            {
                s3 = Next(s3, s4, from3, own3, row);
                s4 = Next(s4, s4, from4, own4, row);
                s3.Store((int*)packed + (3 * Lanes));
                s4.Store((int*)packed + (4 * Lanes));
            }
        }
    }

    /// <summary>Which lanes of a vector of sixteen pixels are the row's own, and which of its floats they are.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Source<TRows>(int vector, int early, out Vector512<int> from, out Vector512<int> own) where TRows : unmanaged, ITileSize
    {
        // pixel = lane / 3 or lane / 5, for lanes below 80.
        Vector512<int> lane = Vector512<int>.Indices + Vector512.Create(vector * Lanes);
        Vector512<int> pixel = (lane * Vector512.Create(sizeof(TRows) == 3 ? 342 : 205)) >> 10;
        from = pixel + Vector512.Create(early);
        own = Vector512.Equals(lane - (pixel * Vector512.Create(sizeof(TRows))), Vector512.Create(sizeof(TRows) - 1));
    }

    /// <summary>A vector of the next row: the lane after the last one is the next vector's first, where it is not the row's own.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<int> Next(Vector512<int> s, Vector512<int> next, Vector512<int> from, Vector512<int> own, Vector512<int> row) =>
        Vector512.ConditionalSelect(own, Avx512F.PermuteVar16x32(row, from), Avx512F.AlignRight32(next, s, 1));
}
