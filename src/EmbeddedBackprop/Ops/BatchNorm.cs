using System.Globalization;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
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

    /// <summary>The share by which running values move towards those of a batch.</summary>
    public float Momentum { get; init; } = 0.1f;

    /// <summary>The constant added to the variance.</summary>
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

    private int Positions => input.Length / input[0];

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
        Matrix<T> x = c.InputRows(0), dy = c.OutputGradientRows;
        Span<T> gradients = c.Scratch[..op.Channels], products = c.Scratch[op.Channels..];
        K.ChannelNormSums(c.Arithmetic, op.Channels, x, means, inverses, dy, gradients, products);
        Gradients.PassOn<T, K>(products, c.ParameterGradient(0), c.ContinueParameterGradients);
        Gradients.PassOn<T, K>(gradients, c.ParameterGradient(1), c.ContinueParameterGradients);
        if (c.WantsInputGradient(0))
        {
            ClearWhereFixed(in c);
            K.ChannelNormGradient(
                c.Arithmetic,
                op.Channels,
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

    // Running values do not depend on x: their share of the gradient is 0.
    private static void ClearWhereFixed<T>(in OpContext<T> c) where T : unmanaged
    {
        if (!c.Training)
        {
            c.Scratch.Clear();
        }
    }
}
