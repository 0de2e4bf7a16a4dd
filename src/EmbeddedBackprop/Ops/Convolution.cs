using System.Globalization;
using System.Numerics;
using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Ops;

/// <summary>
/// The common part of <see cref="Conv2D"/> and <see cref="Conv1D"/>: a = f(x * w + b), w [filters, channels / groups, kernel height, kernel width].
/// </summary>
public abstract partial class Convolution : ConvolutionBase, IPasses<Convolution>
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

    /// <summary>
    /// Batch normalisation and element-wise activations in any order, and then windows that neither overlap nor leave elements out.
    /// </summary>
    internal override bool JoinsBlock(Op last, Op next) =>
        last is not Pooling && Activation.IsElementwise && next switch
        {
            BatchNorm => true,
            Pooling { Padding: (0, 0) } pooling => pooling.Window == pooling.Stride && pooling.Window.Width <= WidestWindow,
            _ => next.AsActivation is { IsElementwise: true },
        };

    /// <inheritdoc/>
    public override string Settings => string.Create(CultureInfo.InvariantCulture, $"{Filters} {KernelText}{ConvText.Of(ShownOptions)}");

    // A wider one holds more sums than a processor has registers.
    private const int WidestWindow = 8;

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

    internal override Op? Quantized(in QuantizeContext c) => new Integer.IntegerConvolution(this, c.Bits, c.Activation ?? Activation, c.Tied);

    /// <inheritdoc/>
    internal override TimeRule AlongTime(ReadOnlySpan<Node> inputs, int axis)
    {
        if (axis == 0 || !Activation.IsElementwise)
        {
            return axis == 0 ? TimeRule.OtherAxis("has weights of its own for each step of time") : TimeRule.Refused("works over all steps of time");
        }

        ConvSizes s = Sizes;
        (int before, int after, int span, int stride) = axis == 1 && inputs[0].Shape.Rank == 3
            ? (s.Top, s.Bottom, ((s.KernelHeight - 1) * s.DilationY) + 1, s.StrideY)
            : (s.Left, s.Right, ((s.KernelWidth - 1) * s.DilationX) + 1, s.StrideX);
        return Options.Padding != ConvPadding.Causal && (before | after) > 0
            ? TimeRule.Refused("pads the window in time (a convolution that is valid or causal can be fed step by step)")
            : TimeRule.Rows(span, stride, axis, before);
    }

    /// <inheritdoc/>
    public override int SavedLength(int batch, Layout layout) => Activation.KeepsInput ? batch * layout.Stride(Sizes.SampleOutputs) : 0;

    /// <inheritdoc/>
    protected override Passes Passes => Passes.Of<Convolution>();

    static void IPasses<Convolution>.Forward<T, K>(Convolution op, in OpContext<T> c)
    {
        Matrix<T> x = c.InputRows(0), z = c.WeightedInputRows, a = c.OutputRows;
        K.Convolution(c.Arithmetic, op.Sizes, x, c.Parameter(0), c.Parameter(1)[..op.Filters], z, accumulate: false); // z = x * w + b
        op.Activation.Forward<T, K>(c.Arithmetic, z, a); // a = f(z)
    }

    static void IPasses<Convolution>.Backward<T, K>(Convolution op, in OpContext<T> c)
    {
        Matrix<T> delta = op.Delta<T, K>(in c);
        op.Gradients<T, K>(in c, c.InputRows(0), c.Parameter(0), delta);
    }

    /// <summary>The gradients of w, b and x from delta, for any x and w of the layer's sizes.</summary>
    internal void Gradients<T, K>(in OpContext<T> c, in Matrix<T> x, ReadOnlySpan<T> w, in Matrix<T> delta)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where K : struct, IKernels<T>
    {
        PassBack<T, K>(in c, w, delta);

        // BP3, BP4: dw = the sum of delta * x over samples and positions, db = the sum of delta
        K.ConvolutionWeightGradient(
            c.Arithmetic, Sizes, x, delta, c.ParameterGradient(0), c.ParameterGradient(1)[..Filters], c.ContinueParameterGradients);
    }

    /// <summary>dL/dx, which must be taken before the weights change.</summary>
    private void PassBack<T, K>(in OpContext<T> c, ReadOnlySpan<T> w, in Matrix<T> delta)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where K : struct, IKernels<T>
    {
        if (c.WantsInputGradient(0))
        {
            // BP2 for the layer below: each position's delta goes back to its inputs.
            K.ConvolutionInputGradient(c.Arithmetic, Sizes, delta, w, default, c.InputGradientRows(0), c.ContinueInputGradient(0));
        }
    }
}
