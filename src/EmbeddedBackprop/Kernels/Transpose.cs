using System.Runtime.CompilerServices;

namespace EmbeddedBackprop.Kernels;

/// <summary>Transposes blocks of a matrix into a panel.</summary>
internal static class Transpose
{
    /// <summary>destination[p * leading + j] = source[j * leadingSource + p] for j &lt; rows, p &lt; columns.</summary>
    public static void Pack(ref readonly float source, nuint leadingSource, nuint rows, nuint columns, ref float destination, nuint leading)
    {
        ref float from = ref Unsafe.AsRef(in source);
        for (nuint j = 0; j < rows; j++)
        {
            for (nuint p = 0; p < columns; p++)
                Unsafe.Add(ref destination, (p * leading) + j) = Unsafe.Add(ref from, (j * leadingSource) + p);
        }
    }
}
