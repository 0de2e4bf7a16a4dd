namespace EmbeddedBackprop.Tests.Ops;

/// <summary>x + y: the smallest op with two inputs, so that tests can write graphs that branch and join.</summary>
internal sealed class Sum : Op
{
    public override string Kind => "sum";

    public override BackwardReads BackwardReads => BackwardReads.Nothing;

    public override Shape InferShape(string name, ReadOnlySpan<Node> inputs) => inputs[0].Shape;

    public override void Forward(in OpContext<float> c) => ForwardTwin(in c);

    public override void Backward(in OpContext<float> c) => BackwardTwin(in c);

    public override void ForwardScalar(in OpContext<float> c) => ForwardTwin(in c);

    public override void BackwardScalar(in OpContext<float> c) => BackwardTwin(in c);

    public override void ForwardScalar(in OpContext<double> c) => ForwardTwin(in c);

    public override void BackwardScalar(in OpContext<double> c) => BackwardTwin(in c);

    private static void ForwardTwin<T>(in OpContext<T> c) where T : unmanaged, System.Numerics.INumber<T>
    {
        for (int i = 0; i < c.Output.Length; i++)
        {
            c.Output[i] = c.Input(0)[i] + c.Input(1)[i];
        }
    }

    private static void BackwardTwin<T>(in OpContext<T> c) where T : unmanaged, System.Numerics.INumber<T>
    {
        for (int input = 0; input < 2; input++)
        {
            for (int i = 0; i < c.OutputGradient.Length && c.WantsInputGradient(input); i++)
            {
                T before = c.ContinueInputGradient(input) ? c.InputGradient(input)[i] : T.Zero;
                c.InputGradient(input)[i] = before + c.OutputGradient[i];
            }
        }
    }
}
