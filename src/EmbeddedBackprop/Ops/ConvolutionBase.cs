using System.Numerics;
using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Ops;

/// <summary>What all convolutions share, plain and transposed: kernels, a bias, an activation, and the frame of both passes.</summary>
public abstract class ConvolutionBase : Op, IActivated
{
    private Shape input;
    private ConvSizes sizes;

    private protected ConvolutionBase(int filters, int kernelHeight, int kernelWidth, Activation activation, ConvOptions? options)
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
    public Activation Activation { get; private protected set; }

    /// <summary>Stride, padding, output padding (of a transposed convolution), dilation and groups.</summary>
    public ConvOptions Options { get; }

    /// <summary>All sizes; those of the input are 0 until the layer is applied to a node. Of a transposed convolution: of the one whose input gradient it is.</summary>
    public ConvSizes Sizes => sizes;

    /// <inheritdoc/>
    public override string Detail => Activation.Name;

    /// <inheritdoc/>
    public override string? ActivationName => Activation.Name;

    /// <inheritdoc/>
    public override long MultiplyAdds => sizes.MultiplyAdds;

    Op IActivated.WithoutActivation() => Linear();

    /// <summary>The same convolution without its activation.</summary>
    private protected abstract Op Linear();

    /// <summary>The sizes for this input, and the shape of the output.</summary>
    private protected abstract ConvSizes SizesFor(string name, Node node, out Shape output);

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

        sizes = SizesFor(name, node, out Shape output);
        input = node.Shape;
        return output;
    }

    /// <inheritdoc/>
    public override void DescribeParameters(ParameterLayout layout)
    {
        ArgumentNullException.ThrowIfNull(layout);
        layout.AddTensor(Name + ".weight", ParameterKind.Weight, KernelShape());
        layout.AddBias(Name + ".bias", Filters);
    }

    /// <summary>The kernels as files have them.</summary>
    private protected abstract int[] KernelShape();

    /// <inheritdoc/>
    public override void ForwardScalar(in OpContext<float> c)
    {
        Span<float> z = WeightedInput(in c);
        ForwardTwin(in c, z);
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
        Span<double> z = WeightedInput(in c);
        ForwardTwin(in c, z);
        Activation.ForwardScalar(c.Batch, c.OutputColumns, c.OutputStride, z, c.Output);
    }

    /// <inheritdoc/>
    public override void BackwardScalar(in OpContext<double> c)
    {
        Activation.BackwardScalar(c.Batch, c.OutputColumns, c.OutputStride, WeightedInput(in c), c.Output, c.OutputGradient);
        BackwardTwin(in c);
    }

    /// <summary>z shares its memory with a unless the derivative reads it in a backward pass to come.</summary>
    private protected static Span<T> WeightedInput<T>(in OpContext<T> c) where T : unmanaged => c.Saved.IsEmpty ? c.Output : c.Saved;

    // Generic virtual methods are nothing for the ahead-of-time compiler: one for each type, and both lead to the same text.
    private protected abstract void ForwardTwin(in OpContext<float> c, Span<float> z);

    private protected abstract void ForwardTwin(in OpContext<double> c, Span<double> z);

    private protected abstract void BackwardTwin(in OpContext<float> c);

    private protected abstract void BackwardTwin(in OpContext<double> c);
}
