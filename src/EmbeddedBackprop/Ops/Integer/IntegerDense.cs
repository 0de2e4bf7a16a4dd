using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Scalar;
using EmbeddedBackprop.Kernels.Sets;

namespace EmbeddedBackprop.Ops.Integer;

/// <summary>A fully connected layer on integers: q_y = f of b_j + sum over k of (q_k - z) w_kj.</summary>
internal sealed class IntegerDense : IntegerLayer
{
    private readonly Dense dense;

    /// <summary>The integer form of a layer without activation.</summary>
    /// <param name="dense">The layer; its weights are this op's own.</param>
    /// <param name="bits">Bits of the output.</param>
    /// <param name="activation">f; null for none.</param>
    /// <param name="tied">The value whose scale the output shares; null for its own.</param>
    public IntegerDense(Dense dense, int bits, Activation? activation, IntegerValue? tied)
        : base(new Dense(dense.Outputs, new Activation<Identity>()), bits, activation, tied) => this.dense = (Dense)Layer;

    /// <inheritdoc/>
    public override int Outputs => dense.Outputs;

    /// <inheritdoc/>
    public override WeightAxis Axis(Layout layout) => new(1, dense.Inputs, layout.Stride(dense.Outputs), 1);

    private protected override bool OutputsAreColumns => true;

    private protected override (int Input, int Output) Strides(Layout layout) => (layout.Stride(dense.Inputs), layout.Stride(dense.Outputs));

    private protected override void Sums(Arithmetic arithmetic, in Matrix<float> x, Span<float> w, in Matrix<float> z) =>
        SimdKernels.AffineOfIntegers(
            arithmetic, x, new Matrix<float>(w, dense.Inputs, dense.Outputs, w.Length / dense.Inputs, w.Length / dense.Inputs), z);

    private protected override void Sums(ReadOnlySpan<int> x, ReadOnlySpan<int> w, Span<int> z) =>
        IntegerSums.Dense(x, w, w.Length / dense.Inputs, z);
}
