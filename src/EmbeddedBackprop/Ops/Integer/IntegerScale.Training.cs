using System.Numerics;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Sets;

namespace EmbeddedBackprop.Ops.Integer;

/// <content>Training: the float op at the real inputs, which a trained factor's gradient reads.</content>
internal sealed partial class IntegerScale
{
    private protected override int TrainedLength => input.Length;

    /// <inheritdoc/>
    public override BackwardReads BackwardReads => layer.BackwardReads;

    /// <summary>The real inputs.</summary>
    public override int BackwardScratchLength(int batch, Layout layout) =>
        DeltaLength(batch, layout) + (layer.Trained ? batch * layout.Stride(TrainedLength) : 0);

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
        Span<T> scratch = c.Scratch;
        Matrix<T> x = default;
        if (layer.Trained)
        {
            Matrix<T> integers = c.InputRows(0);
            x = RealValues<T, K>(integers, c.InputType(0), Take(ref scratch, integers.Values.Length));
        }

        _ = Delta<T, K>(in c, ref scratch);
        layer.Gradients<T, K>(in c, x);
    }
}
