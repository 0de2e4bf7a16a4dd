using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Convolution;
using EmbeddedBackprop.Kernels.Elements;
using EmbeddedBackprop.Kernels.Sets;

namespace EmbeddedBackprop.Ops;

/// <content>
/// Code for speed and memory, with the bits of the two passes: the update within the backward pass; a rectifier, and in a prediction a normalisation,
/// in the pass that computes the sums; kernels that stay turned over from one prediction to the next.
/// </content>
public abstract partial class Convolution
{
    /// <inheritdoc/>
    public override void Forward(in OpContext<float> c)
    {
        ReadOnlySpan<Step> along = c.DoneAlong;
        Span<float> maxima = [];
        int leadingMaxima = 0;
        if (along.Length > 0 && along[^1].Op is MaxPooling)
        {
            OpContext<float> pool = c.Of(in along[^1]);
            maxima = pool.Output;
            leadingMaxima = pool.OutputStride;
            along = along[..^1];
        }

        ConvFollowers followers = new()
        {
            Rectifies = Activation is Activation<Relu> || (along.Length > 0 && along[^1].Op is Activate),
            Maxima = maxima,
            LeadingMaxima = leadingMaxima,
        };
        if (along.Length > 0 && along[0].Op is BatchNorm norm)
        {
            OpContext<float> n = c.Of(in along[0]);
            followers = followers with
            {
                Means = n.State(0), Variances = n.State(1), Gammas = n.Parameter(0), Betas = n.Parameter(1), Epsilon = norm.Epsilon,
            };
        }

        Matrix<float> z = c.WeightedInputRows;
        bool isTurned = c.Kept(out Span<float> turned);
        if (!Conv.ForwardAndFollowers(
            c.Arithmetic, Sizes, c.Batch, c.Input(0), c.InputStride(0), c.Parameter(0), c.Parameter(1)[..Filters],
            z.Values, z.Stride, in followers, turned, isTurned))
        {
            c.DoneAlong[^1].Op.Forward(c.Of(in c.DoneAlong[^1]));
        }

        if (c.DoneAlong.Length == 0 && !followers.Rectifies)
        {
            Activation.Forward<float, SimdKernels>(c.Arithmetic, z, c.OutputRows); // a = f(z)
        }
    }

    /// <summary>Kernels turned over, for one sample: packing them takes a tenth of a small layer's time.</summary>
    internal override int MadeLength(Layout layout) => layout == Layout.Padded ? ConvTurned.Length(Sizes) : 0;

    /// <inheritdoc/>
    internal override int CountDoneAlong(Step step, ReadOnlySpan<Step> next)
    {
        int count = 0;
        Step last = step;
        if (Activation is Activation<Identity> && next.Length > 0 && next[0].Op is BatchNorm && next[0].WorksInPlaceOf(step))
        {
            last = next[count++];
            if (next.Length > 1 && next[1].Op is Activate { Activation: Activation<Relu> } && next[1].WorksInPlaceOf(last))
            {
                last = next[count++];
            }
        }

        bool isKnown = Activation is Activation<Identity> or Activation<Relu>;
        return isKnown && next.Length > count && next[count].Op is MaxPooling { Sizes.IsPairs: true } && last.OnlyReader == next[count]
            ? count + 1
            : count;
    }

    /// <inheritdoc/>
    internal override bool IsDerivedBy(Op next) => Activation is Activation<Relu> && next is MaxPooling { Sizes.IsPairs: true };

    /// <inheritdoc/>
    public override bool BackwardAndUpdate(in OpContext<float> c, in SgdUpdate update)
    {
        Matrix<float> rows = Delta<float, SimdKernels>(in c);
        Span<float> delta = rows.Values, x = c.Input(0);
        bool isBounded = Sizes.FitsTiles
            && Finite.BoundsProductsAndSums(x, c.IsDerived ? c.DeriversGradient : delta, (long)c.Batch * Sizes.OutputPositions);
        PassBack<float, SimdKernels>(in c, c.Parameter(0), rows);
        if (!isBounded)
        {
            // The gradient may not be finite, or has no tile: it is stored before it is applied.
            Conv.WeightGradient(
                c.Arithmetic, Sizes, c.Batch, x, c.InputStride(0), delta, c.OutputStride, c.ParameterGradient(0), c.ParameterGradient(1)[..Filters]);
            return update.Apply(in c);
        }

        Conv.UpdateFrom(
            c.Arithmetic, Sizes, c.Batch, x, c.InputStride(0), delta, c.OutputStride, c.Parameter(0), c.Parameter(1)[..Filters],
            update.LearningRate, update.WeightL2, update.BiasL2, isFinite: true);
        return true;
    }
}
