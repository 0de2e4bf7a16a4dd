namespace EmbeddedBackprop.Tests.Ops;

/// <summary>y = x0, and dL/dx0 = x1 whatever dL/dy is: a backward pass from a gradient that a test draws.</summary>
internal sealed class GivenGradient : Op
{
    public override string Kind => "given";

    public override BackwardReads BackwardReads => BackwardReads.Inputs;

    public override bool HasGradient(int input) => input == 0;

    public override Shape InferShape(string name, ReadOnlySpan<Node> inputs) => inputs[0].Shape;

    public override void Forward(in OpContext<float> c) => c.Input(0).CopyTo(c.Output);

    public override void Backward(in OpContext<float> c) => c.Input(1).CopyTo(c.InputGradient(0));

    public override void ForwardScalar(in OpContext<float> c) => c.Input(0).CopyTo(c.Output);

    public override void BackwardScalar(in OpContext<float> c) => c.Input(1).CopyTo(c.InputGradient(0));

    public override void ForwardScalar(in OpContext<double> c) => c.Input(0).CopyTo(c.Output);

    public override void BackwardScalar(in OpContext<double> c) => c.Input(1).CopyTo(c.InputGradient(0));
}
