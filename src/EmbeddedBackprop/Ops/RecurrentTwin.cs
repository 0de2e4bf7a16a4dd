using System.Numerics;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Gates;
using EmbeddedBackprop.Kernels.Sets;

namespace EmbeddedBackprop.Ops;

/// <summary>The definition of a recurrent layer: textbook loops over steps and samples, whose bits <see cref="RecurrentPass"/> gives.</summary>
internal static class RecurrentTwin
{
    /// <summary>h of every step from the step before it.</summary>
    public static void Forward<TCell, T>(Recurrent op, in OpContext<T> c)
        where TCell : struct, IRecurrentCell
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int columns = op.Gates * op.Hidden;
        for (int direction = 0; direction < op.Directions; direction++)
        {
            RecurrentMemory<T> memory = new(op, in c, direction);
            int stride = memory.Sizes.ProductStride, first = 4 * direction;
            memory.Begin();
            for (int s = 0; s < op.Steps; s++)
            {
                Kernels.Scalar.Gemm.NN<T>(
                    c.Arithmetic, c.Batch, columns, op.Features, c.Input(0)[(memory.Time(s) * op.Features)..], c.InputStride(0),
                    c.Parameter(first), stride, c.Parameter(first + 2), memory.InputProducts, stride);
                Kernels.Scalar.Gemm.NN<T>(
                    c.Arithmetic, c.Batch, columns, op.Hidden, memory.Hidden(s - 1), memory.Sizes.HiddenStride,
                    c.Parameter(first + 1), stride, c.Parameter(first + 3), memory.RecurrentProducts, stride);
                StepBuffers<T> step = memory.Forward(s, 0);
                Kernels.Scalar.RecurrentStep.Forward<TCell, T>(c.Arithmetic, in step);
            }

            memory.End();
        }
    }

    /// <summary>
    /// Backpropagation through time. dL/dh of a step is one chain: the gradient of its output, the direct part from the step after it, then
    /// s = M(delta[j], W_hh[i,j], s) for j ascending.
    /// </summary>
    public static void Backward<TCell, T>(Recurrent op, in OpContext<T> c, in RecurrentOperands<T> operands)
        where TCell : struct, IRecurrentCell
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int columns = op.Gates * op.Hidden;

        // The hidden product's deltas of the last gate may be stored apart from those of the input product.
        int joint = op.SplitsLastGate ? columns - op.Hidden : columns;
        for (int direction = op.Directions - 1; direction >= 0; direction--)
        {
            RecurrentMemory<T> memory = new(op, in c, direction, operands.Scratch);
            RecurrentSizes sizes = memory.Sizes;
            int stride = sizes.ProductStride, first = 4 * direction;
            Span<T> hiddenWeights = operands.Weights(first + 1);
            memory.BeginBackward();
            for (int s = op.Steps - 1; s >= 0; s--)
            {
                bool goesOn = c.ContinueParameterGradients || s < op.Steps - 1;
                StepBuffers<T> step = memory.Backward(s);
                Kernels.Scalar.RecurrentStep.Backward<TCell, T>(c.Arithmetic, in step);
                operands.Stop<ScalarKernels<T>>(in memory, s);
                Span<T> delta = memory.Gates(s), x = operands.Input[(memory.Time(s) * op.Features)..], before = memory.Hidden(s - 1);
                Kernels.Scalar.Reduce.SumColumns<T>(c.Batch, columns, delta, sizes.GateStride, c.ParameterGradient(first + 2), goesOn);
                Kernels.Scalar.Gemm.TN<T>(
                    c.Arithmetic,
                    op.Features,
                    columns,
                    c.Batch,
                    x,
                    c.InputStride(0),
                    delta,
                    sizes.GateStride,
                    c.ParameterGradient(first),
                    stride,
                    goesOn);
                HiddenGradients(op, in c, in memory, first, before, delta, 0, joint, 0, goesOn);
                if (s > 0 && Truncates(op, s))
                {
                    memory.Truncate(s);
                }
                else if (s > 0)
                {
                    Kernels.Scalar.Gemm.NT<T>(
                        c.Arithmetic, c.Batch, op.Hidden, joint, delta, sizes.GateStride, hiddenWeights, stride,
                        memory.HiddenGradient, sizes.HiddenStride, accumulate: true);
                }

                if (op.SplitsLastGate)
                {
                    HiddenGradients(op, in c, in memory, first, before, delta, columns, op.Hidden, joint, goesOn);
                    if (s > 0 && !Truncates(op, s))
                    {
                        Kernels.Scalar.Gemm.NT<T>(
                            c.Arithmetic, c.Batch, op.Hidden, op.Hidden, delta[columns..], sizes.GateStride, hiddenWeights[joint..], stride,
                            memory.HiddenGradient, sizes.HiddenStride, accumulate: true);
                    }
                }

                if (c.WantsInputGradient(0))
                {
                    Kernels.Scalar.Gemm.NT<T>(
                        c.Arithmetic, c.Batch, op.Features, columns, delta, sizes.GateStride, operands.Weights(first), stride,
                        c.InputGradient(0)[(memory.Time(s) * op.Features)..], c.InputStride(0),
                        c.ContinueInputGradient(0) || direction < op.Directions - 1);
                }
            }
        }
    }

    /// <summary>Whether the gradient stops between a step and the one before it.</summary>
    public static bool Truncates(Recurrent op, int step) => op.Options.TruncateEvery > 0 && step % op.Options.TruncateEvery == 0;

    /// <summary>The gradients of some columns of W_hh and bias_hh.</summary>
    private static void HiddenGradients<T>(
        Recurrent op,
        in OpContext<T> c,
        in RecurrentMemory<T> memory,
        int first,
        Span<T> before,
        Span<T> delta,
        int from,
        int columns,
        int to,
        bool goesOn)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        RecurrentSizes sizes = memory.Sizes;
        Kernels.Scalar.Reduce.SumColumns<T>(c.Batch, columns, delta[from..], sizes.GateStride, c.ParameterGradient(first + 3)[to..], goesOn);
        Kernels.Scalar.Gemm.TN<T>(
            c.Arithmetic, op.Hidden, columns, c.Batch, before, sizes.HiddenStride, delta[from..], sizes.GateStride,
            c.ParameterGradient(first + 1)[to..], sizes.ProductStride, goesOn);
    }
}
