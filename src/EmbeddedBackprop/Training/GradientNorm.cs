using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Elements;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Kernels.Products;

namespace EmbeddedBackprop.Training;

/// <summary>
/// The Euclidean norm of all gradients: s[e mod 16] = M(g, g, s[e mod 16]), where e counts the elements of all tensors in their order, each in
/// compact
/// [out, in] order; then the fixed tree of <see cref="Reduce.Fold"/> and the square root. So it does not depend on the layout.
/// </summary>
internal static class GradientNorm
{
    private const int PartCount = Kernels.Scalar.PartialSums.Count;

    /// <summary>Floats on the stack: they stay in the first cache, and hold four columns of Nielsen's net.</summary>
    private const int Piece = 4096;

    /// <summary>
    /// By vectors, from pieces that are brought into compact order on the stack: as many whole columns as it holds, or a part of one.
    /// </summary>
    public static float Compute(Arithmetic arithmetic, ReadOnlySpan<ParameterRange> ranges, ReadOnlySpan<float> gradients)
    {
        Span<float> parts = stackalloc float[PartCount];
        Span<float> piece = stackalloc float[Piece];
        parts.Clear();
        int used = 0;
        foreach (ref readonly ParameterRange range in ranges)
        {
            int whole = Math.Min(range.Columns, (Piece - PartCount) / range.Rows);
            int columns = whole > 4 ? whole & ~3 : Math.Max(whole, 1);
            int rows = whole > 0 ? range.Rows : Piece - PartCount;
            for (int column = 0; column < range.Columns; column += columns)
            {
                for (int row = 0; row < range.Rows; row += rows)
                {
                    int height = Math.Min(rows, range.Rows - row), width = Math.Min(columns, range.Columns - column);
                    Transpose.Pack(
                        in gradients[range.Offset + (row * range.Stride) + column],
                        (nuint)range.Stride,
                        (nuint)height,
                        (nuint)width,
                        ref piece[used],
                        (nuint)height);
                    used = Add(arithmetic, piece, used + (height * width), parts);
                }
            }
        }

        Reduce.AddSquaresToParts(arithmetic, piece[..used], parts);
        return MathF.Sqrt(Reduce.Fold(parts));
    }

    // Takes whole rounds of the parts, so that the next piece begins at part 0 again; the rest moves to the front.
    private static int Add(Arithmetic arithmetic, Span<float> piece, int used, Span<float> parts)
    {
        int rest = used % PartCount;
        Reduce.AddSquaresToParts(arithmetic, piece[..(used - rest)], parts);
        piece.Slice(used - rest, rest).CopyTo(piece);
        return rest;
    }

    /// <summary>The definition, one element at a time.</summary>
    public static float ComputeScalar(Arithmetic arithmetic, ReadOnlySpan<ParameterRange> ranges, ReadOnlySpan<float> gradients)
    {
        Span<float> parts = stackalloc float[PartCount];
        parts.Clear();
        int element = 0;
        foreach (ref readonly ParameterRange range in ranges)
        {
            for (int column = 0; column < range.Columns; column++)
            {
                for (int row = 0; row < range.Rows; row++)
                {
                    float g = gradients[range.Offset + (row * range.Stride) + column];
                    ref float part = ref parts[element++ % PartCount];
                    part = arithmetic == Arithmetic.Fused
                        ? Lane<Fused>.MultiplyAdd(new(g), new(g), new(part)).Value
                        : Lane<Separate>.MultiplyAdd(new(g), new(g), new(part)).Value;
                }
            }
        }

        return MathF.Sqrt(Kernels.Scalar.Reduce.Fold<float>(parts));
    }
}
