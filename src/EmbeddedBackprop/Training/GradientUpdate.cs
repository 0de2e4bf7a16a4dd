using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Optimizers;
using Twin = EmbeddedBackprop.Kernels.Scalar;

namespace EmbeddedBackprop.Training;

/// <summary>
/// The steps from the gradients to the new parameters, in this order: the test for non-finite gradients, clipping by value, clipping by norm,
/// penalties, the optimiser, the bound on weights. A step that is switched off costs no pass over memory.
/// </summary>
internal static class GradientUpdate
{
    /// <summary>Changes the parameters and the optimiser's state; clipping and penalties are written into the gradients.</summary>
    /// <returns>False, with parameters and state as they were, if a gradient (or the norm to be clipped) is not finite.</returns>
    public static bool Apply(
        Plan plan, NetworkOptions options, Span<float> parameters, Span<float> gradients, Span<float> state, float learningRate)
    {
        bool vector = options.Execution == Execution.Vector;
        if (!AllFinite(plan.Parameters, gradients, vector) || !Clip(plan.Parameters, options, gradients, vector))
        {
            return false;
        }

        Optimizer optimizer = options.Optimizer;
        Regularization penalty = options.Regularization;
        float l2 = optimizer.DecouplesDecay ? penalty.L2 : penalty.L2 + penalty.WeightDecay;
        float decay = optimizer.DecouplesDecay ? penalty.WeightDecay : 0f;
        int stateStride = parameters.Length;
        optimizer.BeginStep(state[(optimizer.StateArrays * stateStride)..]);
        // Where no gradient is written, penalties would pile up in the gradient's memory.
        foreach (ref readonly ParameterRange range in plan.TrainedParameters)
        {
            bool penalised = penalty.AllParameters || range.Kind == ParameterKind.Weight;
            if (penalised)
            {
                Penalise(
                    options.Arithmetic,
                    l2,
                    penalty.L1,
                    parameters.Slice(range.Offset, range.Length),
                    gradients.Slice(range.Offset, range.Length),
                    vector);
            }

            UpdateContext context = new(
                options.Arithmetic, in range, parameters, gradients, state, stateStride, learningRate, penalised ? decay : 0f);
            if (vector)
            {
                optimizer.Update(in context);
            }
            else
            {
                optimizer.UpdateScalar(in context);
            }

            if (penalty.MaxNorm > 0 && range.Kind == ParameterKind.Weight)
            {
                Shorten(options.Arithmetic, penalty.MaxNorm, in range, parameters, vector);
            }
        }

        return true;
    }

    private static bool AllFinite(ReadOnlySpan<ParameterRange> ranges, ReadOnlySpan<float> gradients, bool vector)
    {
        if (vector)
        {
            // All tensors at once: the floats between them are 0, and padding is finite wherever its row is.
            return Finite.All(gradients);
        }

        foreach (ref readonly ParameterRange range in ranges)
        {
            for (int row = 0; row < range.Rows; row++)
            {
                if (!Twin.Finite.All(gradients.Slice(range.Offset + (row * range.Stride), range.Columns)))
                {
                    return false;
                }
            }
        }

        return true;
    }

    private static bool Clip(ReadOnlySpan<ParameterRange> ranges, NetworkOptions options, Span<float> gradients, bool vector)
    {
        float bound = options.Clipping.Value, longest = options.Clipping.Norm;
        if (bound > 0 && vector)
        {
            Elementwise.Clip(-bound, bound, gradients, gradients);
        }
        else if (bound > 0)
        {
            Twin.Elementwise.Clip(-bound, bound, gradients, gradients);
        }

        if (longest == 0)
        {
            return true;
        }

        float norm = vector
            ? GradientNorm.Compute(options.Arithmetic, ranges, gradients)
            : GradientNorm.ComputeScalar(options.Arithmetic, ranges, gradients);
        if (!float.IsFinite(norm))
        {
            return false;
        }

        if (norm > longest && vector)
        {
            Elementwise.Scale(longest / (norm + 1e-6f), gradients, gradients);
        }
        else if (norm > longest)
        {
            Twin.Elementwise.Scale(longest / (norm + 1e-6f), gradients, gradients);
        }

        return true;
    }

    private static void Shorten(Arithmetic arithmetic, float longest, in ParameterRange range, Span<float> parameters, bool vector)
    {
        Span<float> w = parameters.Slice(range.Offset, range.Length);
        if (range.Dimensions is { } sizes)
        {
            // In the order of files: the weights of each output are contiguous.
            int outputs = sizes[0], inputs = range.Count / outputs;
            if (vector)
            {
                MaxNorm.Rows(arithmetic, longest, outputs, inputs, w);
            }
            else
            {
                Twin.MaxNorm.Rows(arithmetic, longest, outputs, inputs, w);
            }
        }
        else if (vector)
        {
            MaxNorm.Columns(arithmetic, longest, range.Rows, range.Columns, w, range.Stride);
        }
        else
        {
            Twin.MaxNorm.Columns(arithmetic, longest, range.Rows, range.Columns, w, range.Stride);
        }
    }

    private static void Penalise(Arithmetic arithmetic, float l2, float l1, ReadOnlySpan<float> w, Span<float> g, bool vector)
    {
        if (l2 > 0 && vector)
        {
            Elementwise.MultiplyAdd(arithmetic, l2, w, g);
        }
        else if (l2 > 0)
        {
            Twin.Elementwise.MultiplyAdd(arithmetic, l2, w, g);
        }

        if (l1 > 0 && vector)
        {
            Elementwise.AddSign(l1, w, g);
        }
        else if (l1 > 0)
        {
            Twin.Elementwise.AddSign(l1, w, g);
        }
    }
}
