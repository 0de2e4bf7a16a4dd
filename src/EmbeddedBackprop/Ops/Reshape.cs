using System.Numerics;
using EmbeddedBackprop.Graphs;

namespace EmbeddedBackprop.Ops;

/// <summary>The same numbers in the same order under another shape.</summary>
public sealed class Reshape : Op
{
    /// <summary>The new shape, of as many numbers as the input's.</summary>
    /// <exception cref="ArgumentException">The shape has no sizes.</exception>
    public Reshape(Shape shape)
    {
        if (shape.Rank == 0)
        {
            Errors.NoShape(nameof(shape));
        }

        Shape = shape;
    }

    /// <summary>The output's shape.</summary>
    public Shape Shape { get; }

    /// <inheritdoc/>
    public override string Kind => "reshape";

    /// <inheritdoc/>
    public override string Settings => Shape.ToString();

    /// <inheritdoc/>
    public override BackwardReads BackwardReads => BackwardReads.Nothing;

    /// <inheritdoc/>
    public override bool MayOverlay(int input) => true;

    /// <inheritdoc/>
    public override bool MayOverlayGradient(int input) => true;

    /// <inheritdoc/>
    public override Shape InferShape(string name, ReadOnlySpan<Node> inputs)
    {
        if (inputs.Length != 1)
        {
            Errors.InputCount(name, 1, inputs.Length);
        }

        if (inputs[0].Shape.Length != Shape.Length)
        {
            Errors.LengthsDiffer(name, Shape, inputs[0].Shape, inputs[0].Name);
        }

        return Shape;
    }

    /// <inheritdoc/>
    public override void Forward(in OpContext<float> c) => Move(in c);

    /// <inheritdoc/>
    public override void Backward(in OpContext<float> c) => MoveBack(in c, scalar: false);

    /// <inheritdoc/>
    public override void ForwardScalar(in OpContext<float> c) => Move(in c);

    /// <inheritdoc/>
    public override void BackwardScalar(in OpContext<float> c) => MoveBack(in c, scalar: true);

    /// <inheritdoc/>
    public override void ForwardScalar(in OpContext<double> c) => Move(in c);

    /// <inheritdoc/>
    public override void BackwardScalar(in OpContext<double> c) => MoveBack(in c, scalar: true);

    private static void Move<T>(in OpContext<T> c) where T : unmanaged => c.Input(0).CopyTo(c.Output);

    private static void MoveBack<T>(in OpContext<T> c, bool scalar) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (c.WantsInputGradient(0))
        {
            Gradients.PassOn(scalar, c.OutputGradient, c.InputGradient(0), c.ContinueInputGradient(0));
        }
    }
}
