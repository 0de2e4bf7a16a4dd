using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Ops;

/// <summary>
/// An activation as an op of its own: a = f(z), for a node that something else than one layer makes, or whose z is read, too (a loss on logits).
/// </summary>
public sealed class Activate : KernelOp, IPasses<Activate>, IActivated
{
    /// <summary>The op for a function, as in <c>new Activate(new Activation&lt;Relu&gt;())</c>.</summary>
    public Activate(Activation activation)
    {
        ArgumentNullException.ThrowIfNull(activation);
        Activation = activation;
    }

    /// <summary>f.</summary>
    public Activation Activation { get; }

    Op? IActivated.WithoutActivation() => null;

    /// <inheritdoc/>
    public override string Kind => "activate";

    /// <inheritdoc/>
    public override string Detail => Activation.Name;

    /// <inheritdoc/>
    public override string? ActivationName => Activation.Name;

    /// <inheritdoc/>
    public override Activation? AsActivation => Activation;

    /// <inheritdoc/>
    public override bool MayOverlay(int input) => true;

    /// <inheritdoc/>
    public override bool MayOverlayGradient(int input) => true;

    /// <inheritdoc/>
    public override BackwardReads BackwardReads =>
        Activation.KeepsInput ? BackwardReads.Inputs | BackwardReads.Outputs : BackwardReads.Outputs;

    /// <inheritdoc/>
    public override Shape InferShape(string name, ReadOnlySpan<Node> inputs)
    {
        if (inputs.Length != 1)
        {
            GraphErrors.InputCount(name, 1, inputs.Length);
        }

        return inputs[0].Shape;
    }

    /// <inheritdoc/>
    internal override int? PlaceOf(ReadOnlySpan<Node> inputs, int input, bool training) => Activation is Activation<Identity> ? 0 : null;

    /// <inheritdoc/>
    internal override bool KeepsIntegers => Activation is Activation<Identity>;

    /// <inheritdoc/>
    internal override Op? Quantized(in QuantizeContext c) =>
        KeepsIntegers ? base.Quantized(in c)
        : Activation.IsElementwise && c.Activation is null ? new Integer.IntegerTable(Activation, c.Bits, c.Tied)
        : null;

    /// <inheritdoc/>
    internal override TimeRule AlongTime(ReadOnlySpan<Node> inputs, int axis) =>
        Activation.IsElementwise ? TimeRule.Each(axis) : TimeRule.Refused("works over all steps of time");

    /// <inheritdoc/>
    protected override Passes Passes => Passes.Of<Activate>();

    static void IPasses<Activate>.Forward<T, K>(Activate op, in OpContext<T> c) =>
        op.Activation.Forward<T, K>(c.Arithmetic, c.InputRows(0), c.OutputRows);

    static void IPasses<Activate>.Backward<T, K>(Activate op, in OpContext<T> c)
    {
        // z where the derivative reads it; elsewhere its memory may hold something else by now, and a is passed for it.
        Matrix<T> z = op.Activation.KeepsInput ? c.InputRows(0) : c.OutputRows, delta = c.OutputGradientRows;
        op.Activation.Backward<T, K>(c.Arithmetic, z, c.OutputRows, delta);
        Gradients.PassOn<T, K>(c.OutputGradient, c.InputGradient(0), c.ContinueInputGradient(0));
    }
}
