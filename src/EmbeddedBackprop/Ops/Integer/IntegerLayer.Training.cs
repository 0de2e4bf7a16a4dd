using System.Numerics;
using System.Runtime.InteropServices;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Sets;

namespace EmbeddedBackprop.Ops.Integer;

/// <content>The backward pass: that of the float layer at x = s_x (q_x - z_x) and w = s_w q_w.</content>
internal abstract partial class IntegerLayer
{
    private protected override int TrainedLength => Strides(Layout.Compact).Output;

    /// <inheritdoc/>
    public override BackwardReads BackwardReads => BackwardReads.Inputs;

    /// <summary>The real values of the inputs and the weights.</summary>
    public override int BackwardScratchLength(int batch, Layout layout) =>
        (batch * Strides(layout).Input) + DeltaLength(batch, layout) + Axis(layout).Count + LayerIntegers.Length(Axis(layout));

    /// <inheritdoc/>
    public override void Backward(in OpContext<float> c) => Backward<float, SimdKernels>(in c);

    /// <inheritdoc/>
    public override void BackwardScalar(in OpContext<float> c) => Backward<float, ScalarKernels<float>>(in c);

    /// <inheritdoc/>
    public override void BackwardScalar(in OpContext<double> c) => Backward<double, ScalarKernels<double>>(in c);

    /// <inheritdoc/>
    internal override bool FollowsParameters => true;

    /// <inheritdoc/>
    internal override void FollowParameters(in OpContext<float> c, bool keepRanges)
    {
        base.FollowParameters(in c, keepRanges);
        WeightAxis axis = Axis(c.Layout);
        new LayerIntegers(axis, MemoryMarshal.Cast<float, int>(c.Scratch[..LayerIntegers.Length(axis)])).MakeScales(
            c.Parameter(0), c.Parameter(1)[..Outputs], c.InputType(0), c.State(ScaleState));
    }

    /// <inheritdoc/>
    public override int UpdateLength(int parameters, Layout layout) =>
        Layer is Dense ? Layer.UpdateLength(parameters, layout) : base.UpdateLength(parameters, layout);

    /// <inheritdoc/>
    public override bool BackwardAndUpdate(in OpContext<float> c, in SgdUpdate update)
    {
        if (Layer is not Dense layer)
        {
            return base.BackwardAndUpdate(in c, in update);
        }

        Matrix<float> delta = RealOperands<float, SimdKernels>(in c, out Matrix<float> x, out Span<float> w), rows = c.ParameterRows(0);
        return layer.UpdateBack(in c, in update, x, w.IsEmpty ? rows : new(w, rows.Rows, rows.Columns, rows.Stride, rows.Width), delta);
    }

    private void Backward<T, K>(in OpContext<T> c)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where K : struct, IKernels<T>
    {
        Matrix<T> delta = RealOperands<T, K>(in c, out Matrix<T> x, out Span<T> w);
        switch (Layer)
        {
            case Dense:
                Matrix<T> rows = c.ParameterRows(0);
                Dense.Gradients<T, K>(
                    in c, x, w.IsEmpty ? rows : new Matrix<T>(w, rows.Rows, rows.Columns, rows.Stride, rows.Width), delta);
                break;
            case Convolution convolution:
                convolution.Gradients<T, K>(in c, x, w, delta);
                break;
            default:
                ((ConvTranspose2D)Layer).Gradients<T, K>(in c, x, w, delta);
                break;
        }
    }

    /// <summary>
    /// What the float layer's backward pass reads: delta, and the real values x and w; w is empty where no gradient of the input is wanted.
    /// </summary>
    private Matrix<T> RealOperands<T, K>(in OpContext<T> c, out Matrix<T> x, out Span<T> w)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where K : struct, IKernels<T>
    {
        Matrix<T> integers = c.InputRows(0);
        Span<T> scratch = c.Scratch, values = Take(ref scratch, integers.Values.Length);
        x = new(values, integers.Rows, integers.Columns, integers.Stride, integers.Width);
        K.Scale(T.CreateTruncating(c.InputType(0).Scale), integers.Values, values); // x = s_x (q_x - z_x)
        Matrix<T> delta = Delta<T, K>(in c, ref scratch);
        w = [];
        if (!c.WantsInputGradient(0))
        {
            return delta;
        }

        WeightAxis axis = Axis(c.Layout);
        w = Take(ref scratch, axis.Count); // w = s_w q_w
        if (typeof(K) == typeof(SimdKernels))
        {
            new LayerIntegers(axis, MemoryMarshal.Cast<T, int>(scratch)).MakeReal(
                MemoryMarshal.Cast<T, float>(c.Parameter(0)), MemoryMarshal.Cast<T, float>(c.State(ScaleState)), MemoryMarshal.Cast<T, float>(w));
        }
        else
        {
            LayerIntegers.MakeRealScalar<T>(axis, c.Parameter(0), c.State(ScaleState), w);
        }

        return delta;
    }
}
