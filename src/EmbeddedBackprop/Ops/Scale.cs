using System.Globalization;
using System.Numerics;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Ops;

/// <summary>y = alpha * x with a constant alpha, or with one that is trained (parameter NAME.weight, 1 at first) times the constant.</summary>
public sealed class Scale : KernelOp, IPasses<Scale>
{
    private Shape input;

    /// <summary>A factor.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The factor is not finite.</exception>
    public Scale(float factor, bool trained = false)
    {
        if (!float.IsFinite(factor))
        {
            Errors.OutOfRange(nameof(factor), factor, "finite");
        }

        Factor = factor;
        Trained = trained;
    }

    /// <summary>The constant.</summary>
    public float Factor { get; }

    /// <summary>Whether a trained factor multiplies the constant.</summary>
    public bool Trained { get; }

    /// <inheritdoc/>
    public override string Kind => "scale";

    /// <inheritdoc/>
    public override string Settings => Factor.ToString("R", CultureInfo.InvariantCulture) + (Trained ? " trained" : "");

    /// <inheritdoc/>
    public override BackwardReads BackwardReads => Trained ? BackwardReads.Inputs : BackwardReads.Nothing;

    /// <inheritdoc/>
    public override bool MayOverlay(int input) => true;

    /// <inheritdoc/>
    public override bool MayOverlayGradient(int input) => true;

    /// <inheritdoc/>
    public override Shape InferShape(string name, ReadOnlySpan<Node> inputs) => Shapes.Single(name, inputs, ref input);

    /// <inheritdoc/>
    public override void DescribeParameters(ParameterLayout layout)
    {
        ArgumentNullException.ThrowIfNull(layout);
        if (Trained)
        {
            layout.AddTensor(Name + ".weight", ParameterKind.Scale, 1);
        }
    }

    /// <inheritdoc/>
    internal override Op? Quantized(in QuantizeContext c) =>
        Integer.IntegerActivation.Ends(c.Activation) ? new Integer.IntegerScale(this, c.Bits, c.Activation, c.Tied) : null;

    /// <inheritdoc/>
    internal override TimeRule AlongTime(ReadOnlySpan<Node> inputs, int axis) => TimeRule.Each(axis);

    /// <inheritdoc/>
    protected override Passes Passes => Passes.Of<Scale>();

    static void IPasses<Scale>.Forward<T, K>(Scale op, in OpContext<T> c) => K.Scale(op.Alpha(in c), c.Input(0), c.Output);

    // dalpha continues by Factor * dot(dy, x) of one sample after the other, each dot product in 16 parts; dx = alpha * dy, or M(alpha, dy,
    // dx) where another reader wrote first.
    static void IPasses<Scale>.Backward<T, K>(Scale op, in OpContext<T> c) => op.Gradients<T, K>(in c, c.InputRows(0));

    /// <summary>The gradients at given inputs; they are read where the factor is trained.</summary>
    internal void Gradients<T, K>(in OpContext<T> c, in Matrix<T> x)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where K : struct, IKernels<T>
    {
        if (Trained)
        {
            T sum = c.ContinueParameterGradients ? c.ParameterGradient(0)[0] : T.Zero;
            for (int b = 0; b < c.Batch; b++)
            {
                sum += T.CreateTruncating(Factor) * K.Dot(c.Arithmetic, c.OutputGradientRows.Row(b), x.Row(b));
            }

            c.ParameterGradient(0)[0] = sum;
        }

        if (!c.WantsInputGradient(0))
        {
            return;
        }

        if (c.ContinueInputGradient(0))
        {
            K.MultiplyAdd(c.Arithmetic, Alpha(in c), c.OutputGradient, c.InputGradient(0));
        }
        else
        {
            K.Scale(Alpha(in c), c.OutputGradient, c.InputGradient(0));
        }
    }

    private T Alpha<T>(in OpContext<T> c) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Trained ? c.Parameter(0)[0] * T.CreateTruncating(Factor) : T.CreateTruncating(Factor);
}
