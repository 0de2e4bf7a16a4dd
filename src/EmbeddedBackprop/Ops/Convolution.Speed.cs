using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Convolution;
using EmbeddedBackprop.Kernels.Elements;
using EmbeddedBackprop.Kernels.Sets;

namespace EmbeddedBackprop.Ops;

/// <content>
/// Code for speed and memory, with the bits of the two passes: the update within the backward pass; a rectifier, and in a prediction a normalisation,
/// in the pass that computes the sums.
/// </content>
public abstract partial class Convolution
{
    /// <inheritdoc/>
    public override void Forward(in OpContext<float> c)
    {
        ReadOnlySpan<Step> along = c.DoneAlong;
        ConvFollowers followers = new() { Rectifies = Activation is Activation<Relu> || (along.Length > 0 && along[^1].Op is Activate) };
        if (along.Length == 0 && !followers.Rectifies)
        {
            base.Forward(in c);
            return;
        }

        if (along.Length > 0 && along[0].Op is BatchNorm norm)
        {
            OpContext<float> n = c.Of(in along[0]);
            followers = followers with
            {
                Means = n.State(0), Variances = n.State(1), Gammas = n.Parameter(0), Betas = n.Parameter(1), Epsilon = norm.Epsilon,
            };
        }

        Conv.ForwardAndFollowers(
            c.Arithmetic, Sizes, c.Batch, c.Input(0), c.InputStride(0), c.Parameter(0), c.Parameter(1)[..Filters],
            c.Output, c.OutputStride, followers);
    }

    /// <inheritdoc/>
    internal override int CountDoneAlong(Step step, ReadOnlySpan<Step> next)
    {
        if (Activation is not Activation<Identity> || next.Length == 0 || next[0].Op is not BatchNorm || !next[0].WorksInPlaceOf(step))
        {
            return 0;
        }

        return next.Length > 1 && next[1].Op is Activate { Activation: Activation<Relu> } && next[1].WorksInPlaceOf(next[0]) ? 2 : 1;
    }

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
