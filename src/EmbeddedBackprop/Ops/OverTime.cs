using System.Numerics;
using EmbeddedBackprop.Graphs;

namespace EmbeddedBackprop.Ops;

/// <summary>
/// The common part of the reductions over time: [time, features] to [features], of all steps or, with a mask [time] as second input, of
/// those whose mask is above 0.
/// Where no step counts, results and gradients are 0.
/// </summary>
public abstract class OverTime : KernelOp
{
    private Shape input;

    private protected OverTime()
    {
    }

    /// <summary>Whether there is a mask.</summary>
    private protected bool Masked { get; private set; }

    private protected int Steps => input[0];

    private protected int Features => input[1];

    /// <inheritdoc/>
    public override bool HasGradient(int input) => input == 0;

    /// <inheritdoc/>
    public override Shape InferShape(string name, ReadOnlySpan<Node> inputs)
    {
        if (inputs.Length is not (1 or 2))
        {
            GraphErrors.InputCount(name, inputs.Length == 0 ? 1 : 2, inputs.Length);
        }

        Shape shape = Shapes.Bind(name, inputs[0], ref input);
        if (shape.Rank != 2)
        {
            OpErrors.RankExpected(name, "time x features", shape, inputs[0].Name);
        }

        if (inputs.Length == 2 && inputs[1].Shape.Length != shape[0])
        {
            OpErrors.MaskLength(name, shape, inputs[1].Name, inputs[1].Shape);
        }

        Masked |= inputs.Length == 2;
        return new Shape(shape[1]);
    }

    /// <summary>Whether a step of a sample counts.</summary>
    internal static bool Counts<T>(in OpContext<T> c, int sample, int t) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        c.InputCount == 1 || c.Input(1)[(sample * c.InputStride(1)) + t] > T.Zero;

    /// <summary>One step of a sample.</summary>
    private protected Span<T> Step<T>(in OpContext<T> c, int sample, int t) where T : unmanaged =>
        c.Input(0).Slice((sample * c.InputStride(0)) + (t * Features), Features);

    /// <summary>The gradient of one step of a sample.</summary>
    private protected Span<T> StepGradient<T>(in OpContext<T> c, int sample, int t) where T : unmanaged =>
        c.InputGradient(0).Slice((sample * c.InputStride(0)) + (t * Features), Features);
}
