using System.Numerics;
using System.Runtime.InteropServices;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Kernels.Products;
using EmbeddedBackprop.Kernels.Sets;

namespace EmbeddedBackprop.Activations;

/// <summary>
/// The function that a layer applies to its weighted input z. Rows are [rows][stride]; only <c>columns</c> of each row have a meaning.
/// </summary>
public abstract class Activation
{
    /// <summary>The name in tables and model files.</summary>
    public abstract string Name { get; }

    /// <summary>Whether the backward pass reads z: then z and a are two buffers, otherwise one.</summary>
    public abstract bool KeepsInput { get; }

    /// <summary>a = f(z). In place when <paramref name="z"/> and <paramref name="a"/> are the same span.</summary>
    public abstract void Forward(Arithmetic arithmetic, int rows, int columns, int stride, ReadOnlySpan<float> z, Span<float> a);

    /// <summary>delta: dL/da comes in, dL/dz goes out.</summary>
    public abstract void Backward(
        Arithmetic arithmetic, int rows, int columns, int stride, ReadOnlySpan<float> z, ReadOnlySpan<float> a, Span<float> delta);

    /// <summary>The definition of <see cref="Forward"/>, one element at a time.</summary>
    public abstract void ForwardScalar(Arithmetic arithmetic, int rows, int columns, int stride, ReadOnlySpan<float> z, Span<float> a);

    /// <summary>The definition of <see cref="Backward"/>, one element at a time.</summary>
    public abstract void BackwardScalar(
        Arithmetic arithmetic, int rows, int columns, int stride, ReadOnlySpan<float> z, ReadOnlySpan<float> a, Span<float> delta);

    /// <summary>The same in double: the oracle.</summary>
    public abstract void ForwardScalar(int rows, int columns, int stride, ReadOnlySpan<double> z, Span<double> a);

    /// <summary>The same in double: the oracle.</summary>
    public abstract void BackwardScalar(
        int rows, int columns, int stride, ReadOnlySpan<double> z, ReadOnlySpan<double> a, Span<double> delta);

    /// <summary>a = f(z), by a set of kernels.</summary>
    /// <typeparam name="T">float or double.</typeparam>
    /// <typeparam name="K">The set.</typeparam>
    /// <param name="arithmetic">How M rounds.</param>
    /// <param name="z">The weighted input; may be a itself.</param>
    /// <param name="a">The activation, with the rows of z.</param>
    public void Forward<T, K>(Arithmetic arithmetic, in Matrix<T> z, in Matrix<T> a)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where K : struct, IKernels<T>
    {
        if (typeof(T) == typeof(double))
        {
            ForwardScalar(z.Rows, z.Columns, z.Stride, Doubles(z), Doubles(a));
        }
        else if (typeof(K) == typeof(SimdKernels))
        {
            Forward(arithmetic, z.Rows, z.Columns, z.Stride, Floats(z), Floats(a));
        }
        else
        {
            ForwardScalar(arithmetic, z.Rows, z.Columns, z.Stride, Floats(z), Floats(a));
        }
    }

    /// <summary>delta: dL/da comes in, dL/dz = dL/da * f'(z) goes out; by a set of kernels.</summary>
    /// <typeparam name="T">float or double.</typeparam>
    /// <typeparam name="K">The set.</typeparam>
    /// <param name="arithmetic">How M rounds.</param>
    /// <param name="z">The weighted input; anything of its size where <see cref="KeepsInput"/> is false.</param>
    /// <param name="a">The activation, with the rows of z.</param>
    /// <param name="delta">The gradient, with the rows of z.</param>
    public void Backward<T, K>(Arithmetic arithmetic, in Matrix<T> z, in Matrix<T> a, in Matrix<T> delta)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where K : struct, IKernels<T>
    {
        if (typeof(T) == typeof(double))
        {
            BackwardScalar(z.Rows, z.Columns, z.Stride, Doubles(z), Doubles(a), Doubles(delta));
        }
        else if (typeof(K) == typeof(SimdKernels))
        {
            Backward(arithmetic, z.Rows, z.Columns, z.Stride, Floats(z), Floats(a), Floats(delta));
        }
        else
        {
            BackwardScalar(arithmetic, z.Rows, z.Columns, z.Stride, Floats(z), Floats(a), Floats(delta));
        }
    }

    private static Span<float> Floats<T>(in Matrix<T> x) where T : unmanaged => MemoryMarshal.Cast<T, float>(x.Values);

    private static Span<double> Doubles<T>(in Matrix<T> x) where T : unmanaged => MemoryMarshal.Cast<T, double>(x.Values);

    /// <summary>Whether each element of a depends on the same element of z alone. It runs no formula, so it keeps no tree in a program.</summary>
    internal virtual bool IsElementwise => false;

    /// <summary>f(z) as a tree, which the exporter prints as C; null for an activation that is not element-wise.</summary>
    internal virtual LaneText? ValueText(LaneText z) => null;

    /// <summary>f'(z) as a tree, where a = f(z).</summary>
    internal virtual LaneText? DerivativeText(LaneText z, LaneText a) => null;

    /// <summary>The equation in a line of ASCII.</summary>
    internal virtual string Equation => "";

    /// <summary>
    /// One sample's affine layer and activation in one kernel: the bits of the product and <see cref="Forward"/>. Null where there is none.
    /// </summary>
    internal virtual OneSampleAffine? OneSampleAffine(Arithmetic arithmetic, OneSampleOffsets places) => null;
}
