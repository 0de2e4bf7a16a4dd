using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Products;
using EmbeddedBackprop.Kernels.Sets;

namespace EmbeddedBackprop.Ops;

/// <content>Code for speed and memory, with the bits of the two passes: one sample in one kernel, and the update within the backward pass.</content>
public sealed partial class Dense
{
    // A single output is one long sum: a dot product, not a row of chains.
    internal override OneSampleAffine? OneSampleForward(Step step, Arithmetic arithmetic) =>
        Outputs == 1
            ? null
            : Activation.OneSampleAffine(
                arithmetic,
                new(
                    step.Output.Stride,
                    inputs,
                    step.Inputs[0].Offset,
                    step.Ranges[0].Offset,
                    step.Ranges[1].Offset,
                    step.Saved.Exists ? step.Saved.Offset : step.Output.Offset,
                    step.Output.Offset));

    /// <inheritdoc/>
    public override int UpdateLength(int parameters, Layout layout) => 2 * layout.Stride(Outputs);

    /// <inheritdoc/>
    public override bool BackwardAndUpdate(in OpContext<float> c, in SgdUpdate update)
    {
        Matrix<float> delta = Delta<float, SimdKernels>(in c);
        return UpdateBack(in c, in update, c.InputRows(0), c.ParameterRows(0), delta);
    }

    /// <summary>Backward pass and update from delta, for any x and W of the layer's sizes.</summary>
    internal bool UpdateBack(in OpContext<float> c, in SgdUpdate update, in Matrix<float> input, in Matrix<float> w, in Matrix<float> gradients)
    {
        // Without a gradient span two rows do: the bias gradient, and that of the weights from one input.
        int n = c.OutputStride;
        Span<float> rows = c.UpdateScratch, db = rows.IsEmpty ? c.ParameterGradient(1) : rows[..n];
        PassBack<float, SimdKernels>(in c, w, gradients, db);
        Span<float> delta = gradients.Values, x = input.Values;
        float bound = Finite.ProductBound(x, delta, c.Batch);
        bool bounded = inputs > 1 && Finite.BoundsSums(bound);
        update.Finite?.Report(update.LearningRate * bound, update.LearningRate * update.WeightL2);
        if (!bounded && !rows.IsEmpty)
        {
            return UpdateByRows(in c, in update, x, delta, rows[n..]) & update.Apply(in c, 1, db);
        }

        if (!bounded)
        {
            // The gradient may not be finite: it is looked at before it is applied.
            Gemm.TN(
                c.Arithmetic, inputs, n, c.Batch, x, c.InputStride(0), delta, n, c.ParameterGradient(0), n);
            return update.Apply(in c);
        }

        // BP4 and w = w - eta dW in one pass over W: dW stays in registers.
        Gemm.UpdateTN(
            c.Arithmetic, inputs, n, c.Batch, x, c.InputStride(0), delta, n,
            c.Parameter(0), n, update.LearningRate, update.WeightL2);
        return update.Apply(in c, 1, db);
    }

    /// <summary>The gradient may not be finite: each row of it is looked at before it is applied.</summary>
    private bool UpdateByRows(in OpContext<float> c, in SgdUpdate update, Span<float> x, Span<float> delta, Span<float> dw)
    {
        int n = c.OutputStride, ldx = c.InputStride(0);
        bool finite = true;
        for (int k = 0; k < inputs; k++)
        {
            Gemm.TN(c.Arithmetic, 1, n, c.Batch, x[k..], ldx, delta, n, dw, n);
            finite &= update.Apply(in c, 0, c.Parameter(0).Slice(k * n, n), dw);
        }

        return finite;
    }
}
