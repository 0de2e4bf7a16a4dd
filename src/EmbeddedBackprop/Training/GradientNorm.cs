using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Training;

/// <summary>
/// The Euclidean norm of all gradients: s[e mod 16] = M(g, g, s[e mod 16]), where e counts the elements of all tensors in their order, each in compact
/// [out, in] order; then the fixed tree of <see cref="Reduce.Fold"/> and the square root. So it does not depend on the layout.
/// </summary>
internal static class GradientNorm
{
    /// <summary>A multiple of 16, so that every piece begins at part 0.</summary>
    private const int Piece = 256;

    /// <summary>By vectors, from pieces that are brought into compact order on the stack.</summary>
    public static float Compute(Arithmetic arithmetic, ReadOnlySpan<ParameterRange> ranges, ReadOnlySpan<float> gradients)
    {
        Span<float> parts = stackalloc float[16];
        Span<float> piece = stackalloc float[Piece];
        parts.Clear();
        int used = 0;
        foreach (ref readonly ParameterRange range in ranges)
        {
            for (int column = 0; column < range.Columns; column++)
            {
                int at = range.Offset + column;
                for (int row = 0; row < range.Rows; row++, at += range.Stride)
                {
                    piece[used++] = gradients[at];
                    if (used == Piece)
                    {
                        Reduce.AddSquaresToParts(arithmetic, piece, parts);
                        used = 0;
                    }
                }
            }
        }

        Reduce.AddSquaresToParts(arithmetic, piece[..used], parts);
        return MathF.Sqrt(Reduce.Fold(parts));
    }

    /// <summary>The definition, one number at a time.</summary>
    public static float ComputeScalar(Arithmetic arithmetic, ReadOnlySpan<ParameterRange> ranges, ReadOnlySpan<float> gradients)
    {
        Span<float> parts = stackalloc float[16];
        parts.Clear();
        int element = 0;
        foreach (ref readonly ParameterRange range in ranges)
        {
            for (int column = 0; column < range.Columns; column++)
            {
                for (int row = 0; row < range.Rows; row++)
                {
                    float g = gradients[range.Offset + (row * range.Stride) + column];
                    ref float part = ref parts[element++ % 16];
                    part = arithmetic == Arithmetic.Fused
                        ? Lane<Fused>.MultiplyAdd(new(g), new(g), new(part)).Value
                        : Lane<Separate>.MultiplyAdd(new(g), new(g), new(part)).Value;
                }
            }
        }

        return MathF.Sqrt(Kernels.Scalar.Reduce.Fold<float>(parts));
    }
}
