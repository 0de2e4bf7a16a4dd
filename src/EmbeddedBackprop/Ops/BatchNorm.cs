using System.Globalization;
using System.Numerics;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Elements;
using EmbeddedBackprop.Kernels.Norms;

namespace EmbeddedBackprop.Ops;

/// <summary>
/// Batch normalisation: y = gamma (x - mean) / sqrt(variance + epsilon) + beta, per feature of [features] and per channel of [channels, length] or
/// [channels, height, width]. In training the mean and the (biased) variance are those of the batch, and running values move the share Momentum
/// towards them, the variance towards its unbiased estimate; in inference they are the running values. Source: Ioffe and Szegedy 2015.
/// </summary>
/// <remarks>
/// Parameters NAME.weight (gamma, 1 at first) and NAME.bias (beta); state NAME.running_mean and NAME.running_var. A batch of one element a
/// channel has no unbiased variance and does not change the running one. All sums run over a whole channel in 16 parts, so a second use of
/// the op adds a finished sum to the gradients, and a batch is never split.
/// </remarks>
public sealed class BatchNorm : KernelOp, IPasses<BatchNorm>
{
    private Shape input;

    /// <summary>The share by which running values move towards those of a batch. 0.1 by default.</summary>
    public float Momentum { get; init; } = 0.1f;

    /// <summary>The constant added to the variance. 1e-5 by default.</summary>
    public float Epsilon { get; init; } = 1e-5f;

    /// <inheritdoc/>
    public override string Kind => "batchnorm";

    /// <inheritdoc/>
    public override string Settings =>
        (Momentum == 0.1f ? "" : "momentum" + Momentum.ToString("R", CultureInfo.InvariantCulture))
        + (Epsilon == 1e-5f ? "" : (Momentum == 0.1f ? "" : " ") + "epsilon" + Epsilon.ToString("R", CultureInfo.InvariantCulture));

    /// <inheritdoc/>
    public override bool DependsOnWholeBatch => true;

    /// <inheritdoc/>
    public override BackwardReads BackwardReads => BackwardReads.Inputs;

    /// <inheritdoc/>
    public override bool MayOverlay(int input) => true;

    /// <summary>All sums over the gradient are taken before the first element is written.</summary>
    public override bool MayOverlayGradient(int input) => true;

    /// <summary>Channels of the input; bound when the op is applied.</summary>
    internal int Channels => input[0];

    /// <summary>Elements of the input.</summary>
    internal int Length => input.Length;

    private int Positions => Length / Channels;

    /// <inheritdoc/>
    public override Shape InferShape(string name, ReadOnlySpan<Node> inputs)
    {
        _ = Errors.RequireShare("momentum", Momentum) + Errors.RequirePositive("epsilon", Epsilon);
        return Shapes.Single(name, inputs, ref input);
    }

    /// <inheritdoc/>
    public override void DescribeParameters(ParameterLayout layout)
    {
        ArgumentNullException.ThrowIfNull(layout);
        layout.AddTensor(Name + ".weight", ParameterKind.Scale, Channels);
        layout.AddTensor(Name + ".bias", ParameterKind.Bias, Channels);
    }

    /// <inheritdoc/>
    public override void DescribeState(StateLayout layout)
    {
        ArgumentNullException.ThrowIfNull(layout);
        layout.Add(Name + ".running_mean", Channels);
        layout.Add(Name + ".running_var", Channels, 1f);
    }

    /// <summary>The means and the inverse deviations that the forward pass used.</summary>
    public override int SavedLength(int batch, Layout layout) => 2 * Channels;

    /// <summary>The same where nothing is saved; two sums a channel in the backward pass.</summary>
    public override int ScratchLength(int batch, Layout layout) => 2 * Channels;

    /// <summary>None: the inverse deviations are a table.</summary>
    public override int ExportScratchLength(Layout layout) => 0;

