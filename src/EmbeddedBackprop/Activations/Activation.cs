using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Products;

namespace EmbeddedBackprop.Activations;

/// <summary>What a layer does to its weighted input z. Rows are [rows][stride]; only <c>columns</c> of each row mean something.</summary>
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

    /// <summary>The definition of <see cref="Forward"/>, one number at a time.</summary>
    public abstract void ForwardScalar(Arithmetic arithmetic, int rows, int columns, int stride, ReadOnlySpan<float> z, Span<float> a);

    /// <summary>The definition of <see cref="Backward"/>, one number at a time.</summary>
    public abstract void BackwardScalar(
        Arithmetic arithmetic, int rows, int columns, int stride, ReadOnlySpan<float> z, ReadOnlySpan<float> a, Span<float> delta);

    /// <summary>The same in double: the oracle.</summary>
    public abstract void ForwardScalar(int rows, int columns, int stride, ReadOnlySpan<double> z, Span<double> a);

    /// <summary>The same in double: the oracle.</summary>
    public abstract void BackwardScalar(
        int rows, int columns, int stride, ReadOnlySpan<double> z, ReadOnlySpan<double> a, Span<double> delta);

    /// <summary>One sample's affine layer and activation in one kernel: the bits of the product and <see cref="Forward"/>. Null where there is none.</summary>
    internal virtual AffineRow? AffineRow(Arithmetic arithmetic, AffineRowPlaces places) => null;
}
