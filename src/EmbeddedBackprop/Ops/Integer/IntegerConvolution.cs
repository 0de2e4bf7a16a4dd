using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Scalar;
using EmbeddedBackprop.Kernels.Sets;

namespace EmbeddedBackprop.Ops.Integer;

/// <summary>
/// A convolution on integers, of images or signals: groups, depthwise, dilated, causal. A tap outside the image is real 0: q = z, and its product 0.
/// </summary>
internal sealed class IntegerConvolution : IntegerLayer
{
    private readonly Convolution convolution;

    /// <summary>The integer form of a convolution without activation.</summary>
    /// <param name="convolution">The layer; its weights are this op's own.</param>
    /// <param name="bits">Bits of the output.</param>
    /// <param name="activation">f; null for none.</param>
    /// <param name="tied">The value whose scale the output shares; null for its own.</param>
    public IntegerConvolution(Convolution convolution, int bits, Activation? activation, IntegerValue? tied)
        : base(convolution.Unbound(), bits, activation, tied) => this.convolution = (Convolution)Layer;

    /// <inheritdoc/>
    public override int Outputs => convolution.Filters;

    /// <inheritdoc/>
    public override WeightAxis Axis(Layout layout) => new(1, 1, convolution.Filters, convolution.Sizes.Taps);

    /// <inheritdoc/>
    public override int ExportScratchLength(Layout layout)
    {
        ConvSizes sizes = ConvTile.Seen(convolution.Sizes);
        (int elements, int bits) = ConvTile.Of(in sizes) is { Rows: > 0 } tile ? (tile.Copied(in sizes), 16) : (sizes.Taps, InputBits);
        int perFloat = sizeof(float) * 8 / bits;
        return (elements + perFloat - 1) / perFloat;
    }

    /// <summary>A maximum over windows that tile the map: rounding and clamping keep the order of sums, so only the largest is rounded.</summary>
    internal override bool JoinsBlock(Op last, Op next)
    {
        ConvSizes sizes = convolution.Sizes;
        return last == this && ConvTile.Seen(in sizes) == sizes && !HasTable && next is MaxPooling pooling
            && pooling.Window == pooling.Stride && pooling.Padding == (0, 0)
            && ConvTile.Of(in sizes) is { Rows: > 0 } tile
            && tile.Rows % pooling.Window.Height == 0 && tile.Columns % pooling.Window.Width == 0;
    }

    private protected override bool OutputsAreColumns => false;

    private protected override (int Input, int Output) Strides(Layout layout) =>
        (layout.Stride(convolution.Sizes.InputLength), layout.Stride(convolution.Sizes.SampleOutputs));

    private protected override void Sums(Arithmetic arithmetic, in Matrix<float> x, Span<float> w, in Matrix<float> z) =>
        SimdKernels.ConvolutionOfIntegers(arithmetic, convolution.Sizes, x, w, z);

    private protected override void Sums(ReadOnlySpan<int> x, ReadOnlySpan<int> w, Span<int> z) =>
        IntegerSums.Convolution(convolution.Sizes, x, w, z);
}
