using System.Globalization;
using System.Numerics;
using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Ops;

/// <summary>
/// A transposed convolution over images [channels, height, width]: each position adds its channels, times a kernel, to the output around it; a =
/// f(z). It is the input gradient of a convolution that reads the output (rows (height - 1) stride - 2 padding + dilation (kernel - 1) + output
/// padding + 1), with a bias; kernels are [channels, filters / groups, kernel height, kernel width]. Source: Zeiler, Krishnan, Taylor, Fergus,
/// Deconvolutional networks (2010).
/// </summary>
public sealed partial class ConvTranspose2D : ConvolutionBase, IPasses<ConvTranspose2D>
{
    /// <summary>A layer of so many filters.</summary>
    /// <param name="filters">Channels of the output.</param>
    /// <param name="kernelHeight">Rows of a kernel.</param>
    /// <param name="kernelWidth">Columns of a kernel.</param>
    /// <param name="activation">f.</param>
    /// <param name="options">Stride, explicit padding (taken away from the output), output padding, dilation, groups; null for 1, none, none, 1,
    /// 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">A size is not positive, or a padding is negative.</exception>
    /// <exception cref="ArgumentException">The padding is not explicit.</exception>
    public ConvTranspose2D(int filters, int kernelHeight, int kernelWidth, Activation activation, ConvOptions? options = null)
        : base(filters, kernelHeight, kernelWidth, activation, options)
    {
        if (Options.Padding != ConvPadding.Explicit)
        {
            OpErrors.TransposedPadding();
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
        long outputHeight = Enlarged(height, KernelHeight, Options.StrideY, Options.PaddingY, Options.DilationY, Options.OutputPaddingY);
        long outputWidth = Enlarged(width, KernelWidth, Options.StrideX, Options.PaddingX, Options.DilationX, Options.OutputPaddingX);
        if (outputHeight is <= 0 or > int.MaxValue || outputWidth is <= 0 or > int.MaxValue
            || Options.OutputPaddingY >= Options.StrideY || Options.OutputPaddingX >= Options.StrideX)
        {
            OpErrors.TransposedSize(name, outputHeight, outputWidth);
        }

        output = new Shape(Filters, (int)outputHeight, (int)outputWidth);
        return ConvText.Sizes(name, new ConvSizes(Filters, output[1], output[2], channels, KernelHeight, KernelWidth), Options);
    }

    private protected override int[] KernelShape() => [Sizes.Outputs, Filters / Sizes.Groups, KernelHeight, KernelWidth];

    internal override Op? Quantized(in QuantizeContext c) => new Integer.IntegerConvTranspose(this, c.Bits, c.Activation ?? Activation, c.Tied);

    /// <inheritdoc/>
    public override int SavedLength(int batch, Layout layout) => Activation.KeepsInput ? batch * layout.Stride(Sizes.InputLength) : 0;

    /// <inheritdoc/>
    protected override Passes Passes => Passes.Of<ConvTranspose2D>();

    static void IPasses<ConvTranspose2D>.Forward<T, K>(ConvTranspose2D op, in OpContext<T> c)
    {
        Matrix<T> x = c.InputRows(0), z = c.WeightedInputRows, a = c.OutputRows;
        K.ConvolutionInputGradient(c.Arithmetic, op.Sizes, x, c.Parameter(0), c.Parameter(1)[..op.Filters], z, accumulate: false);
        op.Activation.Forward<T, K>(c.Arithmetic, z, a); // a = f(z)
    }

    static void IPasses<ConvTranspose2D>.Backward<T, K>(ConvTranspose2D op, in OpContext<T> c)
    {
        Matrix<T> delta = op.Delta<T, K>(in c);
        op.Gradients<T, K>(in c, c.InputRows(0), c.Parameter(0), delta);
    }

    /// <summary>The gradients of w, b and x from delta, for any x and w of the layer's sizes.</summary>
    internal void Gradients<T, K>(in OpContext<T> c, in Matrix<T> x, ReadOnlySpan<T> w, in Matrix<T> delta)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where K : struct, IKernels<T>
    {
        PassBack<T, K>(in c, w, delta);

        // BP4: delta is the image and x the output of the convolution whose input gradient this layer is.
        K.ConvolutionWeightGradient(c.Arithmetic, Sizes, delta, x, c.ParameterGradient(0), default, c.ContinueParameterGradients);
    }

    /// <summary>The bias gradient, and dL/dx, which must be taken before the weights change: a plain convolution of delta.</summary>
    private void PassBack<T, K>(in OpContext<T> c, ReadOnlySpan<T> w, in Matrix<T> delta)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where K : struct, IKernels<T>
    {
        K.ChannelSums(delta, c.ParameterGradient(1), Filters, c.ContinueParameterGradients); // BP3
        if (c.WantsInputGradient(0))
        {
            K.Convolution(c.Arithmetic, Sizes, delta, w, default, c.InputGradientRows(0), c.ContinueInputGradient(0));
        }
    }

    private static long Enlarged(int length, int kernel, int stride, int padding, int dilation, int more) =>
        ((length - 1) * (long)stride) - (2L * padding) + (dilation * ((long)kernel - 1)) + more + 1;
}
