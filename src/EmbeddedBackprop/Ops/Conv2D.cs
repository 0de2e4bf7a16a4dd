using System.Globalization;
using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Elements;

namespace EmbeddedBackprop.Ops;

/// <summary>
/// A convolution over images [channels, height, width]: z[o, oy, ox] = b[o] + sum over c, ky, kx of x[c, oy s - p + ky d, ox s - p + kx d] w[o, c,
/// ky, kx], a = f(z), a cross-correlation as everywhere in the field. Source: LeCun, Bottou, Bengio, Haffner, Gradient-based learning applied to
/// document recognition (1998); Nielsen, chapter 6.
/// </summary>
public sealed class Conv2D : Convolution
{
    /// <summary>A layer of so many filters.</summary>
    /// <param name="filters">Channels of the output.</param>
    /// <param name="kernelHeight">Rows of a kernel.</param>
    /// <param name="kernelWidth">Columns of a kernel.</param>
    /// <param name="activation">f.</param>
    /// <param name="options">Stride, padding, dilation, groups; null for 1, none, 1, 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">A size is not positive, or the padding is negative.</exception>
    public Conv2D(int filters, int kernelHeight, int kernelWidth, Activation activation, ConvOptions? options = null)
        : base(filters, kernelHeight, kernelWidth, activation, options)
    {
        if (Options.Padding == ConvPadding.Causal)
        {
            OpErrors.CausalImage();
        }
    }

    /// <inheritdoc/>
    public override string Kind => "conv";

    private protected override string KernelText => string.Create(CultureInfo.InvariantCulture, $"{KernelHeight}x{KernelWidth}");

    private protected override int[] KernelShape(int channels) => [Filters, channels, KernelHeight, KernelWidth];

    private protected override (int Channels, int Height, int Width) Read(string name, Node node) => ConvText.Image(name, node);

    private protected override Op Linear() => new Conv2D(Filters, KernelHeight, KernelWidth, new Activation<Identity>(), Options);

    private protected override Shape Written(in ConvSizes sizes) => new(Filters, sizes.OutputHeight, sizes.OutputWidth);
}
