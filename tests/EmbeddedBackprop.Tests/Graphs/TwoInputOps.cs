using System.Numerics;

namespace EmbeddedBackprop.Tests.Graphs;

/// <summary>
/// An op of two inputs for tests of graphs, as a user would write one: one generic method for the vector form, the definition and the oracle.
/// </summary>
internal abstract class TwoInputOp : Op
{
    public override Shape InferShape(string name, ReadOnlySpan<Node> inputs) =>
        inputs.Length == 2 && inputs[0].Shape == inputs[1].Shape
            ? inputs[0].Shape
            : throw new ArgumentException($"{name}: two inputs of one shape were expected");

    public override void Forward(in OpContext<float> c) => Compute(in c);

    public override void Backward(in OpContext<float> c) => Differentiate(in c);

    public override void ForwardScalar(in OpContext<float> c) => Compute(in c);

    public override void BackwardScalar(in OpContext<float> c) => Differentiate(in c);

    public override void ForwardScalar(in OpContext<double> c) => Compute(in c);

    public override void BackwardScalar(in OpContext<double> c) => Differentiate(in c);

    protected abstract T Value<T>(T x, T y) where T : unmanaged, IBinaryFloatingPointIeee754<T>;

    /// <summary>d(output)/d(this input); other is the other input, which only an op that reads inputs in its backward pass may look at.</summary>
    protected abstract T Slope<T>(ReadOnlySpan<T> other, int i) where T : unmanaged, IBinaryFloatingPointIeee754<T>;

    private void Compute<T>(in OpContext<T> c) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        Span<T> x = c.Input(0), y = c.Input(1), output = c.Output;
        for (int row = 0; row < c.Batch; row++)
        {
            for (int i = row * c.OutputStride; i < (row * c.OutputStride) + c.OutputColumns; i++)
            {
                output[i] = Value(x[i], y[i]);
            }
        }
    }

    private void Differentiate<T>(in OpContext<T> c) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        Span<T> gradient = c.OutputGradient;
        for (int input = 0; input < 2; input++)
        {
            if (!c.WantsInputGradient(input))
            {
                continue;
            }

            Span<T> wanted = c.InputGradient(input), other = c.Input(1 - input);
            for (int row = 0; row < c.Batch; row++)
            {
                for (int i = row * c.OutputStride; i < (row * c.OutputStride) + c.OutputColumns; i++)
                {
                    T term = gradient[i] * Slope<T>(other, i);
                    wanted[i] = c.ContinueInputGradient(input) ? wanted[i] + term : term;
                }
            }
        }
    }
}

/// <summary>x + y: its backward pass reads nothing, so the planner may give its inputs' memory away at once.</summary>
internal sealed class SumOp : TwoInputOp
{
    public override string Kind => "sum";

    public override BackwardReads BackwardReads => BackwardReads.Nothing;

    public override bool MayOverlay(int input) => true;

    // The gradient is passed on unchanged, so both inputs may have it in place.
    public override bool MayOverlayGradient(int input) => true;

    protected override T Value<T>(T x, T y) => x + y;

    protected override T Slope<T>(ReadOnlySpan<T> other, int i) => T.One;
}

/// <summary>
/// x y, element by element; with <c>lies</c> it denies that its backward pass reads the inputs: the planted fault of the planner's tests.
/// </summary>
internal sealed class ProductOp(bool lies = false) : TwoInputOp
{
    public bool HidesReads { get; set; } = lies;

    /// <summary>
    /// Planted faults: in place although the backward pass reads the input, and for both gradients although the second needs what the first
    /// overwrote.
    /// </summary>
    public bool ClaimsOverlay { get; set; }

    public bool ClaimsGradientOverlay { get; set; }

    /// <summary>A planted fault: the output is said to be the first input, which the op only moves.</summary>
    public bool ClaimsMove { get; set; }

    public override string Kind => "product";

    public override BackwardReads BackwardReads => HidesReads || ClaimsOverlay ? BackwardReads.Nothing : BackwardReads.Inputs;

    public override bool MayOverlay(int input) => ClaimsOverlay;

    public override bool MayOverlayGradient(int input) => ClaimsGradientOverlay;

    internal override int? PlaceOf(ReadOnlySpan<Node> inputs, int input, bool training) => ClaimsMove ? input * inputs[0].Shape.Length : null;

    protected override T Value<T>(T x, T y) => x * y;

    protected override T Slope<T>(ReadOnlySpan<T> other, int i) => other[i];
}
