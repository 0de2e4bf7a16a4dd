using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Scalar;
using EmbeddedBackprop.Kernels.Sets;

namespace EmbeddedBackprop.Ops.Integer;

/// <summary>A transposed convolution on integers: each position adds its channels, times a kernel, to the sums around it.</summary>
internal sealed class IntegerConvTranspose : IntegerLayer
{
    private readonly ConvTranspose2D convolution;

    /// <summary>The integer form of a transposed convolution without activation.</summary>
    /// <param name="convolution">The layer; its weights are this op's own.</param>
    /// <param name="bits">Bits of the output.</param>
    /// <param name="activation">f; null for none.</param>
    /// <param name="tied">The value whose scale the output shares; null for its own.</param>
    public IntegerConvTranspose(ConvTranspose2D convolution, int bits, Activation? activation, IntegerValue? tied)
        : base(convolution.Unbound(), bits, activation, tied) => this.convolution = (ConvTranspose2D)Layer;

    /// <inheritdoc/>
    public override int Outputs => convolution.Filters;

    /// <inheritdoc/>
    public override WeightAxis Axis(Layout layout)
    {
        // [channels, filters / groups, rows, columns], the channels of a group together.
        ConvSizes sizes = convolution.Sizes;
        return new(sizes.Groups, sizes.Outputs / sizes.Groups, convolution.Filters / sizes.Groups, sizes.KernelHeight * sizes.KernelWidth);
    }

    /// <summary>The sums of one map of the output.</summary>
    public override int ExportScratchLength(Layout layout) => convolution.Sizes.Height * convolution.Sizes.Width;

    private protected override bool OutputsAreColumns => false;

    private protected override (int Input, int Output) Strides(Layout layout) =>
        (layout.Stride(convolution.Sizes.SampleOutputs), layout.Stride(convolution.Sizes.InputLength));

    private protected override void Sums(Arithmetic arithmetic, in Matrix<float> x, Span<float> w, in Matrix<float> z) =>
        SimdKernels.ConvolutionInputGradient(arithmetic, convolution.Sizes, x, w, [], z, accumulate: false);

    private protected override void Sums(ReadOnlySpan<int> x, ReadOnlySpan<int> w, Span<int> z) =>
        IntegerSums.Transposed(convolution.Sizes, x, w, z);
}
