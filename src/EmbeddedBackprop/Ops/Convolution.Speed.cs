using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Convolution;
using EmbeddedBackprop.Kernels.Elements;
using EmbeddedBackprop.Kernels.Sets;

namespace EmbeddedBackprop.Ops;

/// <content>
/// Code for speed and memory, with the bits of the two passes: the update within the backward pass; a rectifier, and in a prediction a normalisation,
/// in the pass that computes the sums; kernels that stay turned over from one prediction to the next; a pointwise convolution after a depthwise one.
/// </content>
public abstract partial class Convolution
{
    /// <inheritdoc/>
    public override void Forward(in OpContext<float> c)
    {
        ReadOnlySpan<Step> along = c.DoneAlong;
        int convolutions = 1, own = Followers(along, 0);
        for (int at = own; at < along.Length; at = Followers(along, at + 1))
        {
            convolutions++;
        }

        Halves halves = new(this, in c);
        if (convolutions == 1)
        {
            Forward(in c, along);
        }
        else if (!ConvChain.TryRun(c.Arithmetic, c.Batch, convolutions, in halves))
        {
            // This one alone, then the next one with what it does along, which may be all the rest.
            Forward(in c, along[..own]);
            for (int at = own; at < along.Length; at += 1 + along[at].DoneAlong.Length)
            {
                along[at].Op.Forward(c.Of(in along[at]));
            }
        }
    }

    /// <summary>The end (exclusive) of the steps that follow one convolution.</summary>
    private static int Followers(ReadOnlySpan<Step> along, int at)
    {
        while (at < along.Length && along[at].Op is not Convolution)
        {
            at++;
        }

        return at;
    }

    /// <summary>This convolution and those that are done along.</summary>
    private readonly ref struct Halves(Convolution op, in OpContext<float> c) : IConvHalves
    {
        private readonly OpContext<float> context = c;

        public ConvHalf Next(scoped ref int at)
        {
            ReadOnlySpan<Step> along = context.DoneAlong;
            int begin = at, end = Followers(along, at);
            at = end + 1;
            return begin == 0 ? op.Half(in context, along[..end])
                : ((Convolution)along[begin - 1].Op).Half(context.Of(in along[begin - 1]), along[begin..end]);
        }
    }

    /// <summary>The convolution, and steps that follow it.</summary>
    private void Forward(in OpContext<float> c, ReadOnlySpan<Step> along)
    {
        ConvHalf all = Half(in c, along);
        ConvFollowers followers = all.Followers;
        bool hasMaxima = along.Length > 0 && along[^1].Op is MaxPooling;
        if (hasMaxima)
        {
            OpContext<float> pool = c.Of(in along[^1]);
            followers = followers with { Maxima = pool.Output, LeadingMaxima = pool.OutputStride };
        }

        Matrix<float> z = c.WeightedInputRows;
        if (!Conv.ForwardAndFollowers(
            c.Arithmetic, Sizes, c.Batch, all.From, all.LeadingFrom, all.Weights, all.Bias, z.Values, z.Stride, in followers, all.Turned,
            all.IsTurned))
        {
            along[^1].Op.Forward(c.Of(in along[^1]));
        }

        if (along.Length == 0 && !followers.Rectifies)
        {
            Activation.Forward<float, SimdKernels>(c.Arithmetic, z, c.OutputRows); // a = f(z)
        }
    }

    /// <summary>The convolution with what follows it; maxima are left out.</summary>
    private ConvHalf Half(scoped in OpContext<float> c, ReadOnlySpan<Step> along)
    {
        along = along.Length > 0 && along[^1].Op is MaxPooling ? along[..^1] : along;
        ConvFollowers followers = new() { Rectifies = Activation is Activation<Relu> || (along.Length > 0 && along[^1].Op is Activate) };
        if (along.Length > 0 && along[0].Op is BatchNorm norm)
        {
            OpContext<float> n = c.Of(in along[0]);
            followers = followers with
            {
                Means = n.State(0), Variances = n.State(1), Gammas = n.Parameter(0), Betas = n.Parameter(1), Epsilon = norm.Epsilon,
            };
        }

        bool isTurned = c.Kept(out Span<float> turned);
        return new ConvHalf(Sizes)
        {
            From = c.Input(0), LeadingFrom = c.InputStride(0), Weights = c.Parameter(0), Bias = c.Parameter(1)[..Filters], Followers = followers,
            To = c.Output, LeadingTo = c.OutputStride, Turned = turned, IsTurned = isTurned,
        };
    }

    /// <summary>Kernels turned over, for one sample: packing them takes a tenth of a small layer's time.</summary>
    internal override int MadeLength(Layout layout) => layout == Layout.Padded ? ConvTurned.Length(Sizes) : 0;

    /// <inheritdoc/>
    internal override int CountDoneAlong(Step step, ReadOnlySpan<Step> next)
    {
        int count = CountPairs(step, next);
        if (count > 0)
        {
            return count;
        }

        count = CountFinish(step, next, out Step last);
        if (Activation is not (Activation<Identity> or Activation<Relu>) || next.Length == count || last.OnlyReader != next[count])
        {
            return count;
        }

        if (next[count].Op is Convolution following && ConvChain.MayBegin(Sizes, following.Sizes))
        {
            int pairs = following.CountPairs(next[count], next[(count + 1)..]);
            return pairs > 0 ? count + 1 + pairs : count;
        }

        return next[count].Op is MaxPooling { Sizes.IsPairs: true } ? count + 1 : count;
    }

    /// <summary>The steps of a depthwise convolution, the pointwise one after it, and further such pairs; 0 if there is none.</summary>
    private int CountPairs(Step step, ReadOnlySpan<Step> next)
    {
        int count = 0, floats = 0, whole = 0;
        Convolution first = this;
        Step at = step;
        for (int convolutions = 2; convolutions < ConvChain.Most; convolutions += 2)
        {
            count += first.CountFinish(at, next[count..], out at);
            if (first.Activation is not (Activation<Identity> or Activation<Relu>) || next.Length == count || at.OnlyReader != next[count]
                || next[count].Op is not Convolution { Activation: Activation<Identity> or Activation<Relu> } second
                || !ConvChain.IsPair(first.Sizes, second.Sizes) || !ConvChain.HasRoom(first.Sizes, whole == 0, ref floats))
            {
                break;
            }

            at = next[count++];
            count += second.CountFinish(at, next[count..], out at);
            bool isRead = count < next.Length && at.OnlyReader == next[count];
            if (isRead && next[count].Op is MaxPooling { Sizes.IsPairs: true })
            {
                // The pointwise one takes them.
                break;
            }

            whole = count;
            if (!isRead || next[count].Op is not Convolution third)
            {
                break;
            }

            (first, at) = (third, next[count++]);
        }

        return whole;
    }

    /// <summary>The normalisation and the rectifier right after the convolution.</summary>
    private int CountFinish(Step step, ReadOnlySpan<Step> next, out Step last)
    {
        int count = 0;
        last = step;
        if (Activation is Activation<Identity> && next.Length > 0 && next[0].Op is BatchNorm && next[0].WorksInPlaceOf(step))
        {
            last = next[count++];
            if (next.Length > 1 && next[1].Op is Activate { Activation: Activation<Relu> } && next[1].WorksInPlaceOf(last))
            {
                last = next[count++];
            }
        }

        return count;
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
