using System.Numerics;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Elements;
using EmbeddedBackprop.Kernels.Norms;
using EmbeddedBackprop.Kernels.Sets;

namespace EmbeddedBackprop.Ops.Integer;

/// <content>
/// Training. gamma and beta are trained, running values stay: the forward pass is the prediction's. The backward pass is that of the float op at the
/// real inputs and the running values.
/// </content>
internal sealed partial class IntegerBatchNorm
{
    private protected override int TrainedLength => norm.Length;

    /// <inheritdoc/>
    public override BackwardReads BackwardReads => BackwardReads.Inputs;

    /// <summary>Its sums run over whole channels, as those of the float op.</summary>
    public override bool DependsOnWholeBatch => norm.DependsOnWholeBatch;

    /// <summary>The real inputs; inverse deviations and two sums a channel.</summary>
    public override int BackwardScratchLength(int batch, Layout layout) =>
        (batch * layout.Stride(TrainedLength)) + DeltaLength(batch, layout) + (3 * Channels);

    /// <inheritdoc/>
    public override void Backward(in OpContext<float> c) => Backward<float, SimdKernels>(in c);

    /// <inheritdoc/>
    public override void BackwardScalar(in OpContext<float> c) => Backward<float, ScalarKernels<float>>(in c);

    /// <inheritdoc/>
    public override void BackwardScalar(in OpContext<double> c) => Backward<double, ScalarKernels<double>>(in c);

    private void Backward<T, K>(in OpContext<T> c)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where K : struct, IKernels<T>
    {
        Matrix<T> integers = c.InputRows(0);
        Span<T> scratch = c.Scratch;
        Matrix<T> x = RealValues<T, K>(integers, c.InputType(0), Take(ref scratch, integers.Values.Length));
        Span<T> inverses = Take(ref scratch, Channels), sums = Take(ref scratch, 2 * Channels);
        _ = Delta<T, K>(in c, ref scratch);
        int first = OwnsRange ? 1 : 0;
        K.Apply<InverseDeviation>(c.Arithmetic, c.State(first + 1), c.State(first + 1), inverses, T.CreateTruncating(norm.Epsilon));
        norm.Gradients<T, K>(in c, x, c.State(first), inverses, sums, isFixed: true);
    }
}
