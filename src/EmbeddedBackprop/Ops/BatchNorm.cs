using System.Globalization;
using System.Numerics;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Elements;
using EmbeddedBackprop.Kernels.Norms;

namespace EmbeddedBackprop.Ops;

/// <summary>
/// Batch normalisation: y = gamma (x - mean) / sqrt(variance + epsilon) + beta, per feature of [features] and per channel of [channels, length] or
/// [channels, height, width]. In training the mean and the (biased) variance are those of the batch, and running values move the share Momentum towards
/// them, the variance towards its unbiased estimate; in inference they are the running values. Source: Ioffe and Szegedy 2015.
/// </summary>
/// <remarks>
/// Parameters NAME.weight (gamma, 1 at first) and NAME.bias (beta); state NAME.running_mean and NAME.running_var. A batch of one number a channel has no
/// unbiased variance and leaves the running one as it is. All sums run over a whole channel in 16 parts, so a second use of the op adds a finished sum to the
/// gradients, and a batch is never split.
/// </remarks>
public sealed class BatchNorm : Op
{
    private Shape input;

    /// <summary>The share by which running values move towards those of a batch.</summary>
    public float Momentum { get; init; } = 0.1f;

    /// <summary>What is added to the variance.</summary>
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

    private int Channels => input[0];

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
    public override void Forward(in OpContext<float> c)
    {
        Values(in c, out Span<float> means, out Span<float> inverses);
        if (c.Training)
        {
            ChannelNorm.Moments(c.Arithmetic, c.Batch, Channels, Positions, c.Input(0), c.InputStride(0), means, inverses);
            ElementFormula.Run<MoveTowards>(c.Arithmetic, means, means, c.State(0), Momentum, 1f);
            if (c.Batch * Positions is > 1 and int n)
            {
                ElementFormula.Run<MoveTowards>(c.Arithmetic, inverses, inverses, c.State(1), Momentum, n / (n - 1f));
            }
        }
        else
        {
            c.State(0).CopyTo(means);
            c.State(1).CopyTo(inverses);
        }

        ElementFormula.Run<InverseDeviation>(c.Arithmetic, inverses, inverses, inverses, Epsilon);
        ChannelNorm.Normalize(
            c.Arithmetic, c.Batch, Channels, Positions, c.Input(0), c.InputStride(0), means, inverses, c.Parameter(0), c.Parameter(1), c.Output, c.OutputStride);
    }

    /// <inheritdoc/>
    public override void Backward(in OpContext<float> c)
    {
        Values(in c, out Span<float> means, out Span<float> inverses);
        Span<float> gradients = c.Scratch[..Channels], products = c.Scratch[Channels..];
        ChannelNorm.Sums(
            c.Arithmetic, c.Batch, Channels, Positions, c.Input(0), c.InputStride(0), means, inverses, c.OutputGradient, c.OutputStride, gradients, products);
        Gradients.PassOn(products, c.ParameterGradient(0), c.ContinueParameterGradients);
        Gradients.PassOn(gradients, c.ParameterGradient(1), c.ContinueParameterGradients);
        if (c.WantsInputGradient(0))
        {
            ClearWhereFixed(in c);
            ChannelNorm.Backward(
                c.Arithmetic, c.Batch, Channels, Positions, c.Input(0), c.InputStride(0), means, inverses, c.Parameter(0), c.OutputGradient, c.OutputStride,
                gradients, products, c.InputGradient(0), c.ContinueInputGradient(0));
        }
    }

    /// <inheritdoc/>
    public override void ForwardScalar(in OpContext<float> c)
    {
        Values(in c, out Span<float> means, out Span<float> inverses);
        MomentsTwin(in c, means, inverses);
        if (c.Training)
        {
            ElementFormula.RunScalar<MoveTowards>(c.Arithmetic, 1, Channels, Channels, means, means, c.State(0), Momentum, 1f);
            if (c.Batch * Positions is > 1 and int n)
            {
                ElementFormula.RunScalar<MoveTowards>(c.Arithmetic, 1, Channels, Channels, inverses, inverses, c.State(1), Momentum, n / (n - 1f));
            }
        }

        ElementFormula.RunScalar<InverseDeviation>(c.Arithmetic, 1, Channels, Channels, inverses, inverses, inverses, Epsilon);
        NormalizeTwin(in c, means, inverses);
    }

    /// <inheritdoc/>
    public override void BackwardScalar(in OpContext<float> c) => BackwardTwin(in c);

    /// <inheritdoc/>
    public override void ForwardScalar(in OpContext<double> c)
    {
        Values(in c, out Span<double> means, out Span<double> inverses);
        MomentsTwin(in c, means, inverses);
        if (c.Training)
        {
            ElementFormula.RunScalar<MoveTowards>(1, Channels, Channels, means, means, c.State(0), Momentum, 1.0);
            if (c.Batch * Positions is > 1 and int n)
            {
                ElementFormula.RunScalar<MoveTowards>(1, Channels, Channels, inverses, inverses, c.State(1), Momentum, n / (n - 1.0));
            }
        }

        ElementFormula.RunScalar<InverseDeviation>(1, Channels, Channels, inverses, inverses, inverses, Epsilon);
        NormalizeTwin(in c, means, inverses);
    }

    /// <inheritdoc/>
    public override void BackwardScalar(in OpContext<double> c) => BackwardTwin(in c);

    private void Values<T>(in OpContext<T> c, out Span<T> means, out Span<T> inverses) where T : unmanaged
    {
        Span<T> both = c.Saved.IsEmpty ? c.Scratch : c.Saved;
        means = both[..Channels];
        inverses = both[Channels..];
    }

    private void MomentsTwin<T>(in OpContext<T> c, Span<T> means, Span<T> variances) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (c.Training)
        {
            Kernels.Scalar.ChannelNorm.Moments<T>(c.Arithmetic, c.Batch, Channels, Positions, c.Input(0), c.InputStride(0), means, variances);
        }
        else
        {
            c.State(0).CopyTo(means);
            c.State(1).CopyTo(variances);
        }
    }

    private void NormalizeTwin<T>(in OpContext<T> c, Span<T> means, Span<T> inverses) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Kernels.Scalar.ChannelNorm.Normalize<T>(
            c.Arithmetic, c.Batch, Channels, Positions, c.Input(0), c.InputStride(0), means, inverses, c.Parameter(0), c.Parameter(1), c.Output, c.OutputStride);

    private void BackwardTwin<T>(in OpContext<T> c) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        Values(in c, out Span<T> means, out Span<T> inverses);
        Span<T> gradients = c.Scratch[..Channels], products = c.Scratch[Channels..];
        Kernels.Scalar.ChannelNorm.Sums<T>(
            c.Arithmetic, c.Batch, Channels, Positions, c.Input(0), c.InputStride(0), means, inverses, c.OutputGradient, c.OutputStride, gradients, products);
        Gradients.PassOnScalar<T>(products, c.ParameterGradient(0), c.ContinueParameterGradients);
        Gradients.PassOnScalar<T>(gradients, c.ParameterGradient(1), c.ContinueParameterGradients);
        if (c.WantsInputGradient(0))
        {
            ClearWhereFixed(in c);
            Kernels.Scalar.ChannelNorm.Backward<T>(
                c.Arithmetic, c.Batch, Channels, Positions, c.Input(0), c.InputStride(0), means, inverses, c.Parameter(0), c.OutputGradient, c.OutputStride,
                gradients, products, c.InputGradient(0), c.ContinueInputGradient(0));
        }
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
