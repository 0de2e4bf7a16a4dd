using System.Numerics;
using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Ops;

/// <summary>How ops pass a gradient to a node that may have several readers.</summary>
internal static class Gradients
{
    /// <summary>dx = d, or dx + d where another reader of the same node wrote first.</summary>
    public static void PassOn<T, K>(ReadOnlySpan<T> d, Span<T> dx, bool accumulate)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where K : struct, IKernels<T>
    {
        if (accumulate)
        {
            K.Add(dx, d, dx);
        }
        else
        {
            d.CopyTo(dx);
        }
    }
}
