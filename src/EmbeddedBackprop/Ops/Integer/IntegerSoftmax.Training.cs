using System.Numerics;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Sets;

namespace EmbeddedBackprop.Ops.Integer;

/// <content>Training: the gradient of the float op at the real outputs.</content>
internal sealed partial class IntegerSoftmax
{
    /// <inheritdoc/>
    public override BackwardReads BackwardReads => softmax.BackwardReads;

    /// <summary>The real outputs.</summary>
    public override int BackwardScratchLength(int batch, Layout layout) => batch * layout.Stride(input.Length);

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
        Matrix<T> integers = c.OutputRows;
        softmax.Gradients<T, K>(in c, RealValues<T, K>(integers, c.OutputType, c.Scratch[..integers.Values.Length]));
    }
}
