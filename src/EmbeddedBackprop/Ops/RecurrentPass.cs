using System.Runtime.InteropServices;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Gates;
using EmbeddedBackprop.Kernels.Products;
using EmbeddedBackprop.Kernels.Sets;

namespace EmbeddedBackprop.Ops;

/// <summary>A recurrent layer over the matrix kernels, with the bits of <see cref="RecurrentTwin"/>.</summary>
internal static class RecurrentPass
{
    /// <summary>h of every step from the step before it.</summary>
    public static void Forward<TCell>(Recurrent op, in OpContext<float> c) where TCell : struct, IRecurrentCell
    {
        for (int direction = 0; direction < op.Directions; direction++)
        {
            RecurrentMemory<float> memory = new(op, in c, direction);
            RecurrentSizes sizes = memory.Sizes;
            int n = sizes.ProductStride, first = 4 * direction; // padded columns are computed along: a row has no ragged end
            Span<float> weights = c.Parameter(first + 1), bias = c.Parameter(first + 3);
            memory.Begin();
            for (int begin = 0; begin < op.Steps; begin += sizes.InputSteps)
            {
                int count = Math.Min(sizes.InputSteps, op.Steps - begin);
                int earliest = Math.Min(memory.Time(begin), memory.Time(begin + count - 1));
                InputProducts(op, in c, in memory, first, earliest, count);
                for (int s = begin; s < begin + count; s++)
                {
                    Gemm.NN(
                        c.Arithmetic,
                        c.Batch,
                        n,
                        op.Hidden,
                        memory.Hidden(s - 1),
                        sizes.HiddenStride,
                        weights,
                        n,
                        bias,
                        memory.RecurrentProducts,
                        n);
                    StepBuffers<float> step = memory.Forward(s, (memory.Time(s) - earliest) * c.Batch);
                    RecurrentStep.Forward<TCell>(c.Arithmetic, in step);
                }
            }

            memory.End();
        }
    }

    /// <summary>
    /// Backpropagation through time. The deltas of some steps gather until a product for the weight gradients pays; the weights are transposed once,
    /// so that no step packs them again.
    /// </summary>
    public static void Backward<TCell>(Recurrent op, in OpContext<float> c, in RecurrentOperands<float> operands) where TCell : struct, IRecurrentCell
    {
        int columns = op.Gates * op.Hidden, joint = op.SplitsLastGate ? columns - op.Hidden : columns;
        for (int direction = op.Directions - 1; direction >= 0; direction--)
        {
            RecurrentMemory<float> memory = new(op, in c, direction, operands.Scratch);
            RecurrentSizes sizes = memory.Sizes;
            int first = 4 * direction, n = sizes.HiddenStride;
            Span<float> transposed = memory.TransposedHidden, gradient = memory.HiddenGradient;
            Flip(operands.Weights(first + 1), op.Hidden, columns, sizes.ProductStride, transposed, n);
            if (c.WantsInputGradient(0))
            {
                Flip(operands.Weights(first), op.Features, columns, sizes.ProductStride, memory.TransposedInput, sizes.FeatureStride);
            }

            memory.BeginBackward();
            int last = op.Steps - 1, done = op.Steps;
            for (int s = last; s >= 0; s--)
            {
                StepBuffers<float> step = memory.Backward(s);
                RecurrentStep.Backward<TCell>(c.Arithmetic, in step);
                operands.Stop<SimdKernels>(in memory, s);
                Span<float> delta = memory.Gates(s);
                if (s > 0 && RecurrentTwin.Truncates(op, s))
                {
                    memory.Truncate(s);
                }
                else if (s > 0)
                {
                    Gemm.NN(c.Arithmetic, c.Batch, n, joint, delta, sizes.GateStride, transposed, n, default, gradient, n, accumulate: true);
                    if (op.SplitsLastGate)
                    {
                        Gemm.NN(
                            c.Arithmetic, c.Batch, n, op.Hidden, delta[columns..], sizes.GateStride, transposed[(joint * n)..], n,
                            default, gradient, n, accumulate: true);
                    }
                }

                if (c.WantsInputGradient(0))
                {
                    Gemm.NN(
                        c.Arithmetic, c.Batch, op.Features, columns, delta, sizes.GateStride, memory.TransposedInput, sizes.FeatureStride, default,
                        c.InputGradient(0)[(memory.Time(s) * op.Features)..], c.InputStride(0),
                        c.ContinueInputGradient(0) || direction < op.Directions - 1);
                }

                if (s == 0 || done - s == sizes.GradientSteps)
                {
                    WeightGradients(op, in c, operands.Input, in memory, first, s, done, c.ContinueParameterGradients || done <= last);
                    done = s;
                }
            }
        }
    }

