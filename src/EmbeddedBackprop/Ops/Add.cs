using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Ops;

/// <summary>a = f(x0 + x1 + ...), element by element, the sum in the order of the inputs: skip connections. Source: He et al. 2016.</summary>
public sealed class Add : KernelOp, IPasses<Add>, IActivated
{
    private Shape input;

    /// <summary>A plain sum.</summary>
    public Add()
        : this(new Activation<Identity>())
    {
    }

    /// <summary>A sum and its activation.</summary>
    public Add(Activation activation)
    {
        ArgumentNullException.ThrowIfNull(activation);
        Activation = activation;
    }

    /// <summary>f.</summary>
    public Activation Activation { get; }

    Op IActivated.WithoutActivation() => new Add();

    /// <inheritdoc/>
    public override string Kind => "add";

    /// <inheritdoc/>
    public override string? ActivationName => Activation.Name;

    /// <inheritdoc/>
    public override string Detail => Activation.Name;

    /// <inheritdoc/>
    public override BackwardReads BackwardReads => IsPlain ? BackwardReads.Nothing : BackwardReads.Outputs;

    private bool IsPlain => Activation is Activation<Identity>;

    /// <summary>The third and further inputs are read after the sum of the first two has been written.</summary>
    public override bool MayOverlay(int input) => input < 2;

    /// <summary>Every input has the gradient of the sum: any of them may share its memory.</summary>
    public override bool MayOverlayGradient(int input) => true;

    /// <inheritdoc/>
    public override Op? TryFuse(Op next) =>
        next.AsActivation is { } activation && IsPlain ? new Add(activation) { input = input, Name = Name } : null;

    /// <inheritdoc/>
    public override Shape InferShape(string name, ReadOnlySpan<Node> inputs)
    {
        _ = Shapes.Equal(name, inputs, 2, int.MaxValue);
        return Shapes.Bind(name, inputs[0], ref input);
    }

    /// <summary>The sum, where the derivative reads it.</summary>
    public override int SavedLength(int batch, Layout layout) => Activation.KeepsInput ? batch * layout.Stride(input.Length) : 0;

    /// <inheritdoc/>
    internal override Op? Quantized(in QuantizeContext c) =>
        Integer.IntegerActivation.Ends(c.Activation ?? Activation)
            ? new Integer.IntegerSum(Kind, subtracts: false, c.Bits, c.Activation ?? Activation, c.Tied)
            : null;

    /// <inheritdoc/>
    internal override TimeRule AlongTime(ReadOnlySpan<Node> inputs, int axis) =>
        Activation.IsElementwise ? TimeRule.Each(axis) : TimeRule.Refused("works over all steps of time");

    /// <inheritdoc/>
    protected override Passes Passes => Passes.Of<Add>();

    static void IPasses<Add>.Forward<T, K>(Add op, in OpContext<T> c)
    {
        Matrix<T> z = c.WeightedInputRows;
        K.Add(c.Input(0), c.Input(1), z.Values);
        for (int i = 2; i < c.InputCount; i++)
        {
            K.Add(z.Values, c.Input(i), z.Values);
        }

        if (!op.IsPlain)
        {
            op.Activation.Forward<T, K>(c.Arithmetic, z, c.OutputRows);
        }
    }

    static void IPasses<Add>.Backward<T, K>(Add op, in OpContext<T> c)
    {
        if (!op.IsPlain)
        {
            op.Activation.Backward<T, K>(c.Arithmetic, c.WeightedInputRows, c.OutputRows, c.OutputGradientRows);
        }

        for (int i = 0; i < c.InputCount; i++)
        {
            if (c.WantsInputGradient(i))
            {
                Gradients.PassOn<T, K>(c.OutputGradient, c.InputGradient(i), c.ContinueInputGradient(i));
            }
        }
    }
}
