using EmbeddedBackprop.Graphs;

namespace EmbeddedBackprop.Export.Model;

/// <summary>The weights of a network in the memory of one that was made of it: ranges of the same names.</summary>
internal static class CWeights
{
    /// <summary>Copies parameters, and the state that files keep.</summary>
    /// <param name="source">The network's plan.</param>
    /// <param name="parameters">The parameters in its layout.</param>
    /// <param name="state">The state in its layout.</param>
    /// <param name="plan">The plan of the other.</param>
    /// <param name="toParameters">Receives the parameters.</param>
    /// <param name="toState">Receives the state.</param>
    public static void Copy(
        Plan source, ReadOnlySpan<float> parameters, ReadOnlySpan<float> state, Plan plan, Span<float> toParameters, Span<float> toState)
    {
        foreach (ParameterRange to in plan.Parameters)
        {
            foreach (ParameterRange from in source.Parameters)
            {
                if (from.Name == to.Name)
                {
                    float[] values = new float[from.Count];
                    from.CopyTo(parameters, values);
                    to.CopyFrom<float>(values, toParameters);
                }
            }
        }

        foreach (StateRange to in plan.State)
        {
            foreach (StateRange from in source.State)
            {
                if (from.Name == to.Name && !to.PerSample)
                {
                    if (state.Length < from.Offset + from.Length)
                    {
                        GraphErrors.MemoryTooSmall("state", source.StateLength, state.Length);
                    }

                    state.Slice(from.Offset, from.Length).CopyTo(toState[to.Offset..]);
                }
            }
        }
    }
}
