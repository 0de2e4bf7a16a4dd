using System.Numerics;
using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Sets;

namespace EmbeddedBackprop.Ops;

/// <summary>The common part of all convolutions, plain and transposed: kernels, a bias and an activation.</summary>
public abstract class ConvolutionBase : KernelOp, IActivated
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

    /// <summary>
    /// All sizes; those of the input are 0 until the layer is applied to a node. Of a transposed convolution: of the one whose input gradient it is.
    /// </summary>
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
            GraphErrors.InputCount(name, 1, inputs.Length);
        }

        Node node = inputs[0];
        if (input.Rank != 0 && input != node.Shape)
        {
            OpErrors.InputShape(name, input, node.Shape, node.Name);
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

    /// <summary>The gradient of z, in the memory of the output's.</summary>
    private protected Matrix<T> Delta<T, K>(in OpContext<T> c)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where K : struct, IKernels<T>
    {
        Matrix<T> z = c.WeightedInputRows, a = c.OutputRows, delta = c.OutputGradientRows;
        if (typeof(K) != typeof(SimdKernels) || !c.IsDerived)
        {
            Activation.Backward<T, K>(c.Arithmetic, z, a, delta); // BP1, BP2: delta = dL/da * f'(z)
        }

        return delta;
    }

    /// <summary>The kernels as files have them.</summary>
    private protected abstract int[] KernelShape();
}
