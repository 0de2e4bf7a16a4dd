using System.Numerics;
using EmbeddedBackprop.Kernels.Elements;
using EmbeddedBackprop.Kernels.Pooling;
using EmbeddedBackprop.Kernels.Random;

namespace EmbeddedBackprop.Kernels;

/// <summary>
/// The kernels that the passes of ops are written over. There are three sets with the same definitions: SIMD in float, textbook loops in float (the
/// same bits) and textbook loops in double (the oracle of the gradient check).
/// </summary>
/// <remarks>
/// A pass names its set as a type parameter K and calls <c>K.Add(x, y, sum)</c>: the compiler makes a pass of its own for each set, and leaves out
/// what no program calls. By default a destination may be one of its sources, but may not overlap one otherwise.
/// </remarks>
/// <typeparam name="T">float or double.</typeparam>
public interface IKernels<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>
    /// Z = X W + bias: for each element s = bias or +0, then s = M(x, w, s) over the columns of X ascending. A single column is one long sum in 16
    /// parts, and its bias is added last (<see cref="Gemv.OneOutput"/>).
    /// </summary>
    /// <param name="arithmetic">How M rounds.</param>
    /// <param name="x">X [samples, inputs].</param>
    /// <param name="w">W [inputs, outputs].</param>
    /// <param name="bias">A value an output, or empty.</param>
    /// <param name="z">Z [samples, outputs]; may not overlap a source.</param>
    static abstract void Affine(Arithmetic arithmetic, in Matrix<T> x, in Matrix<T> w, ReadOnlySpan<T> bias, in Matrix<T> z);

    /// <summary>C = (accumulate ? C : +0) + A^T B: s = M(b, a, s) over the rows ascending, as for a weight gradient over samples.</summary>
    /// <param name="arithmetic">How M rounds.</param>
    /// <param name="a">A [k, m].</param>
    /// <param name="b">B [k, n].</param>
    /// <param name="c">C [m, n]; may not overlap a source.</param>
    /// <param name="accumulate">True: the sums continue from C.</param>
    static abstract void TN(Arithmetic arithmetic, in Matrix<T> a, in Matrix<T> b, in Matrix<T> c, bool accumulate);

    /// <summary>C = (accumulate ? C : +0) + A B^T: s = M(a, b, s) over the columns ascending, as for the gradient of a layer's input.</summary>
    /// <param name="arithmetic">How M rounds.</param>
    /// <param name="a">A [m, k].</param>
    /// <param name="b">B [n, k].</param>
    /// <param name="c">C [m, n]; may not overlap a source.</param>
    /// <param name="accumulate">True: the sums continue from C.</param>
    static abstract void NT(Arithmetic arithmetic, in Matrix<T> a, in Matrix<T> b, in Matrix<T> c, bool accumulate);

    /// <summary>The sum of x[i] y[i] in 16 parts.</summary>
    static abstract T Dot(Arithmetic arithmetic, ReadOnlySpan<T> x, ReadOnlySpan<T> y);

    /// <summary>sums[j] = (accumulate ? sums[j] : +0) + a[0, j] + a[1, j] + ..., rows ascending: a bias gradient over samples.</summary>
    static abstract void SumColumns(in Matrix<T> a, Span<T> sums, bool accumulate);

    /// <summary>sums[i] = the sum of row i in 16 parts.</summary>
    static abstract void SumRows(in Matrix<T> a, Span<T> sums);

    /// <summary>The sum of x in 16 parts.</summary>
    static abstract T Sum(ReadOnlySpan<T> x);

    /// <summary>The maximum of x, NaN if one of them is NaN.</summary>
    static abstract T Max(ReadOnlySpan<T> x);

    /// <summary>Adds x[i] to parts[(first + i) mod 16].</summary>
    static abstract void AddToParts(ReadOnlySpan<T> x, Span<T> parts, int first);

    /// <summary>d[i] = x[i] + y[i].</summary>
    static abstract void Add(ReadOnlySpan<T> x, ReadOnlySpan<T> y, Span<T> destination);

    /// <summary>d[i] = x[i] + y.</summary>
    static abstract void Add(ReadOnlySpan<T> x, T y, Span<T> destination);

    /// <summary>d[i] = x[i] - y[i].</summary>
    static abstract void Subtract(ReadOnlySpan<T> x, ReadOnlySpan<T> y, Span<T> destination);

    /// <summary>d[i] = x[i] * y[i].</summary>
    static abstract void Multiply(ReadOnlySpan<T> x, ReadOnlySpan<T> y, Span<T> destination);

    /// <summary>d[i] = M(x[i], y[i], d[i]).</summary>
    static abstract void MultiplyAdd(Arithmetic arithmetic, ReadOnlySpan<T> x, ReadOnlySpan<T> y, Span<T> destination);

    /// <summary>d[i] = alpha * x[i].</summary>
    static abstract void Scale(T alpha, ReadOnlySpan<T> x, Span<T> destination);

    /// <summary>d[i] = M(alpha, x[i], d[i]).</summary>
    static abstract void MultiplyAdd(Arithmetic arithmetic, T alpha, ReadOnlySpan<T> x, Span<T> destination);

    /// <summary>d[i] = x[i] / y.</summary>
    static abstract void Divide(ReadOnlySpan<T> x, T y, Span<T> destination);

    /// <summary>Softmax of every row: a[j] = e^z[j] / sum over k of e^z[k].</summary>
    static abstract void Softmax(Arithmetic arithmetic, in Matrix<T> z, in Matrix<T> a);

    /// <summary>
    /// Its gradient, row by row: delta[j] = a[j] (delta[j] - sum over k of a[k] delta[k]), where delta holds dL/da before and dL/dz afterwards.
    /// </summary>
    static abstract void SoftmaxGradient(Arithmetic arithmetic, in Matrix<T> a, in Matrix<T> delta);

    /// <summary>results[i] = log of the sum over j of e^z[i, j].</summary>
    static abstract void LogSumExp(Arithmetic arithmetic, in Matrix<T> z, Span<T> results);

    /// <summary>A convolution, Y = X * W + bias (<see cref="Conv.Forward"/>).</summary>
    static abstract void Convolution(
        Arithmetic arithmetic, in ConvSizes sizes, in Matrix<T> x, ReadOnlySpan<T> w, ReadOnlySpan<T> bias, in Matrix<T> y, bool accumulate);

    /// <summary>The gradients of a convolution's kernels and, unless db is empty, of its biases (<see cref="Conv.WeightGradient"/>).</summary>
    static abstract void ConvolutionWeightGradient(
        Arithmetic arithmetic, in ConvSizes sizes, in Matrix<T> x, in Matrix<T> delta, Span<T> dw, Span<T> db, bool accumulate);

    /// <summary>
    /// The gradient of a convolution's input: each position's delta goes back to all that it read (<see cref="Conv.InputGradient"/>).
    /// </summary>
    static abstract void ConvolutionInputGradient(
        Arithmetic arithmetic, in ConvSizes sizes, in Matrix<T> delta, ReadOnlySpan<T> w, ReadOnlySpan<T> bias, in Matrix<T> dx, bool accumulate);

    /// <summary>sums[c] = (accumulate ? sums[c] : +0) + the elements of channel c, samples and, inside a sample, positions ascending.</summary>
    static abstract void ChannelSums(in Matrix<T> x, Span<T> sums, int channels, bool accumulate);

    /// <summary>d[i] = f(x[i], y[i], d[i]) for a formula over lanes.</summary>
    internal static abstract void Apply<TFormula>(
        Arithmetic arithmetic, in Matrix<T> x, in Matrix<T> y, in Matrix<T> destination, T alpha = default, T beta = default)
        where TFormula : struct, IElementFormula;

    /// <summary>The same over whole spans.</summary>
    internal static abstract void Apply<TFormula>(
        Arithmetic arithmetic, ReadOnlySpan<T> x, ReadOnlySpan<T> y, Span<T> destination, T alpha = default, T beta = default)
        where TFormula : struct, IElementFormula;

    /// <summary>Maxima over windows.</summary>
    internal static abstract void MaxPool(in PoolSizes sizes, in Matrix<T> x, in Matrix<T> y);

    /// <summary>A window's gradient goes to its maximum.</summary>
    internal static abstract void MaxPoolGradient(in PoolSizes sizes, in Matrix<T> x, in Matrix<T> dy, in Matrix<T> dx, bool accumulate);

    /// <summary>Means over windows.</summary>
    internal static abstract void AveragePool(in PoolSizes sizes, bool countPadding, in Matrix<T> x, in Matrix<T> y);

    /// <summary>A window's gradient is shared by its positions.</summary>
    internal static abstract void AveragePoolGradient(in PoolSizes sizes, bool countPadding, in Matrix<T> dy, in Matrix<T> dx, bool accumulate);

    /// <summary>Mean and biased variance of every channel.</summary>
    internal static abstract void ChannelMoments(Arithmetic arithmetic, int channels, in Matrix<T> x, Span<T> means, Span<T> variances);

    /// <summary>y = gamma (x - mean) * inverse + beta, channel by channel.</summary>
    internal static abstract void NormalizeChannels(
        Arithmetic arithmetic, int channels, in Matrix<T> x, Span<T> means, Span<T> inverses, Span<T> gammas, Span<T> betas, in Matrix<T> y);

    /// <summary>The sums of dy and of dy * (x - mean) * inverse, channel by channel.</summary>
    internal static abstract void ChannelNormSums(
        Arithmetic arithmetic, int channels, in Matrix<T> x, Span<T> means, Span<T> inverses, in Matrix<T> dy, Span<T> gradients, Span<T> products);

    /// <summary>The gradient of an input normalised channel by channel.</summary>
    internal static abstract void ChannelNormGradient(
        Arithmetic arithmetic, int channels, in Matrix<T> x, Span<T> means, Span<T> inverses, Span<T> gammas, in Matrix<T> dy, Span<T> gradients,
        Span<T> products, in Matrix<T> dx, bool accumulate);

    /// <summary>
    /// y = gamma (x - mean) / deviation + beta, row by row of every sample; means and inverse deviations are kept unless their spans are empty.
    /// </summary>
    internal static abstract void NormalizeRows(
        Arithmetic arithmetic,
        int rows,
        int columns,
        in Matrix<T> x,
        Span<T> gamma,
        Span<T> beta,
        T epsilon,
        in Matrix<T> y,
        Span<T> means,
        Span<T> inverses);

    /// <summary>The gradients of an input normalised row by row, and of gamma and beta.</summary>
    internal static abstract void RowNormGradient(
        Arithmetic arithmetic, int rows, int columns, in Matrix<T> x, Span<T> gamma, Span<T> means, Span<T> inverses, in Matrix<T> dy,
        Span<T> dgamma, Span<T> dbeta, Span<T> dx, bool accumulate);

    /// <summary>y = x * mask * scale, the mask drawn again where it is needed.</summary>
    internal static abstract void Dropout(in DropoutDraw draw, in Matrix<T> x, in Matrix<T> y, bool accumulate);

    /// <summary>destination[columns, rows] = the transpose of source[rows, columns].</summary>
    internal static abstract void Transpose(int rows, int columns, ReadOnlySpan<T> source, Span<T> destination);

    /// <summary>The Fourier transform of each of so many rows of x (<see cref="Scalar.RealFft.Forward"/>).</summary>
    internal static abstract void Spectra(
        Arithmetic arithmetic, Signals.FftTables tables, int rows, ReadOnlySpan<T> x, int length, Span<T> spectra);

    /// <summary>The gradient of the rows at gradients of their spectra (<see cref="Scalar.RealFft.Gradient"/>).</summary>
    internal static abstract void SpectraGradient(
        Arithmetic arithmetic, Signals.FftTables tables, int rows, ReadOnlySpan<T> spectra, int length, Span<T> dx, bool accumulate);

    /// <summary>Weighted sums over bands of each row (<see cref="Scalar.BandSums.Forward"/>).</summary>
    internal static abstract void BandSums(Arithmetic arithmetic, Signals.BandTable bands, int rows, ReadOnlySpan<T> x, Span<T> y);

    /// <summary>What each band adds to the gradient of its row (<see cref="Scalar.BandSums.Gradient"/>).</summary>
    internal static abstract void BandSumsGradient(Arithmetic arithmetic, Signals.BandTable bands, int rows, ReadOnlySpan<T> dy, Span<T> dx);
}
