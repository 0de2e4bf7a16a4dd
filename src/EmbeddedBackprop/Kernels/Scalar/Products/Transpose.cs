namespace EmbeddedBackprop.Kernels.Scalar;

/// <summary>The transpose as a textbook loop: the definition of <see cref="Kernels.Products.Transpose"/>.</summary>
internal static class Transpose
{
    /// <summary>destination[j * rows + i] = source[i * columns + j].</summary>
    public static void Run<T>(int rows, int columns, ReadOnlySpan<T> source, Span<T> destination) where T : unmanaged
    {
        for (int i = 0; i < rows; i++)
        {
            for (int j = 0; j < columns; j++)
            {
                destination[(j * rows) + i] = source[(i * columns) + j];
            }
        }
    }
}
