using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Elements;
using EmbeddedBackprop.Kernels.Sets;

namespace EmbeddedBackprop.Ops;

/// <content>Code for speed and memory, with the bits of the two passes: the update within the backward pass.</content>
public abstract partial class Convolution
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
            Conv.WeightGradient(
                c.Arithmetic, Sizes, c.Batch, x, c.InputStride(0), delta, c.OutputStride, c.ParameterGradient(0), c.ParameterGradient(1)[..Filters]);
            return update.Apply(in c);
        }

        Conv.UpdateWeights(
            c.Arithmetic, Sizes, c.Batch, x, c.InputStride(0), delta, c.OutputStride, c.Parameter(0), c.Parameter(1)[..Filters],
            update.LearningRate, update.WeightL2, update.BiasL2);
        return true;
    }
}
