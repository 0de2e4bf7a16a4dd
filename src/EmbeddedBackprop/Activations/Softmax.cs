using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Activations;

/// <summary>
/// a[j] = e^z[j] / sum over k of e^z[k], row by row; dz[j] = a[j] (da[j] - sum over k of a[k] da[k]). Source: Nielsen, chapter 3, equation 78.
/// </summary>
/// <remarks>The only activation that is not element-wise: a sample's outputs are positive and sum to 1.</remarks>
public sealed class Softmax : Activation
{
    /// <inheritdoc/>
    public override string Name => "softmax";

    /// <inheritdoc/>
    public override bool KeepsInput => false;

    /// <inheritdoc/>
    public override void Forward(Arithmetic arithmetic, int rows, int columns, int stride, ReadOnlySpan<float> z, Span<float> a) =>
        Kernels.SoftmaxRows.Forward(arithmetic, rows, columns, z, stride, a, stride);

    /// <inheritdoc/>
    public override void Backward(
        Arithmetic arithmetic, int rows, int columns, int stride, ReadOnlySpan<float> z, ReadOnlySpan<float> a, Span<float> delta) =>
        Kernels.SoftmaxRows.Backward(arithmetic, rows, columns, a, stride, delta, stride, delta, stride);

    /// <inheritdoc/>
    public override void ForwardScalar(Arithmetic arithmetic, int rows, int columns, int stride, ReadOnlySpan<float> z, Span<float> a) =>
        Kernels.Scalar.SoftmaxRows.Forward(arithmetic, rows, columns, z, stride, a, stride);

    /// <inheritdoc/>
    public override void BackwardScalar(
        Arithmetic arithmetic, int rows, int columns, int stride, ReadOnlySpan<float> z, ReadOnlySpan<float> a, Span<float> delta) =>
        Kernels.Scalar.SoftmaxRows.Backward<float>(arithmetic, rows, columns, a, stride, delta, stride, delta, stride);

    /// <inheritdoc/>
    public override void ForwardScalar(int rows, int columns, int stride, ReadOnlySpan<double> z, Span<double> a) =>
        Kernels.Scalar.SoftmaxRows.Forward(Arithmetic.Separate, rows, columns, z, stride, a, stride);

    /// <inheritdoc/>
    public override void BackwardScalar(
        int rows, int columns, int stride, ReadOnlySpan<double> z, ReadOnlySpan<double> a, Span<double> delta) =>
        Kernels.Scalar.SoftmaxRows.Backward<double>(Arithmetic.Separate, rows, columns, a, stride, delta, stride, delta, stride);
}
