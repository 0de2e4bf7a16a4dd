using System.Globalization;
using System.Numerics;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Norms;

namespace EmbeddedBackprop.Ops;

/// <summary>
/// Layer normalisation: y = gamma (x - mean) / sqrt(variance + epsilon) + beta, mean and variance over the last axis of every sample, or over all of it.
/// Training and inference are the same. Source: Ba, Kiros and Hinton 2016.
/// </summary>
/// <remarks>Parameters NAME.weight (gamma, 1 at first) and NAME.bias (beta), one of each for every number of a normalised row.</remarks>
public sealed class LayerNorm : Op
{
    private Shape input;

    /// <summary>Whether all numbers of a sample are normalised together, and not each row of the last axis by itself.</summary>
    public bool WholeSample { get; init; }

    /// <summary>What is added to the variance.</summary>
    public float Epsilon { get; init; } = 1e-5f;

    /// <inheritdoc/>
    public override string Kind => "layernorm";

    /// <inheritdoc/>
    public override string Settings =>
        (WholeSample ? "all" : "") + (Epsilon == 1e-5f ? "" : (WholeSample ? " " : "") + "epsilon" + Epsilon.ToString("R", CultureInfo.InvariantCulture));

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
    public override void Forward(in OpContext<float> c) =>
        RowNorm.Forward(
            c.Arithmetic, c.Batch, Rows, Columns, c.Input(0), c.InputStride(0), c.Parameter(0), c.Parameter(1), Epsilon, c.Output, c.OutputStride,
            Means(in c), Inverses(in c));

    /// <inheritdoc/>
    public override void Backward(in OpContext<float> c)
    {
        BeginGradients(in c);
        RowNorm.Backward(
            c.Arithmetic, c.Batch, Rows, Columns, c.Input(0), c.InputStride(0), c.Parameter(0), Means(in c), Inverses(in c), c.OutputGradient, c.OutputStride,
            c.ParameterGradient(0), c.ParameterGradient(1), c.WantsInputGradient(0) ? c.InputGradient(0) : [], c.ContinueInputGradient(0));
    }

    /// <inheritdoc/>
    public override void ForwardScalar(in OpContext<float> c) => ForwardTwin(in c, Epsilon);

    /// <inheritdoc/>
    public override void BackwardScalar(in OpContext<float> c) => BackwardTwin(in c);

    /// <inheritdoc/>
    public override void ForwardScalar(in OpContext<double> c) => ForwardTwin(in c, Epsilon);

    /// <inheritdoc/>
    public override void BackwardScalar(in OpContext<double> c) => BackwardTwin(in c);

    private void ForwardTwin<T>(in OpContext<T> c, T epsilon) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Kernels.Scalar.RowNorm.Forward<T>(
            c.Arithmetic, c.Batch, Rows, Columns, c.Input(0), c.InputStride(0), c.Parameter(0), c.Parameter(1), epsilon, c.Output, c.OutputStride,
            Means(in c), Inverses(in c));

    private void BackwardTwin<T>(in OpContext<T> c) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        BeginGradients(in c);
        Kernels.Scalar.RowNorm.Backward<T>(
            c.Arithmetic, c.Batch, Rows, Columns, c.Input(0), c.InputStride(0), c.Parameter(0), Means(in c), Inverses(in c), c.OutputGradient, c.OutputStride,
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
