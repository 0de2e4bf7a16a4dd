using System.Globalization;
using System.Numerics;
using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Elements;
using EmbeddedBackprop.Kernels.Norms;

namespace EmbeddedBackprop.Ops;

/// <summary>
/// A transposed convolution over images [channels, height, width]: each position adds its channels, times a kernel, to the output around it; a = f(z). It is the
/// input gradient of a convolution that reads the output (rows (height - 1) stride - 2 padding + dilation (kernel - 1) + output padding + 1), with a bias; kernels
/// are [channels, filters / groups, kernel height, kernel width]. Source: Zeiler, Krishnan, Taylor, Fergus, Deconvolutional networks (2010).
/// </summary>
public sealed class ConvTranspose2D : ConvolutionBase
{
    /// <summary>A layer of so many filters.</summary>
    /// <param name="filters">Channels of the output.</param>
    /// <param name="kernelHeight">Rows of a kernel.</param>
    /// <param name="kernelWidth">Columns of a kernel.</param>
    /// <param name="activation">f.</param>
    /// <param name="options">Stride, explicit padding (taken away from the output), output padding, dilation, groups; null for 1, none, none, 1, 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">A size is not positive, or a padding is negative.</exception>
    /// <exception cref="ArgumentException">The padding is not explicit.</exception>
    public ConvTranspose2D(int filters, int kernelHeight, int kernelWidth, Activation activation, ConvOptions? options = null)
        : base(filters, kernelHeight, kernelWidth, activation, options)
    {
        if (Options.Padding != ConvPadding.Explicit)
        {
            Errors.TransposedPadding();
        }
    }

    /// <inheritdoc/>
    public override string Kind => "conv-transpose";

    /// <inheritdoc/>
    public override string Settings => string.Create(CultureInfo.InvariantCulture, $"{Filters} {KernelHeight}x{KernelWidth}{ConvText.Of(Options)}");

    private protected override Op Linear() => new ConvTranspose2D(Filters, KernelHeight, KernelWidth, new Activation<Identity>(), Options);

    private protected override ConvSizes SizesFor(string name, Node node, out Shape output)
    {
        (int channels, int height, int width) = ConvText.Image(name, node);
        int outputHeight = Enlarged(height, KernelHeight, Options.StrideY, Options.PaddingY, Options.DilationY, Options.OutputPaddingY);
        int outputWidth = Enlarged(width, KernelWidth, Options.StrideX, Options.PaddingX, Options.DilationX, Options.OutputPaddingX);
        if (outputHeight <= 0 || outputWidth <= 0 || Options.OutputPaddingY >= Options.StrideY || Options.OutputPaddingX >= Options.StrideX)
        {
            Errors.TransposedSize(name, outputHeight, outputWidth);
        }

        output = new Shape(Filters, outputHeight, outputWidth);
        return ConvText.Sizes(name, new ConvSizes(Filters, outputHeight, outputWidth, channels, KernelHeight, KernelWidth), Options);
    }

    private protected override int[] KernelShape() => [Sizes.Outputs, Filters / Sizes.Groups, KernelHeight, KernelWidth];

    /// <inheritdoc/>
    public override int SavedLength(int batch, Layout layout) => Activation.KeepsInput ? batch * layout.Stride(Sizes.InputLength) : 0;

    /// <inheritdoc/>
    public override void Forward(in OpContext<float> c)
    {
        Span<float> z = WeightedInput(in c);
        Conv.InputGradient(c.Arithmetic, Sizes, c.Batch, c.Input(0), c.InputStride(0), c.Parameter(0), c.Parameter(1)[..Filters], z, c.OutputStride);
        Activation.Forward(c.Arithmetic, c.Batch, c.OutputColumns, c.OutputStride, z, c.Output);
    }

