using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Elements;
using EmbeddedBackprop.Kernels.Sets;

namespace EmbeddedBackprop.Ops;

/// <content>Code for speed and memory, with the bits of the two passes: the update within the backward pass.</content>
public sealed partial class ConvTranspose2D
{
    /// <inheritdoc/>
    public override bool BackwardAndUpdate(in OpContext<float> c, in SgdUpdate update)
    {
        Matrix<float> rows = Delta<float, SimdKernels>(in c);
        PassBack<float, SimdKernels>(in c, c.Parameter(0), rows);
        Span<float> delta = rows.Values, x = c.Input(0);
        if (!Sizes.FitsTiles || !Finite.BoundsProductsAndSums(x, delta, (long)c.Batch * Sizes.OutputPositions))
        {
            // The gradient may not be finite, or has no tile: it is stored before it is applied.
            Conv.WeightGradient(c.Arithmetic, Sizes, c.Batch, delta, c.OutputStride, x, c.InputStride(0), c.ParameterGradient(0), default);
            return update.Apply(in c);
        }

        Conv.UpdateWeights(
            c.Arithmetic,
            Sizes,
            c.Batch,
            delta,
            c.OutputStride,
            x,
            c.InputStride(0),
            c.Parameter(0),
            default,
            update.LearningRate,
            update.WeightL2,
            update.BiasL2);
        return update.Apply(in c, 1);
    }
}