    /// <inheritdoc/>
    internal override Op? Quantized(in QuantizeContext c) =>
        Integer.IntegerActivation.Ends(c.Activation) ? new Integer.IntegerBatchNorm(this, c.Bits, c.Activation, c.Tied) : null;

    /// <inheritdoc/>
    internal override TimeRule AlongTime(ReadOnlySpan<Node> inputs, int axis) =>
        axis == 0 ? TimeRule.OtherAxis("has weights of its own for each step of time") : TimeRule.Each(axis);

    /// <inheritdoc/>
    protected override Passes Passes => Passes.Of<BatchNorm>();

    static void IPasses<BatchNorm>.Forward<T, K>(BatchNorm op, in OpContext<T> c)
    {
        op.Values(in c, out Span<T> means, out Span<T> inverses);
        if (c.Training)
        {
            K.ChannelMoments(c.Arithmetic, op.Channels, c.InputRows(0), means, inverses);
            T momentum = T.CreateTruncating(op.Momentum);
            K.Apply<MoveTowards>(c.Arithmetic, means, means, c.State(0), momentum, T.One);
            if (c.Batch * op.Positions is > 1 and int count)
            {
                T n = T.CreateChecked(count);
                K.Apply<MoveTowards>(c.Arithmetic, inverses, inverses, c.State(1), momentum, n / (n - T.One));
            }
        }
        else
        {
            c.State(0).CopyTo(means);
            c.State(1).CopyTo(inverses);
        }

        K.Apply<InverseDeviation>(c.Arithmetic, inverses, inverses, inverses, T.CreateTruncating(op.Epsilon));
        K.NormalizeChannels(c.Arithmetic, op.Channels, c.InputRows(0), means, inverses, c.Parameter(0), c.Parameter(1), c.OutputRows);
    }

    static void IPasses<BatchNorm>.Backward<T, K>(BatchNorm op, in OpContext<T> c)
    {
        op.Values(in c, out Span<T> means, out Span<T> inverses);
        op.Gradients<T, K>(in c, c.InputRows(0), means, inverses, c.Scratch[..(2 * op.Channels)], isFixed: !c.Training);
    }

    /// <summary>The gradients at given inputs, means and inverse deviations.</summary>
    /// <param name="c">The step's context.</param>
    /// <param name="x">The inputs.</param>
    /// <param name="means">The mean of each channel.</param>
    /// <param name="inverses">Its inverse deviation.</param>
    /// <param name="sums">Memory for two sums a channel.</param>
    /// <param name="isFixed">Whether the two are running values, which do not depend on x.</param>
    internal void Gradients<T, K>(in OpContext<T> c, in Matrix<T> x, Span<T> means, Span<T> inverses, Span<T> sums, bool isFixed)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where K : struct, IKernels<T>
    {
        Matrix<T> dy = c.OutputGradientRows;
        Span<T> gradients = sums[..Channels], products = sums[Channels..];
        K.ChannelNormSums(c.Arithmetic, Channels, x, means, inverses, dy, gradients, products);
        Ops.Gradients.PassOn<T, K>(products, c.ParameterGradient(0), c.ContinueParameterGradients);
        Ops.Gradients.PassOn<T, K>(gradients, c.ParameterGradient(1), c.ContinueParameterGradients);
        if (c.WantsInputGradient(0))
        {
            if (isFixed)
            {
                // Their share of the gradient is 0.
                sums.Clear();
            }

            K.ChannelNormGradient(
                c.Arithmetic,
                Channels,
                x,
                means,
                inverses,
                c.Parameter(0),
                dy,
                gradients,
                products,
                c.InputGradientRows(0),
                c.ContinueInputGradient(0));
        }
    }

    private void Values<T>(in OpContext<T> c, out Span<T> means, out Span<T> inverses) where T : unmanaged
    {
        Span<T> both = c.Saved.IsEmpty ? c.Scratch : c.Saved;
        means = both[..Channels];
        inverses = both[Channels..];
    }
}