    /// <inheritdoc/>
    public override void Backward(in OpContext<float> c)
    {
        Span<float> delta = Delta(in c);
        Conv.WeightGradient(
            c.Arithmetic, Sizes, c.Batch, delta, c.OutputStride, c.Input(0), c.InputStride(0), c.ParameterGradient(0), default, c.ContinueParameterGradients);
    }

    /// <inheritdoc/>
    public override bool BackwardAndUpdate(in OpContext<float> c, in SgdUpdate update)
    {
        Span<float> delta = Delta(in c), x = c.Input(0);
        if (!Finite.BoundsProductsAndSums(x, delta, (long)c.Batch * Sizes.OutputPositions))
        {
            // The gradient may not be finite: it is looked at before it is applied.
            Conv.WeightGradient(c.Arithmetic, Sizes, c.Batch, delta, c.OutputStride, x, c.InputStride(0), c.ParameterGradient(0), default);
            return update.Apply(in c);
        }

        Conv.UpdateWeights(
            c.Arithmetic, Sizes, c.Batch, delta, c.OutputStride, x, c.InputStride(0), c.Parameter(0), default, update.LearningRate, update.WeightL2, update.BiasL2);
        return update.Apply(in c, 1);
    }

    /// <summary>Delta, the bias gradient, and the layer below's share, which must be taken before the weights change: a plain convolution of delta.</summary>
    private Span<float> Delta(in OpContext<float> c)
    {
        Span<float> delta = c.OutputGradient;
        Activation.Backward(c.Arithmetic, c.Batch, c.OutputColumns, c.OutputStride, WeightedInput(in c), c.Output, delta);
        Conv.ChannelSums(c.Batch, Filters, Sizes.Height * Sizes.Width, delta, c.OutputStride, c.ParameterGradient(1), c.ContinueParameterGradients);
        if (c.WantsInputGradient(0))
        {
            Conv.Forward(
                c.Arithmetic, Sizes, c.Batch, delta, c.OutputStride, c.Parameter(0), default, c.InputGradient(0), c.InputStride(0), c.ContinueInputGradient(0));
        }

        return delta;
    }

    private protected override void ForwardTwin(in OpContext<float> c, Span<float> z) => ForwardTwin<float>(in c, z);

    private protected override void ForwardTwin(in OpContext<double> c, Span<double> z) => ForwardTwin<double>(in c, z);

    private protected override void BackwardTwin(in OpContext<float> c) => BackwardTwin<float>(in c);

    private protected override void BackwardTwin(in OpContext<double> c) => BackwardTwin<double>(in c);

    private static int Enlarged(int length, int kernel, int stride, int padding, int dilation, int more) =>
        ((length - 1) * stride) - (2 * padding) + (dilation * (kernel - 1)) + more + 1;

    private void ForwardTwin<T>(in OpContext<T> c, Span<T> z) where T : unmanaged, IBinaryFloatingPointIeee754<T> => Kernels.Scalar.Conv.InputGradient<T>(
        c.Arithmetic, Sizes, c.Batch, c.Input(0), c.InputStride(0), c.Parameter(0), c.Parameter(1)[..Filters], z, c.OutputStride);

    private void BackwardTwin<T>(in OpContext<T> c) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        Span<T> delta = c.OutputGradient;
        Kernels.Scalar.Conv.ChannelSums<T>(
            c.Batch, Filters, Sizes.Height * Sizes.Width, delta, c.OutputStride, c.ParameterGradient(1), c.ContinueParameterGradients);
        Kernels.Scalar.Conv.WeightGradient<T>(
            c.Arithmetic, Sizes, c.Batch, delta, c.OutputStride, c.Input(0), c.InputStride(0), c.ParameterGradient(0), default, c.ContinueParameterGradients);
        if (c.WantsInputGradient(0))
        {
            Kernels.Scalar.Conv.Forward<T>(
                c.Arithmetic, Sizes, c.Batch, delta, c.OutputStride, c.Parameter(0), default, c.InputGradient(0), c.InputStride(0), c.ContinueInputGradient(0));
        }
    }
}
