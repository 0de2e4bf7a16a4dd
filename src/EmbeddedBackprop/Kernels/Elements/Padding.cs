namespace EmbeddedBackprop.Kernels.Elements;

/// <summary>The floats after the last column of each row of a padded matrix.</summary>
internal static class Padding
{
    /// <summary>
    /// Sets them to 0, so that gradients of padded weights stay 0 and the weights with them. Never needed for the result: padding enters no sum.
    /// </summary>
    public static void Clear<T>(Span<T> matrix, int rows, int columns, int stride) where T : unmanaged
    {
        if (columns == stride)
        {
            return;
        }

        for (int row = 0; row < rows; row++)
        {
            matrix.Slice((row * stride) + columns, stride - columns).Clear();
        }
    }
}
