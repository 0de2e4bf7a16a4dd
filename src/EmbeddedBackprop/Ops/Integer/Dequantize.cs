using System.Numerics;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Elements;
using EmbeddedBackprop.Kernels.Sets;

namespace EmbeddedBackprop.Ops.Integer;

/// <summary>Integers become floats: x = s (q - z), one rounding.</summary>
internal sealed class Dequantize : Op
{
    private Shape input;

    /// <inheritdoc/>
    public override string Kind => "dequantize";

    /// <inheritdoc/>
    public override BackwardReads BackwardReads => BackwardReads.Nothing;

    /// <inheritdoc/>
    public override bool MayOverlay(int input) => true;

    /// <inheritdoc/>
    public override bool MayOverlayGradient(int input) => true;

    /// <inheritdoc/>
    public override Shape InferShape(string name, ReadOnlySpan<Node> inputs) => Shapes.Single(name, inputs, ref input);

    /// <inheritdoc/>
    internal override IntegerValue? IntegersOf(string name, ReadOnlySpan<Node> inputs)
    {
        if (inputs[0].Integers is null)
        {
            GraphErrors.NeedsIntegers(name, Kind, inputs[0].Name);
        }

        return null;
    }

    /// <inheritdoc/>
    public override void Forward(in OpContext<float> c) => Elementwise.Scale(c.InputType(0).Scale, c.Input(0), c.Output);

    /// <inheritdoc/>
    public override void ForwardScalar(in OpContext<float> c) => Kernels.Scalar.Elementwise.Scale<float>(c.InputType(0).Scale, c.Input(0), c.Output);

    /// <inheritdoc/>
    public override void ForwardScalar(in OpContext<double> c) =>
        Kernels.Scalar.Elementwise.Scale<double>(c.InputType(0).Scale, c.Input(0), c.Output);

    /// <inheritdoc/>
    public override void Backward(in OpContext<float> c) => PassOn<float, SimdKernels>(in c);

    /// <inheritdoc/>
    public override void BackwardScalar(in OpContext<float> c) => PassOn<float, ScalarKernels<float>>(in c);

    /// <inheritdoc/>
    public override void BackwardScalar(in OpContext<double> c) => PassOn<double, ScalarKernels<double>>(in c);

    // The gradient of an integer value is that of the real value it means.
    private static void PassOn<T, K>(in OpContext<T> c)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where K : struct, IKernels<T> =>
        Gradients.PassOn<T, K>(c.OutputGradient, c.InputGradient(0), c.ContinueInputGradient(0));
}
