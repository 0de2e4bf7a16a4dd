using System.Globalization;
using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Ops;

/// <summary>
/// A convolution over signals [channels, length]: z[o, t] = b[o] + sum over c, k of x[c, t s - p + k d] w[o, c, k], a = f(z). With causal padding and
/// a dilation that doubles from layer to layer it is the temporal convolution of van den Oord et al., WaveNet (2016), and Bai, Kolter, Koltun (2018).
/// </summary>
public sealed class Conv1D : Convolution
{
    /// <summary>A layer of so many filters.</summary>
    /// <param name="filters">Channels of the output.</param>
    /// <param name="kernel">Length of a kernel.</param>
    /// <param name="activation">f.</param>
    /// <param name="options">Stride, padding, dilation (those of X count) and groups; null for 1, none, 1, 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">A size is not positive, or the padding is negative.</exception>
    public Conv1D(int filters, int kernel, Activation activation, ConvOptions? options = null)
        : base(filters, 1, kernel, activation, (options ?? new ConvOptions()) with { StrideY = 1, PaddingY = 0, DilationY = 1 })
    {
    }

    /// <inheritdoc/>
    public override string Kind => "conv1d";

    private protected override string KernelText => KernelWidth.ToString(CultureInfo.InvariantCulture);

    // A signal has one axis: s2, not s1x2.
    private protected override ConvOptions ShownOptions =>
        Options with { StrideY = Options.StrideX, PaddingY = Options.PaddingX, DilationY = Options.DilationX };

    private protected override int[] KernelShape(int channels) => [Filters, channels, KernelWidth];

    private protected override (int Channels, int Height, int Width) Read(string name, Node node)
    {
        if (node.Shape.Rank != 2)
        {
            OpErrors.NotASignal(name, node.Shape, node.Name);
        }

        return (node.Shape[0], 1, node.Shape[1]);
    }

    private protected override Op Linear() => new Conv1D(Filters, KernelWidth, new Activation<Identity>(), Options);

    private protected override Shape Written(in ConvSizes sizes) => new(Filters, sizes.OutputWidth);
}
