using EmbeddedBackprop.Kernels.Elements;
using EmbeddedBackprop.Kernels.Norms;
using EmbeddedBackprop.Kernels.Pooling;
using EmbeddedBackprop.Kernels.Random;
using EmbeddedBackprop.Kernels.Signals;
using EmbeddedBackprop.Kernels.Spectra;

namespace EmbeddedBackprop.Kernels.Sets;

/// <summary>The fast set: SIMD, threads where they pay. Padding of rows is computed along: a row has no ragged end.</summary>
internal readonly struct SimdKernels : IKernels<float>
{
    public static void Affine(Arithmetic arithmetic, in Matrix<float> x, in Matrix<float> w, ReadOnlySpan<float> bias, in Matrix<float> z)
    {
        if (z.Columns == 1)
        {
            Gemv.OneOutput(arithmetic, x.Rows, x.Columns, x.Values, x.Stride, w.Values, bias, z.Values, z.Stride);
        }
        else
        {
            int n = w.Width == z.Width ? z.Width : z.Columns;
            Gemm.NN(arithmetic, x.Rows, n, x.Columns, x.Values, x.Stride, w.Values, w.Stride, bias, z.Values, z.Stride);
        }
    }

    /// <summary>z = x w of integers, exact; 0 may be -0.</summary>
    public static void AffineOfIntegers(Arithmetic arithmetic, in Matrix<float> x, in Matrix<float> w, in Matrix<float> z)
    {
        if (z.Columns == 1)
        {
            Gemv.OneOutput(arithmetic, x.Rows, x.Columns, x.Values, x.Stride, w.Values, [], z.Values, z.Stride);
        }
        else
        {
            int n = w.Width == z.Width ? z.Width : z.Columns;
            Gemm.IntegersNN(arithmetic, x.Rows, n, x.Columns, x.Values, x.Stride, w.Values, w.Stride, z.Values, z.Stride);
        }
    }

    public static void TN(Arithmetic arithmetic, in Matrix<float> a, in Matrix<float> b, in Matrix<float> c, bool accumulate)
    {
        int n = b.Width == c.Width ? c.Width : c.Columns;
        Gemm.TN(arithmetic, a.Columns, n, a.Rows, a.Values, a.Stride, b.Values, b.Stride, c.Values, c.Stride, accumulate);
    }

    public static void NT(Arithmetic arithmetic, in Matrix<float> a, in Matrix<float> b, in Matrix<float> c, bool accumulate) =>
        Gemm.NT(arithmetic, a.Rows, c.Columns, a.Columns, a.Values, a.Stride, b.Values, b.Stride, c.Values, c.Stride, accumulate);

    public static float Dot(Arithmetic arithmetic, ReadOnlySpan<float> x, ReadOnlySpan<float> y) => Kernels.Dot.Product(arithmetic, x, y);

    public static void SumColumns(in Matrix<float> a, Span<float> sums, bool accumulate) =>
        Reduce.SumColumns(a.Rows, sums.Length >= a.Width ? a.Width : a.Columns, a.Values, a.Stride, sums, accumulate);

    public static void SumRows(in Matrix<float> a, Span<float> sums) => Reduce.SumRows(a.Rows, a.Columns, a.Values, a.Stride, sums);

    public static float Sum(ReadOnlySpan<float> x) => Reduce.Sum(x);

    public static float Max(ReadOnlySpan<float> x) => Reduce.Max(x);

    public static void AddToParts(ReadOnlySpan<float> x, Span<float> parts, int first) => Reduce.AddToParts(x, parts, first);

    public static void Add(ReadOnlySpan<float> x, ReadOnlySpan<float> y, Span<float> destination) => Elementwise.Add(x, y, destination);

    public static void Add(ReadOnlySpan<float> x, float y, Span<float> destination) => Elementwise.Add(x, y, destination);

    public static void Subtract(ReadOnlySpan<float> x, ReadOnlySpan<float> y, Span<float> destination) => Elementwise.Subtract(x, y, destination);

    public static void Multiply(ReadOnlySpan<float> x, ReadOnlySpan<float> y, Span<float> destination) => Elementwise.Multiply(x, y, destination);

    public static void MultiplyAdd(Arithmetic arithmetic, ReadOnlySpan<float> x, ReadOnlySpan<float> y, Span<float> destination) =>
        Elementwise.MultiplyAdd(arithmetic, x, y, destination);

    public static void Scale(float alpha, ReadOnlySpan<float> x, Span<float> destination) => Elementwise.Scale(alpha, x, destination);

    public static void MultiplyAdd(Arithmetic arithmetic, float alpha, ReadOnlySpan<float> x, Span<float> destination) =>
        Elementwise.MultiplyAdd(arithmetic, alpha, x, destination);

    public static void Divide(ReadOnlySpan<float> x, float y, Span<float> destination) => Elementwise.Divide(x, y, destination);

    public static void Softmax(Arithmetic arithmetic, in Matrix<float> z, in Matrix<float> a) =>
        SoftmaxRows.Forward(arithmetic, z.Rows, z.Columns, z.Values, z.Stride, a.Values, a.Stride);

    public static void SoftmaxGradient(Arithmetic arithmetic, in Matrix<float> a, in Matrix<float> delta) =>
        SoftmaxRows.Backward(arithmetic, a.Rows, a.Columns, a.Values, a.Stride, delta.Values, delta.Stride, delta.Values, delta.Stride);

    public static void LogSumExp(Arithmetic arithmetic, in Matrix<float> z, Span<float> results) =>
        SoftmaxRows.LogSumExp(arithmetic, z.Rows, z.Columns, z.Values, z.Stride, results);

    public static void Convolution(
        Arithmetic arithmetic,
        in ConvSizes sizes,
        in Matrix<float> x,
        ReadOnlySpan<float> w,
        ReadOnlySpan<float> bias,
        in Matrix<float> y,
        bool accumulate
    ) => Conv.Forward(arithmetic, in sizes, x.Rows, x.Values, x.Stride, w, bias, y.Values, y.Stride, accumulate);

    /// <summary>Sums of products of integers, exact; 0 may be -0.</summary>
    public static void ConvolutionOfIntegers(
        Arithmetic arithmetic, in ConvSizes sizes, in Matrix<float> x, ReadOnlySpan<float> w, in Matrix<float> y) =>
        Conv.ForwardOfIntegers(arithmetic, in sizes, x.Rows, x.Values, x.Stride, w, y.Values, y.Stride);

    public static void ConvolutionWeightGradient(
        Arithmetic arithmetic, in ConvSizes sizes, in Matrix<float> x, in Matrix<float> delta, Span<float> dw, Span<float> db, bool accumulate) =>
        Conv.WeightGradient(arithmetic, in sizes, x.Rows, x.Values, x.Stride, delta.Values, delta.Stride, dw, db, accumulate);

    public static void ConvolutionInputGradient(
        Arithmetic arithmetic, in ConvSizes sizes, in Matrix<float> delta, ReadOnlySpan<float> w, ReadOnlySpan<float> bias, in Matrix<float> dx,
        bool accumulate) =>
        Conv.InputGradient(arithmetic, in sizes, delta.Rows, delta.Values, delta.Stride, w, bias, dx.Values, dx.Stride, accumulate);

    public static void ChannelSums(in Matrix<float> x, Span<float> sums, int channels, bool accumulate) =>
        Conv.ChannelSums(x.Rows, channels, x.Columns / channels, x.Values, x.Stride, sums, accumulate);

    public static void Apply<TFormula>(
        Arithmetic arithmetic, in Matrix<float> x, in Matrix<float> y, in Matrix<float> destination, float alpha = 0f, float beta = 0f)
        where TFormula : struct, IElementFormula
    {
        if (destination.Width == destination.Stride)
        {
            int length = destination.Rows * destination.Stride;
            ElementFormula.Run<TFormula>(arithmetic, x.Values[..length], y.Values[..length], destination.Values[..length], alpha, beta);
            return;
        }

        for (int i = 0; i < destination.Rows; i++)
        {
            ElementFormula.Run<TFormula>(arithmetic, x.Row(i), y.Row(i), destination.Row(i), alpha, beta);
        }
    }

    public static void Apply<TFormula>(
        Arithmetic arithmetic, ReadOnlySpan<float> x, ReadOnlySpan<float> y, Span<float> destination, float alpha = 0f, float beta = 0f)
        where TFormula : struct, IElementFormula => ElementFormula.Run<TFormula>(arithmetic, x, y, destination, alpha, beta);

    public static void MaxPool(in PoolSizes sizes, in Matrix<float> x, in Matrix<float> y) =>
        Pool2D.MaxForward(in sizes, x.Rows, x.Values, x.Stride, y.Values, y.Stride);

    public static void MaxPoolGradient(in PoolSizes sizes, in Matrix<float> x, in Matrix<float> dy, in Matrix<float> dx, bool accumulate) =>
        Pool2D.MaxBackward(in sizes, x.Rows, x.Values, dy.Values, dy.Stride, dx.Values, dx.Stride, accumulate);

    public static void AveragePool(in PoolSizes sizes, bool countPadding, in Matrix<float> x, in Matrix<float> y) =>
        Pool2D.AverageForward(in sizes, countPadding, x.Rows, x.Values, x.Stride, y.Values, y.Stride);

    public static void AveragePoolGradient(in PoolSizes sizes, bool countPadding, in Matrix<float> dy, in Matrix<float> dx, bool accumulate) =>
        Pool2D.AverageBackward(in sizes, countPadding, dy.Rows, dy.Values, dy.Stride, dx.Values, dx.Stride, accumulate);

    public static void ChannelMoments(Arithmetic arithmetic, int channels, in Matrix<float> x, Span<float> means, Span<float> variances) =>
        ChannelNorm.Moments(arithmetic, x.Rows, channels, x.Columns / channels, x.Values, x.Stride, means, variances);

    public static void NormalizeChannels(
        Arithmetic arithmetic,
        int channels,
        in Matrix<float> x,
        Span<float> means,
        Span<float> inverses,
        Span<float> gammas,
        Span<float> betas,
        in Matrix<float> y
    ) =>
        ChannelNorm.Normalize(
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
        Arithmetic arithmetic, int channels, in Matrix<float> x, Span<float> means, Span<float> inverses, in Matrix<float> dy, Span<float> gradients,
        Span<float> products) =>
        ChannelNorm.Sums(
            arithmetic, x.Rows, channels, x.Columns / channels, x.Values, x.Stride, means, inverses, dy.Values, dy.Stride, gradients, products);

    public static void ChannelNormGradient(
        Arithmetic arithmetic, int channels, in Matrix<float> x, Span<float> means, Span<float> inverses, Span<float> gammas, in Matrix<float> dy,
        Span<float> gradients, Span<float> products, in Matrix<float> dx, bool accumulate) =>
        ChannelNorm.Backward(
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
        Arithmetic arithmetic, int rows, int columns, in Matrix<float> x, Span<float> gamma, Span<float> beta, float epsilon, in Matrix<float> y,
        Span<float> means, Span<float> inverses) =>
        RowNorm.Forward(arithmetic, x.Rows, rows, columns, x.Values, x.Stride, gamma, beta, epsilon, y.Values, y.Stride, means, inverses);

    public static void RowNormGradient(
        Arithmetic arithmetic,
        int rows,
        int columns,
        in Matrix<float> x,
        Span<float> gamma,
        Span<float> means,
        Span<float> inverses,
        in Matrix<float> dy,
        Span<float> dgamma,
        Span<float> dbeta,
        Span<float> dx,
        bool accumulate
    ) =>
        RowNorm.Backward(
            arithmetic, x.Rows, rows, columns, x.Values, x.Stride, gamma, means, inverses, dy.Values, dy.Stride, dgamma, dbeta, dx, accumulate);

    public static void Dropout(in DropoutDraw draw, in Matrix<float> x, in Matrix<float> y, bool accumulate) =>
        DropoutMask.Apply(in draw, x.Rows, x.Columns, x.Stride, x.Values, y.Values, accumulate);

    public static void Transpose(int rows, int columns, ReadOnlySpan<float> source, Span<float> destination) =>
        Products.Transpose.Pack(in source[0], (nuint)columns, (nuint)rows, (nuint)columns, ref destination[0], (nuint)rows);

    public static void Spectra(Arithmetic arithmetic, FftTables tables, int rows, ReadOnlySpan<float> x, int length, Span<float> spectra) =>
        RealFft.Forward(arithmetic, tables, rows, x, length, spectra);

    public static void SpectraGradient(
        Arithmetic arithmetic, FftTables tables, int rows, ReadOnlySpan<float> spectra, int length, Span<float> dx, bool accumulate) =>
        RealFft.Gradient(arithmetic, tables, rows, spectra, length, dx, accumulate);

    public static void BandSums(Arithmetic arithmetic, BandTable bands, int rows, ReadOnlySpan<float> x, Span<float> y) =>
        Scalar.BandSums.Forward<float>(arithmetic, bands, rows, x, y);

    public static void BandSumsGradient(Arithmetic arithmetic, BandTable bands, int rows, ReadOnlySpan<float> dy, Span<float> dx) =>
        Scalar.BandSums.Gradient<float>(arithmetic, bands, rows, dy, dx);
}
