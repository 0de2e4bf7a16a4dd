using System.Numerics;
using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Ops;

/// <summary>How ops that only move or add numbers hand a gradient on, and how ops read the shapes of their inputs.</summary>
internal static class Gradients
{
    /// <summary>dx = d, or dx + d where another reader of the same node wrote first.</summary>
    public static void PassOn(ReadOnlySpan<float> d, Span<float> dx, bool accumulate)
    {
        if (accumulate)
        {
            Elementwise.Add(dx, d, dx);
        }
        else
        {
            d.CopyTo(dx);
        }
    }

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

    /// <summary>The definition of <see cref="PassOn"/>.</summary>
    public static void PassOnScalar<T>(ReadOnlySpan<T> d, Span<T> dx, bool accumulate)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        for (int i = 0; i < d.Length; i++)
        {
            dx[i] = accumulate ? dx[i] + d[i] : d[i];
        }
    }

    /// <summary>The one or the other: an op that moves numbers has one text for both.</summary>
    public static void PassOn<T>(bool scalar, ReadOnlySpan<T> d, Span<T> dx, bool accumulate)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (scalar || typeof(T) != typeof(float))
        {
            PassOnScalar(d, dx, accumulate);
        }
        else
        {
            PassOn(System.Runtime.InteropServices.MemoryMarshal.Cast<T, float>(d), System.Runtime.InteropServices.MemoryMarshal.Cast<T, float>(dx), accumulate);
        }
    }
}
