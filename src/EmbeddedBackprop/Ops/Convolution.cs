using System.Globalization;
using System.Numerics;
using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Ops;

/// <summary>What <see cref="Conv2D"/> and <see cref="Conv1D"/> share: a = f(x * w + b), w [filters, channels / groups, kernel height, kernel width].</summary>
public abstract class Convolution : Op, IActivated
{
    private Shape input;
    private ConvSizes sizes;

    private protected Convolution(int filters, int kernelHeight, int kernelWidth, Activation activation, ConvOptions? options)
    {
        ArgumentNullException.ThrowIfNull(activation);
        Filters = Errors.RequirePositive(nameof(filters), filters);
        KernelHeight = Errors.RequirePositive(nameof(kernelHeight), kernelHeight);
        KernelWidth = Errors.RequirePositive(nameof(kernelWidth), kernelWidth);
        Activation = activation;
        Options = ConvText.Checked(options ?? new ConvOptions());
    }

    /// <summary>Channels of the output.</summary>
    public int Filters { get; }

    /// <summary>Rows of a kernel.</summary>
    public int KernelHeight { get; }

    /// <summary>Columns of a kernel.</summary>
    public int KernelWidth { get; }

    /// <summary>f.</summary>
    public Activation Activation { get; private set; }

    /// <summary>Stride, padding, dilation and groups.</summary>
    public ConvOptions Options { get; }

    /// <summary>All sizes; those of the input are 0 until the layer is applied to a node.</summary>
    public ConvSizes Sizes => sizes;

    /// <inheritdoc/>
    public override string Detail => Activation.Name;

    /// <inheritdoc/>
    public override string? ActivationName => Activation.Name;

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

    /// <inheritdoc/>
    public override long MultiplyAdds => sizes.MultiplyAdds;

    private protected abstract string KernelText { get; }

    private protected virtual ConvOptions ShownOptions => Options;

    private protected abstract int[] KernelShape(int channels);

    /// <summary>Channels, rows and columns of an input of this shape.</summary>
    private protected abstract (int Channels, int Height, int Width) Read(string name, Node node);

    Op IActivated.WithoutActivation() => Linear();

    /// <summary>The same convolution without its activation.</summary>
    private protected abstract Op Linear();

    private protected abstract Shape Written(in ConvSizes sizes);

    /// <inheritdoc/>
    public override Shape InferShape(string name, ReadOnlySpan<Node> inputs)
    {
        if (inputs.Length != 1)
        {
            Errors.InputCount(name, 1, inputs.Length);
        }

        Node node = inputs[0];
        if (input.Rank != 0 && input != node.Shape)
        {
            Errors.InputShape(name, input, node.Shape, node.Name);
        }

        (int channels, int height, int width) = Read(name, node);
        sizes = ConvText.Sizes(name, new ConvSizes(channels, height, width, Filters, KernelHeight, KernelWidth), Options);
        input = node.Shape;
        return Written(in sizes);
    }

    /// <inheritdoc/>
    public override void DescribeParameters(ParameterLayout layout)
    {
        ArgumentNullException.ThrowIfNull(layout);
        layout.AddTensor(Name + ".weight", ParameterKind.Weight, KernelShape(sizes.Channels / sizes.Groups));
        layout.AddBias(Name + ".bias", Filters);
    }

    /// <inheritdoc/>
    public override int SavedLength(int batch, Layout layout) => Activation.KeepsInput ? batch * layout.Stride(sizes.SampleOutputs) : 0;

    /// <inheritdoc/>
    public override void Forward(in OpContext<float> c)
    {
        Span<float> z = WeightedInput(in c);
        Conv.Forward(c.Arithmetic, in sizes, c.Batch, c.Input(0), c.InputStride(0), c.Parameter(0), c.Parameter(1)[..Filters], z, c.OutputStride);
        Activation.Forward(c.Arithmetic, c.Batch, c.OutputColumns, c.OutputStride, z, c.Output);
    }