    /// <summary>x W_ih of consecutive steps, one step's batch after the other's: the products are as high as they can be.</summary>
    private static void InputProducts(Recurrent op, in OpContext<float> c, in RecurrentMemory<float> memory, int first, int time, int count)
    {
        int n = memory.Sizes.ProductStride, stride = c.InputStride(0), f = op.Features;
        Span<float> weights = c.Parameter(first), bias = c.Parameter(first + 2), x = c.Input(0), products = memory.InputProducts;
        if (c.Batch >= count)
        {
            for (int i = 0; i < count; i++)
            {
                Gemm.NN(c.Arithmetic, c.Batch, n, f, x[((time + i) * f)..], stride, weights, n, bias, products[(i * c.Batch * n)..], n);
            }
        }
        else
        {
            for (int b = 0; b < c.Batch; b++)
            {
                Gemm.NN(c.Arithmetic, count, n, f, x[((b * stride) + (time * f))..], f, weights, n, bias, products[(b * n)..], c.Batch * n);
            }
        }
    }

    /// <summary>Gradients of weights and biases from the deltas of steps from .. to - 1, the last one first.</summary>
    private static void WeightGradients(
        Recurrent op, in OpContext<float> c, Span<float> x, in RecurrentMemory<float> memory, int first, int from, int to, bool goesOn)
    {
        RecurrentSizes sizes = memory.Sizes;
        int columns = op.Gates * op.Hidden, joint = op.SplitsLastGate ? columns - op.Hidden : columns;
        int rows = (to - from) * c.Batch, n = sizes.ProductStride, f = op.Features, next = 0;
        Span<float> gathered = memory.GatheredInputs, delta = memory.Gates(to - 1), before = memory.Hidden(to - 2);
        for (int s = to - 1; s >= from; s--)
        {
            for (int b = 0; b < c.Batch; b++, next += sizes.FeatureStride)
            {
                x.Slice((b * c.InputStride(0)) + (memory.Time(s) * f), f).CopyTo(gathered[next..]);
            }
        }

        Span<float> inputBias = c.ParameterGradient(first + 2), hiddenBias = c.ParameterGradient(first + 3);
        Reduce.SumColumns(rows, columns, delta, sizes.GateStride, inputBias, goesOn);
        // Both biases are added to the same z: one chain, twice.
        inputBias[..joint].CopyTo(hiddenBias);
        Gemm.TN(c.Arithmetic, f, columns, rows, gathered, sizes.FeatureStride, delta, sizes.GateStride, c.ParameterGradient(first), n, goesOn);
        Gemm.TN(c.Arithmetic, op.Hidden, joint, rows, before, sizes.HiddenStride, delta, sizes.GateStride, c.ParameterGradient(first + 1), n, goesOn);
        if (op.SplitsLastGate)
        {
            Reduce.SumColumns(rows, op.Hidden, delta[columns..], sizes.GateStride, hiddenBias[joint..], goesOn);
            Gemm.TN(
                c.Arithmetic, op.Hidden, op.Hidden, rows, before, sizes.HiddenStride, delta[columns..], sizes.GateStride,
                c.ParameterGradient(first + 1)[joint..], n, goesOn);
        }
    }

    private static void Flip(Span<float> weights, int rows, int columns, int stride, Span<float> transposed, int leading) =>
        Transpose.Pack(
            in MemoryMarshal.GetReference(weights),
            (nuint)stride,
            (nuint)rows,
            (nuint)columns,
            ref MemoryMarshal.GetReference(transposed),
            (nuint)leading);
}
