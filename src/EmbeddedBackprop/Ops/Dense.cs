using System.Numerics;
using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Ops;

/// <summary>
/// A fully connected layer: a = f(x W + b), for a batch of rows x [batch, inputs], W [inputs, outputs], b [outputs].
/// Source: Nielsen, chapter 2, equation 25, for a whole batch at once.
/// </summary>
public sealed partial class Dense : KernelOp, IPasses<Dense>, IActivated
{
    private int inputs;

    /// <summary>A layer of the given width.</summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="outputs"/> is not positive.</exception>
    public Dense(int outputs, Activation activation)
    {
        ArgumentNullException.ThrowIfNull(activation);
        if (outputs <= 0)
        {
            Errors.NotPositive(nameof(outputs), outputs);
        }

        Outputs = outputs;
        Activation = activation;
    }

    /// <summary>Neurons of the layer.</summary>
    public int Outputs { get; }

    /// <summary>Inputs of each neuron; 0 until the layer is applied to a node.</summary>
    public int Inputs => inputs;

    /// <summary>f.</summary>
    public Activation Activation { get; }

    Op IActivated.WithoutActivation() => new Dense(Outputs, new Activation<Identity>());

    /// <inheritdoc/>
    public override string Kind => "dense";

    /// <inheritdoc/>
    public override string Detail => Activation.Name;

    /// <inheritdoc/>
    public override string? ActivationName => Activation.Name;

    /// <inheritdoc/>
    public override string Settings => Outputs.ToString(System.Globalization.CultureInfo.InvariantCulture);

    /// <inheritdoc/>
    public override long MultiplyAdds => (long)inputs * Outputs;

    /// <inheritdoc/>
    public override Shape InferShape(string name, ReadOnlySpan<Node> inputs)
    {
        if (inputs.Length != 1)
        {
            GraphErrors.InputCount(name, 1, inputs.Length);
        }

        int given = inputs[0].Shape.Length;
        if (this.inputs != 0 && this.inputs != given)
        {
            OpErrors.InputSize(name, this.inputs, given, inputs[0].Name);
        }

        this.inputs = given;
        return new Shape(Outputs);
    }

    /// <inheritdoc/>
    public override void DescribeParameters(ParameterLayout layout)
    {
        ArgumentNullException.ThrowIfNull(layout);
        layout.AddWeight(Name + ".weight", inputs, Outputs);
        layout.AddBias(Name + ".bias", Outputs);
    }

    /// <inheritdoc/>
    public override Op? TryFuse(Op next) =>
        next.AsActivation is { } activation && Activation is Activation<Identity>
            ? new Dense(Outputs, activation) { inputs = inputs, Name = Name }
            : null;

    internal override Op? Quantized(in QuantizeContext c) => new Integer.IntegerDense(this, c.Bits, c.Activation ?? Activation, c.Tied);

    /// <inheritdoc/>
    public override int SavedLength(int batch, Layout layout) => Activation.KeepsInput ? batch * layout.Stride(Outputs) : 0;

    /// <inheritdoc/>
    internal override TimeRule AlongTime(ReadOnlySpan<Node> inputs, int axis) => TimeRule.Window;

    /// <inheritdoc/>
    protected override Passes Passes => Passes.Of<Dense>();

    static void IPasses<Dense>.Forward<T, K>(Dense op, in OpContext<T> c)
    {
        Matrix<T> x = c.InputRows(0), w = c.ParameterRows(0), z = c.WeightedInputRows, a = c.OutputRows;
        K.Affine(c.Arithmetic, x, w, c.Parameter(1), z); // z = x W + b
        op.Activation.Forward<T, K>(c.Arithmetic, z, a); // a = f(z)
    }

    static void IPasses<Dense>.Backward<T, K>(Dense op, in OpContext<T> c)
    {
        Matrix<T> delta = op.Delta<T, K>(in c);
        Gradients<T, K>(in c, c.InputRows(0), c.ParameterRows(0), delta);
    }

    /// <summary>The gradients of W, b and x from delta, for any x and W of the layer's sizes.</summary>
    internal static void Gradients<T, K>(in OpContext<T> c, in Matrix<T> x, in Matrix<T> w, in Matrix<T> delta)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where K : struct, IKernels<T>
    {
        PassBack<T, K>(in c, w, delta, c.ParameterGradient(1));
        K.TN(c.Arithmetic, x, delta, c.ParameterGradientRows(0), c.ContinueParameterGradients); // BP4: dW = x^T delta
    }

    private Matrix<T> Delta<T, K>(in OpContext<T> c)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where K : struct, IKernels<T>
    {
        Matrix<T> z = c.WeightedInputRows, a = c.OutputRows, delta = c.OutputGradientRows;
        Activation.Backward<T, K>(c.Arithmetic, z, a, delta); // BP1, BP2: delta = dL/da * f'(z)
        return delta;
    }

    /// <summary>The backward pass without the weight gradient. dL/dx must be taken before the weights change.</summary>
    private static void PassBack<T, K>(in OpContext<T> c, in Matrix<T> w, in Matrix<T> delta, Span<T> db)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where K : struct, IKernels<T>
    {
        delta.ClearPadding();
        K.SumColumns(delta, db, c.ContinueParameterGradients); // BP3: db = the sum of delta over the samples
        if (c.WantsInputGradient(0))
        {
            // BP2 for the layer below: dL/dx = delta W^T
            K.NT(c.Arithmetic, delta, w, c.InputGradientRows(0), c.ContinueInputGradient(0));
        }
    }
}
