using System.Numerics;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Ops;

/// <summary>
/// Softmax of every row of the last axis: attention weights, or probabilities at every time step. For [classes] it is the softmax of the sample.
/// </summary>
public sealed class SoftmaxOverLastAxis : KernelOp, IPasses<SoftmaxOverLastAxis>
{
    private Shape input;

    /// <inheritdoc/>
    public override string Kind => "softmax";

    /// <inheritdoc/>
    public override BackwardReads BackwardReads => BackwardReads.Outputs;

    /// <inheritdoc/>
    public override bool MayOverlay(int input) => true;

    /// <inheritdoc/>
    public override bool MayOverlayGradient(int input) => true;

    private int Columns => input[input.Rank - 1];

    private int Rows => input.Length / Columns;

    /// <inheritdoc/>
    public override Shape InferShape(string name, ReadOnlySpan<Node> inputs) => Shapes.Single(name, inputs, ref input);

    /// <summary>The table of e^x has an entry for each distance of two integers of 8 bits: rows of 16 bits stay floats.</summary>
    internal override Op? Quantized(in QuantizeContext c) =>
        c.Inputs[0].Bits == 8 && Columns <= Integer.IntegerSoftmax.MostColumns && c.Activation is null && c.Tied is null
            ? new Integer.IntegerSoftmax()
            : null;

    /// <inheritdoc/>
    internal override TimeRule AlongTime(ReadOnlySpan<Node> inputs, int axis) =>
        axis == inputs[0].Shape.Rank - 1 ? TimeRule.Refused("works over all steps of time") : TimeRule.Each(axis);

    /// <inheritdoc/>
    protected override Passes Passes => Passes.Of<SoftmaxOverLastAxis>();

    static void IPasses<SoftmaxOverLastAxis>.Forward<T, K>(SoftmaxOverLastAxis op, in OpContext<T> c)
    {
        for (int b = 0; b < c.Batch; b++)
        {
            K.Softmax(c.Arithmetic, op.RowsOf(c.InputRows(0), b), op.RowsOf(c.OutputRows, b));
        }
    }

    static void IPasses<SoftmaxOverLastAxis>.Backward<T, K>(SoftmaxOverLastAxis op, in OpContext<T> c) => op.Gradients<T, K>(in c, c.OutputRows);

    /// <summary>The gradient at given outputs.</summary>
    internal void Gradients<T, K>(in OpContext<T> c, in Matrix<T> y)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where K : struct, IKernels<T>
    {
        if (!c.WantsInputGradient(0))
        {
            return;
        }

        for (int b = 0; b < c.Batch; b++)
        {
            K.SoftmaxGradient(c.Arithmetic, RowsOf(y, b), RowsOf(c.OutputGradientRows, b));
        }

        Ops.Gradients.PassOn<T, K>(c.OutputGradient, c.InputGradient(0), c.ContinueInputGradient(0));
    }

    /// <summary>The rows of one sample.</summary>
    private Matrix<T> RowsOf<T>(in Matrix<T> values, int sample) where T : unmanaged => new(values.Row(sample), Rows, Columns, Columns);
}
