using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Optimizers;

namespace EmbeddedBackprop.Training;

/// <summary>What happens between the gradients and the new parameters: clipping, penalties, the optimiser, in this order.</summary>
internal static class GradientUpdate
{
    public static bool Apply(
        Plan plan, NetworkOptions options, Span<float> parameters, Span<float> gradients, Span<float> state, float learningRate)
    {
        Optimizer optimizer = options.Optimizer;
        int stateStride = parameters.Length;
        optimizer.BeginStep(state[(optimizer.StateArrays * stateStride)..]);
        foreach (ref readonly ParameterRange range in plan.Parameters)
        {
            UpdateContext context = new(options.Arithmetic, in range, parameters, gradients, state, stateStride, learningRate, 0f);
            if (options.Execution == Execution.Vector)
            {
                optimizer.Update(in context);
            }
            else
            {
                optimizer.UpdateScalar(in context);
            }
        }

        return true;
    }
}
