using System.Globalization;
using System.Numerics;
using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Ops;

/// <summary>What <see cref="Conv2D"/> and <see cref="Conv1D"/> share: a = f(x * w + b), w [filters, channels / groups, kernel height, kernel width].</summary>
public abstract class Convolution : ConvolutionBase
{
    private protected Convolution(int filters, int kernelHeight, int kernelWidth, Activation activation, ConvOptions? options)
        : base(filters, kernelHeight, kernelWidth, activation, options)
    {
    }

    /// <inheritdoc/>
    public override Op? TryFuse(Op next)
    {
        if (next.AsActivation is not { } activation || Activation is not Activation<Identity>)
        {
            return null;
        }

        Convolution both = (Convolution)MemberwiseClone();
        both.Activation = activation;
        return both;
    }

    /// <inheritdoc/>
    public override string Settings => string.Create(CultureInfo.InvariantCulture, $"{Filters} {KernelText}{ConvText.Of(ShownOptions)}");

    private protected abstract string KernelText { get; }

    private protected virtual ConvOptions ShownOptions => Options;

    private protected abstract int[] KernelShape(int channels);

    /// <summary>Channels, rows and columns of an input of this shape.</summary>
    private protected abstract (int Channels, int Height, int Width) Read(string name, Node node);

    private protected abstract Shape Written(in ConvSizes sizes);

    private protected override ConvSizes SizesFor(string name, Node node, out Shape output)
    {
        (int channels, int height, int width) = Read(name, node);
        ConvSizes sizes = ConvText.Sizes(name, new ConvSizes(channels, height, width, Filters, KernelHeight, KernelWidth), Options);
        output = Written(in sizes);
        return sizes;
    }

    private protected override int[] KernelShape() => KernelShape(Sizes.Channels / Sizes.Groups);

    /// <inheritdoc/>
    public override int SavedLength(int batch, Layout layout) => Activation.KeepsInput ? batch * layout.Stride(Sizes.SampleOutputs) : 0;

    /// <inheritdoc/>
    public override void Forward(in OpContext<float> c)
    {
        Span<float> z = WeightedInput(in c);
        Conv.Forward(c.Arithmetic, Sizes, c.Batch, c.Input(0), c.InputStride(0), c.Parameter(0), c.Parameter(1)[..Filters], z, c.OutputStride);
        Activation.Forward(c.Arithmetic, c.Batch, c.OutputColumns, c.OutputStride, z, c.Output);
    }

    /// <inheritdoc/>
    public override void Backward(in OpContext<float> c)
    {
        Span<float> delta = Delta(in c);

        // BP3, BP4: dw = sum of delta * x over samples and positions, db = sum of delta
        Conv.WeightGradient(
            c.Arithmetic, Sizes, c.Batch, c.Input(0), c.InputStride(0), delta, c.OutputStride,
            c.ParameterGradient(0), c.ParameterGradient(1)[..Filters], c.ContinueParameterGradients);
    }

    /// <inheritdoc/>
    public override bool BackwardAndUpdate(in OpContext<float> c, in SgdUpdate update)
    {
        Span<float> delta = Delta(in c), x = c.Input(0);
        if (!Finite.BoundsProductsAndSums(x, delta, (long)c.Batch * Sizes.OutputPositions))
        {
            // The gradient may not be finite: it is looked at before it is applied.
            Conv.WeightGradient(
                c.Arithmetic, Sizes, c.Batch, x, c.InputStride(0), delta, c.OutputStride, c.ParameterGradient(0), c.ParameterGradient(1)[..Filters]);
            return update.Apply(in c);
        }

        Conv.UpdateWeights(
            c.Arithmetic, Sizes, c.Batch, x, c.InputStride(0), delta, c.OutputStride, c.Parameter(0), c.Parameter(1)[..Filters],
            update.LearningRate, update.WeightL2, update.BiasL2);
        return true;
    }

    /// <summary>Delta (BP1, BP2), and the layer below's share of it (BP2), which must be taken before the weights change.</summary>
    private Span<float> Delta(in OpContext<float> c)
    {
        Span<float> delta = c.OutputGradient;
        Activation.Backward(c.Arithmetic, c.Batch, c.OutputColumns, c.OutputStride, WeightedInput(in c), c.Output, delta);
        if (c.WantsInputGradient(0))
        {
            // BP2 for the layer below: each position's delta goes back to what it read.
            Conv.InputGradient(
                c.Arithmetic, Sizes, c.Batch, delta, c.OutputStride, c.Parameter(0), default, c.InputGradient(0), c.InputStride(0), c.ContinueInputGradient(0));
        }

        return delta;
    }

    private protected override void ForwardTwin(in OpContext<float> c, Span<float> z) => ForwardTwin<float>(in c, z);

    private protected override void ForwardTwin(in OpContext<double> c, Span<double> z) => ForwardTwin<double>(in c, z);

    private protected override void BackwardTwin(in OpContext<float> c) => BackwardTwin<float>(in c);

    private protected override void BackwardTwin(in OpContext<double> c) => BackwardTwin<double>(in c);

    private void ForwardTwin<T>(in OpContext<T> c, Span<T> z) where T : unmanaged, IBinaryFloatingPointIeee754<T> => Kernels.Scalar.Conv.Forward<T>(
        c.Arithmetic, Sizes, c.Batch, c.Input(0), c.InputStride(0), c.Parameter(0), c.Parameter(1)[..Filters], z, c.OutputStride);

    private void BackwardTwin<T>(in OpContext<T> c) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        Span<T> delta = c.OutputGradient;
        Kernels.Scalar.Conv.WeightGradient<T>(
            c.Arithmetic, Sizes, c.Batch, c.Input(0), c.InputStride(0), delta, c.OutputStride,
            c.ParameterGradient(0), c.ParameterGradient(1)[..Filters], c.ContinueParameterGradients);
        if (c.WantsInputGradient(0))
        {
            Kernels.Scalar.Conv.InputGradient<T>(
                c.Arithmetic, Sizes, c.Batch, delta, c.OutputStride, c.Parameter(0), default, c.InputGradient(0), c.InputStride(0), c.ContinueInputGradient(0));
        }
    }
}
