using System.Numerics;
using System.Runtime.InteropServices;
using EmbeddedBackprop.Kernels.Elements;
using EmbeddedBackprop.Kernels.Norms;
using EmbeddedBackprop.Kernels.Pooling;
using EmbeddedBackprop.Kernels.Random;
using EmbeddedBackprop.Kernels.Signals;

namespace EmbeddedBackprop.Kernels.Sets;

/// <summary>
/// The definition: textbook loops, in float the bits of <see cref="SimdKernels"/>, in double the oracle. Padding is neither read nor written.
/// </summary>
/// <typeparam name="T">float or double.</typeparam>
internal readonly struct ScalarKernels<T> : IKernels<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    public static void Affine(Arithmetic arithmetic, in Matrix<T> x, in Matrix<T> w, ReadOnlySpan<T> bias, in Matrix<T> z)
    {
        if (z.Columns == 1)
        {
            Scalar.Gemv.OneOutput<T>(arithmetic, x.Rows, x.Columns, x.Values, x.Stride, w.Values, bias, z.Values, z.Stride);
        }
        else
        {
            Scalar.Gemm.NN<T>(arithmetic, x.Rows, z.Columns, x.Columns, x.Values, x.Stride, w.Values, w.Stride, bias, z.Values, z.Stride);
        }
    }

    public static void TN(Arithmetic arithmetic, in Matrix<T> a, in Matrix<T> b, in Matrix<T> c, bool accumulate) =>
        Scalar.Gemm.TN<T>(arithmetic, a.Columns, c.Columns, a.Rows, a.Values, a.Stride, b.Values, b.Stride, c.Values, c.Stride, accumulate);

    public static void NT(Arithmetic arithmetic, in Matrix<T> a, in Matrix<T> b, in Matrix<T> c, bool accumulate) =>
        Scalar.Gemm.NT<T>(arithmetic, a.Rows, c.Columns, a.Columns, a.Values, a.Stride, b.Values, b.Stride, c.Values, c.Stride, accumulate);

    public static T Dot(Arithmetic arithmetic, ReadOnlySpan<T> x, ReadOnlySpan<T> y) => Scalar.Dot.Product<T>(arithmetic, x, y);

    public static void SumColumns(in Matrix<T> a, Span<T> sums, bool accumulate) =>
        Scalar.Reduce.SumColumns<T>(a.Rows, a.Columns, a.Values, a.Stride, sums, accumulate);

    public static void SumRows(in Matrix<T> a, Span<T> sums) => Scalar.Reduce.SumRows<T>(a.Rows, a.Columns, a.Values, a.Stride, sums);

    public static T Sum(ReadOnlySpan<T> x) => Scalar.Reduce.Sum<T>(x);

    public static T Max(ReadOnlySpan<T> x) => Scalar.Reduce.Max<T>(x);

    public static void AddToParts(ReadOnlySpan<T> x, Span<T> parts, int first) => Scalar.Reduce.AddToParts<T>(x, parts, first);

    public static void Add(ReadOnlySpan<T> x, ReadOnlySpan<T> y, Span<T> destination) => Scalar.Elementwise.Add<T>(x, y, destination);

    public static void Add(ReadOnlySpan<T> x, T y, Span<T> destination) => Scalar.Elementwise.Add<T>(x, y, destination);

    public static void Subtract(ReadOnlySpan<T> x, ReadOnlySpan<T> y, Span<T> destination) => Scalar.Elementwise.Subtract<T>(x, y, destination);

    public static void Multiply(ReadOnlySpan<T> x, ReadOnlySpan<T> y, Span<T> destination) => Scalar.Elementwise.Multiply<T>(x, y, destination);

    public static void MultiplyAdd(Arithmetic arithmetic, ReadOnlySpan<T> x, ReadOnlySpan<T> y, Span<T> destination) =>
        Scalar.Elementwise.MultiplyAdd<T>(arithmetic, x, y, destination);

    public static void Scale(T alpha, ReadOnlySpan<T> x, Span<T> destination) => Scalar.Elementwise.Scale<T>(alpha, x, destination);

    public static void MultiplyAdd(Arithmetic arithmetic, T alpha, ReadOnlySpan<T> x, Span<T> destination) =>
        Scalar.Elementwise.MultiplyAdd<T>(arithmetic, alpha, x, destination);

    public static void Divide(ReadOnlySpan<T> x, T y, Span<T> destination) => Scalar.Elementwise.Divide<T>(x, y, destination);

    public static void Softmax(Arithmetic arithmetic, in Matrix<T> z, in Matrix<T> a) =>
        Scalar.SoftmaxRows.Forward<T>(arithmetic, z.Rows, z.Columns, z.Values, z.Stride, a.Values, a.Stride);

    public static void SoftmaxGradient(Arithmetic arithmetic, in Matrix<T> a, in Matrix<T> delta) =>
        Scalar.SoftmaxRows.Backward<T>(arithmetic, a.Rows, a.Columns, a.Values, a.Stride, delta.Values, delta.Stride, delta.Values, delta.Stride);

    public static void LogSumExp(Arithmetic arithmetic, in Matrix<T> z, Span<T> results) =>
        Scalar.SoftmaxRows.LogSumExp<T>(arithmetic, z.Rows, z.Columns, z.Values, z.Stride, results);

    public static void Convolution(
        Arithmetic arithmetic, in ConvSizes sizes, in Matrix<T> x, ReadOnlySpan<T> w, ReadOnlySpan<T> bias, in Matrix<T> y, bool accumulate) =>
        Scalar.Conv.Forward<T>(arithmetic, in sizes, x.Rows, x.Values, x.Stride, w, bias, y.Values, y.Stride, accumulate);

    public static void ConvolutionWeightGradient(
        Arithmetic arithmetic, in ConvSizes sizes, in Matrix<T> x, in Matrix<T> delta, Span<T> dw, Span<T> db, bool accumulate) =>
        Scalar.Conv.WeightGradient<T>(arithmetic, in sizes, x.Rows, x.Values, x.Stride, delta.Values, delta.Stride, dw, db, accumulate);

    public static void ConvolutionInputGradient(
        Arithmetic arithmetic, in ConvSizes sizes, in Matrix<T> delta, ReadOnlySpan<T> w, ReadOnlySpan<T> bias, in Matrix<T> dx,
        bool accumulate) =>
        Scalar.Conv.InputGradient<T>(arithmetic, in sizes, delta.Rows, delta.Values, delta.Stride, w, bias, dx.Values, dx.Stride, accumulate);

    public static void ChannelSums(in Matrix<T> x, Span<T> sums, int channels, bool accumulate) =>
        Scalar.Conv.ChannelSums<T>(x.Rows, channels, x.Columns / channels, x.Values, x.Stride, sums, accumulate);

    public static void Apply<TFormula>(
        Arithmetic arithmetic, in Matrix<T> x, in Matrix<T> y, in Matrix<T> destination, T alpha = default, T beta = default)
        where TFormula : struct, IElementFormula
    {
        for (int i = 0; i < destination.Rows; i++)
        {
            Apply<TFormula>(arithmetic, x.Row(i), y.Row(i), destination.Row(i), alpha, beta);
        }
    }

    public static void Apply<TFormula>(
        Arithmetic arithmetic, ReadOnlySpan<T> x, ReadOnlySpan<T> y, Span<T> destination, T alpha = default, T beta = default)
        where TFormula : struct, IElementFormula
    {
        if (typeof(T) == typeof(float))
        {
            ElementFormula.RunScalar<TFormula>(
                arithmetic,
                1,
                destination.Length,
                destination.Length,
                MemoryMarshal.Cast<T, float>(x),
                MemoryMarshal.Cast<T, float>(y),
                MemoryMarshal.Cast<T, float>(destination),
                float.CreateTruncating(alpha),
                float.CreateTruncating(beta));
        }
        else
        {
            ElementFormula.RunScalar<TFormula>(
                1,
                destination.Length,
                destination.Length,
                MemoryMarshal.Cast<T, double>(x),
                MemoryMarshal.Cast<T, double>(y),
                MemoryMarshal.Cast<T, double>(destination),
                double.CreateTruncating(alpha),
                double.CreateTruncating(beta));
        }
    }

    public static void MaxPool(in PoolSizes sizes, in Matrix<T> x, in Matrix<T> y) =>
        Scalar.Pool2D.MaxForward<T>(in sizes, x.Rows, x.Values, x.Stride, y.Values, y.Stride);

    public static void MaxPoolGradient(in PoolSizes sizes, in Matrix<T> x, in Matrix<T> dy, in Matrix<T> dx, bool accumulate) =>
        Scalar.Pool2D.MaxBackward<T>(in sizes, x.Rows, x.Values, dy.Values, dy.Stride, dx.Values, dx.Stride, accumulate);

    public static void AveragePool(in PoolSizes sizes, bool countPadding, in Matrix<T> x, in Matrix<T> y) =>
        Scalar.Pool2D.AverageForward<T>(in sizes, countPadding, x.Rows, x.Values, x.Stride, y.Values, y.Stride);

    public static void AveragePoolGradient(in PoolSizes sizes, bool countPadding, in Matrix<T> dy, in Matrix<T> dx, bool accumulate) =>
        Scalar.Pool2D.AverageBackward<T>(in sizes, countPadding, dy.Rows, dy.Values, dy.Stride, dx.Values, dx.Stride, accumulate);

    public static void ChannelMoments(Arithmetic arithmetic, int channels, in Matrix<T> x, Span<T> means, Span<T> variances) =>
        Scalar.ChannelNorm.Moments<T>(arithmetic, x.Rows, channels, x.Columns / channels, x.Values, x.Stride, means, variances);

    public static void NormalizeChannels(
        Arithmetic arithmetic,
        int channels,
        in Matrix<T> x,
        Span<T> means,
        Span<T> inverses,
        Span<T> gammas,
        Span<T> betas,
        in Matrix<T> y
    ) =>
        Scalar.ChannelNorm.Normalize<T>(
            arithmetic,
            x.Rows,
            channels,
            x.Columns / channels,
            x.Values,
            x.Stride,
            means,
            inverses,
            gammas,
            betas,
            y.Values,
            y.Stride);

    public static void ChannelNormSums(
        Arithmetic arithmetic, int channels, in Matrix<T> x, Span<T> means, Span<T> inverses, in Matrix<T> dy, Span<T> gradients,
        Span<T> products) =>
        Scalar.ChannelNorm.Sums<T>(
            arithmetic, x.Rows, channels, x.Columns / channels, x.Values, x.Stride, means, inverses, dy.Values, dy.Stride, gradients, products);

    public static void ChannelNormGradient(
        Arithmetic arithmetic, int channels, in Matrix<T> x, Span<T> means, Span<T> inverses, Span<T> gammas, in Matrix<T> dy,
        Span<T> gradients, Span<T> products, in Matrix<T> dx, bool accumulate) =>
        Scalar.ChannelNorm.Backward<T>(
            arithmetic,
            x.Rows,
            channels,
            x.Columns / channels,
            x.Values,
            x.Stride,
            means,
            inverses,
            gammas,
            dy.Values,
            dy.Stride,
            gradients,
            products,
            dx.Values,
            accumulate);

    public static void NormalizeRows(
        Arithmetic arithmetic, int rows, int columns, in Matrix<T> x, Span<T> gamma, Span<T> beta, T epsilon, in Matrix<T> y,
        Span<T> means, Span<T> inverses) =>
        Scalar.RowNorm.Forward<T>(arithmetic, x.Rows, rows, columns, x.Values, x.Stride, gamma, beta, epsilon, y.Values, y.Stride, means, inverses);

    public static void RowNormGradient(
        Arithmetic arithmetic, int rows, int columns, in Matrix<T> x, Span<T> gamma, Span<T> means, Span<T> inverses, in Matrix<T> dy,
        Span<T> dgamma, Span<T> dbeta, Span<T> dx, bool accumulate) =>
        Scalar.RowNorm.Backward<T>(
            arithmetic, x.Rows, rows, columns, x.Values, x.Stride, gamma, means, inverses, dy.Values, dy.Stride, dgamma, dbeta, dx, accumulate);

    public static void Dropout(in DropoutDraw draw, in Matrix<T> x, in Matrix<T> y, bool accumulate) =>
        Scalar.DropoutMask.Apply<T>(in draw, x.Rows, x.Columns, x.Stride, x.Values, y.Values, accumulate);

    public static void Transpose(int rows, int columns, ReadOnlySpan<T> source, Span<T> destination) =>
        Scalar.Transpose.Run<T>(rows, columns, source, destination);

    public static void Spectra(Arithmetic arithmetic, FftTables tables, int rows, ReadOnlySpan<T> x, int length, Span<T> spectra) =>
        Scalar.RealFft.Forward<T>(arithmetic, tables, rows, x, length, spectra);

    public static void SpectraGradient(
        Arithmetic arithmetic, FftTables tables, int rows, ReadOnlySpan<T> spectra, int length, Span<T> dx, bool accumulate) =>
        Scalar.RealFft.Gradient<T>(arithmetic, tables, rows, spectra, length, dx, accumulate);

    public static void BandSums(Arithmetic arithmetic, BandTable bands, int rows, ReadOnlySpan<T> x, Span<T> y) =>
        Scalar.BandSums.Forward<T>(arithmetic, bands, rows, x, y);

    public static void BandSumsGradient(Arithmetic arithmetic, BandTable bands, int rows, ReadOnlySpan<T> dy, Span<T> dx) =>
        Scalar.BandSums.Gradient<T>(arithmetic, bands, rows, dy, dx);
}
