using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Ops;

/// <summary>An activation as an op of its own: a = f(z), for a node that something else than one layer makes, or whose z is read, too (a loss on logits).</summary>
public sealed class Activate : Op, IActivated
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
            Errors.InputCount(name, 1, inputs.Length);
        }

        return inputs[0].Shape;
    }

    /// <inheritdoc/>
    public override void Forward(in OpContext<float> c) =>
        Activation.Forward(c.Arithmetic, c.Batch, c.OutputColumns, c.OutputStride, c.Input(0), c.Output);

    /// <inheritdoc/>
    public override void Backward(in OpContext<float> c)
    {
        Span<float> delta = c.OutputGradient;
        Activation.Backward(c.Arithmetic, c.Batch, c.OutputColumns, c.OutputStride, Z(in c), c.Output, delta);
        if (c.ContinueInputGradient(0))
        {
            Elementwise.Add(c.InputGradient(0), delta, c.InputGradient(0));
        }
        else
        {
            delta.CopyTo(c.InputGradient(0));
        }
    }

    /// <inheritdoc/>
    public override void ForwardScalar(in OpContext<float> c) =>
        Activation.ForwardScalar(c.Arithmetic, c.Batch, c.OutputColumns, c.OutputStride, c.Input(0), c.Output);

    /// <inheritdoc/>
    public override void BackwardScalar(in OpContext<float> c)
    {
        Activation.BackwardScalar(c.Arithmetic, c.Batch, c.OutputColumns, c.OutputStride, Z(in c), c.Output, c.OutputGradient);
        PassOn(in c);
    }

    /// <inheritdoc/>
    public override void ForwardScalar(in OpContext<double> c) =>
        Activation.ForwardScalar(c.Batch, c.OutputColumns, c.OutputStride, c.Input(0), c.Output);

    /// <inheritdoc/>
    public override void BackwardScalar(in OpContext<double> c)
    {
        Activation.BackwardScalar(c.Batch, c.OutputColumns, c.OutputStride, Z(in c), c.Output, c.OutputGradient);
        PassOn(in c);
    }

    /// <summary>z where the derivative reads it; elsewhere its memory may hold something else by now, and a stands in for it.</summary>
    private Span<T> Z<T>(in OpContext<T> c) where T : unmanaged => Activation.KeepsInput ? c.Input(0) : c.Output;

    /// <summary>dz, or dz added to what another reader of z left.</summary>
    private static void PassOn<T>(in OpContext<T> c) where T : unmanaged, System.Numerics.IBinaryFloatingPointIeee754<T>
    {
        if (c.ContinueInputGradient(0))
        {
            Kernels.Scalar.Elementwise.Add<T>(c.InputGradient(0), c.OutputGradient, c.InputGradient(0));
        }
        else
        {
            c.OutputGradient.CopyTo(c.InputGradient(0));
        }
    }
}
