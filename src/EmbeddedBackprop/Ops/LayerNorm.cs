using System.Globalization;
using EmbeddedBackprop.Graphs;

namespace EmbeddedBackprop.Ops;

/// <summary>
/// Layer normalisation: y = gamma (x - mean) / sqrt(variance + epsilon) + beta, mean and variance over the last axis of every sample, or over all of
/// it.
/// Training and inference are the same. Source: Ba, Kiros and Hinton 2016.
/// </summary>
/// <remarks>Parameters NAME.weight (gamma, 1 at first) and NAME.bias (beta), one of each for every element of a normalised row.</remarks>
public sealed class LayerNorm : KernelOp, IPasses<LayerNorm>
{
    private Shape input;

    /// <summary>Whether all elements of a sample are normalised together, and not each row of the last axis by itself.</summary>
    public bool WholeSample { get; init; }

    /// <summary>The constant added to the variance. 1e-5 by default.</summary>
    public float Epsilon { get; init; } = 1e-5f;

    /// <inheritdoc/>
    public override string Kind => "layernorm";

    /// <inheritdoc/>
    public override string Settings =>
        (WholeSample ? "all" : "")
        + (Epsilon == 1e-5f ? "" : (WholeSample ? " " : "") + "epsilon" + Epsilon.ToString("R", CultureInfo.InvariantCulture));

    /// <inheritdoc/>
    public override BackwardReads BackwardReads => BackwardReads.Inputs;

    /// <inheritdoc/>
    public override bool MayOverlay(int input) => true;

    /// <summary>A row's sums are taken before its first element is written.</summary>
    public override bool MayOverlayGradient(int input) => true;

    private int Columns => WholeSample ? input.Length : input[input.Rank - 1];

    private int Rows => input.Length / Columns;

    /// <inheritdoc/>
    public override Shape InferShape(string name, ReadOnlySpan<Node> inputs)
    {
        _ = Errors.RequirePositive("epsilon", Epsilon);
        return Shapes.Single(name, inputs, ref input);
    }

    /// <inheritdoc/>
    public override void DescribeParameters(ParameterLayout layout)
    {
        ArgumentNullException.ThrowIfNull(layout);
        layout.AddTensor(Name + ".weight", ParameterKind.Scale, Columns);
        layout.AddTensor(Name + ".bias", ParameterKind.Bias, Columns);
    }

    /// <summary>The mean and the inverse deviation of every row.</summary>
    public override int SavedLength(int batch, Layout layout) => 2 * batch * Rows;

    /// <inheritdoc/>
    internal override TimeRule AlongTime(ReadOnlySpan<Node> inputs, int axis) =>
        WholeSample || axis == inputs[0].Shape.Rank - 1 ? TimeRule.Refused("works over all steps of time") : TimeRule.Each(axis);

    /// <inheritdoc/>
    protected override Passes Passes => Passes.Of<LayerNorm>();

    static void IPasses<LayerNorm>.Forward<T, K>(LayerNorm op, in OpContext<T> c) =>
        K.NormalizeRows(
            c.Arithmetic, op.Rows, op.Columns, c.InputRows(0), c.Parameter(0), c.Parameter(1), T.CreateTruncating(op.Epsilon), c.OutputRows,
            op.Means(in c), op.Inverses(in c));

    static void IPasses<LayerNorm>.Backward<T, K>(LayerNorm op, in OpContext<T> c)
    {
        BeginGradients(in c);
        K.RowNormGradient(
            c.Arithmetic, op.Rows, op.Columns, c.InputRows(0), c.Parameter(0), op.Means(in c), op.Inverses(in c), c.OutputGradientRows,
            c.ParameterGradient(0), c.ParameterGradient(1), c.WantsInputGradient(0) ? c.InputGradient(0) : [], c.ContinueInputGradient(0));
    }

    // An inference plan keeps nothing.
    private Span<T> Means<T>(in OpContext<T> c) where T : unmanaged => c.Saved.IsEmpty ? [] : c.Saved[..(c.Batch * Rows)];

    private Span<T> Inverses<T>(in OpContext<T> c) where T : unmanaged => c.Saved.IsEmpty ? [] : c.Saved.Slice(c.Batch * Rows, c.Batch * Rows);

    // The chains over the rows begin with +0.
    private static void BeginGradients<T>(in OpContext<T> c) where T : unmanaged
    {
        if (!c.ContinueParameterGradients)
        {
            c.ParameterGradient(0).Clear();
            c.ParameterGradient(1).Clear();
        }
    }
}