    /// <inheritdoc/>
    public override void Backward(in OpContext<float> c)
    {
        Span<float> delta = Delta(in c);

        // BP3, BP4: dw = sum of delta * x over samples and positions, db = sum of delta
        Conv.WeightGradient(
            c.Arithmetic, in sizes, c.Batch, c.Input(0), c.InputStride(0), delta, c.OutputStride,
            c.ParameterGradient(0), c.ParameterGradient(1)[..Filters], c.ContinueParameterGradients);
    }

    /// <inheritdoc/>
    public override bool BackwardAndUpdate(in OpContext<float> c, in SgdUpdate update)
    {
        Span<float> delta = Delta(in c), x = c.Input(0);
        if (!Finite.BoundsProductsAndSums(x, delta, (long)c.Batch * sizes.OutputPositions))
        {
            // The gradient may not be finite: it is looked at before it is applied.
            Conv.WeightGradient(
                c.Arithmetic, in sizes, c.Batch, x, c.InputStride(0), delta, c.OutputStride, c.ParameterGradient(0), c.ParameterGradient(1)[..Filters]);
            return update.Apply(in c);
        }

        Conv.UpdateWeights(
            c.Arithmetic, in sizes, c.Batch, x, c.InputStride(0), delta, c.OutputStride, c.Parameter(0), c.Parameter(1)[..Filters],
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
                c.Arithmetic, in sizes, c.Batch, delta, c.OutputStride, c.Parameter(0), default, c.InputGradient(0), c.InputStride(0), c.ContinueInputGradient(0));
        }

        return delta;
    }

    /// <inheritdoc/>
    public override void ForwardScalar(in OpContext<float> c)
    {
        Span<float> z = ForwardTwin(in c);
        Activation.ForwardScalar(c.Arithmetic, c.Batch, c.OutputColumns, c.OutputStride, z, c.Output);
    }

    /// <inheritdoc/>
    public override void BackwardScalar(in OpContext<float> c)
    {
        Activation.BackwardScalar(c.Arithmetic, c.Batch, c.OutputColumns, c.OutputStride, WeightedInput(in c), c.Output, c.OutputGradient);
        BackwardTwin(in c);
    }

    /// <inheritdoc/>
    public override void ForwardScalar(in OpContext<double> c)
    {
        Span<double> z = ForwardTwin(in c);
        Activation.ForwardScalar(c.Batch, c.OutputColumns, c.OutputStride, z, c.Output);
    }

    /// <inheritdoc/>
    public override void BackwardScalar(in OpContext<double> c)
    {
        Activation.BackwardScalar(c.Batch, c.OutputColumns, c.OutputStride, WeightedInput(in c), c.Output, c.OutputGradient);
        BackwardTwin(in c);
    }

    /// <summary>z shares its memory with a unless the derivative reads it in a backward pass to come.</summary>
    private static Span<T> WeightedInput<T>(in OpContext<T> c) where T : unmanaged => c.Saved.IsEmpty ? c.Output : c.Saved;

    private Span<T> ForwardTwin<T>(in OpContext<T> c) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        Span<T> z = WeightedInput(in c);
        Kernels.Scalar.Conv.Forward<T>(
            c.Arithmetic, in sizes, c.Batch, c.Input(0), c.InputStride(0), c.Parameter(0), c.Parameter(1)[..Filters], z, c.OutputStride);
        return z;
    }

    private void BackwardTwin<T>(in OpContext<T> c) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        Span<T> delta = c.OutputGradient;
        Kernels.Scalar.Conv.WeightGradient<T>(
            c.Arithmetic, in sizes, c.Batch, c.Input(0), c.InputStride(0), delta, c.OutputStride,
            c.ParameterGradient(0), c.ParameterGradient(1)[..Filters], c.ContinueParameterGradients);
        if (c.WantsInputGradient(0))
        {
            Kernels.Scalar.Conv.InputGradient<T>(
                c.Arithmetic, in sizes, c.Batch, delta, c.OutputStride, c.Parameter(0), default, c.InputGradient(0), c.InputStride(0), c.ContinueInputGradient(0));
        }
    }
}
