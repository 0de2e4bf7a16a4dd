using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Quantization;

/// <summary>Copies what a network has learned into one that is made of it.</summary>
internal static class NetworkValues
{
    /// <summary>
    /// Copies parameters, the optimiser's memory of them and state, by their names, between networks of one layout; what only one of them has stays.
    /// </summary>
    public static void Copy(Network source, Network target)
    {
        Dictionary<string, ParameterRange> ranges = new(StringComparer.Ordinal);
        foreach (ref readonly ParameterRange range in source.InferencePlan.Parameters)
        {
            ranges.Add(range.Name, range);
        }

        bool trains = source.Loss is not null && target.Loss is not null;
        int arrays = trains ? target.Options.Optimizer.StateArrays : 0;
        foreach (ref readonly ParameterRange range in target.InferencePlan.Parameters)
        {
            if (!ranges.TryGetValue(range.Name, out ParameterRange from))
            {
                continue;
            }

            source.BorrowParameters().Slice(from.Offset, from.Length).CopyTo(target.BorrowParameters()[range.Offset..]);
            for (int i = 0; i < arrays; i++)
            {
                Span<float> moments = target.OptimizerState[(i * target.InferencePlan.ParameterLength)..];
                source.OptimizerState.Slice((i * source.InferencePlan.ParameterLength) + from.Offset, from.Length).CopyTo(moments[range.Offset..]);
            }
        }

        if (trains)
        {
            source.OptimizerState[(arrays * source.InferencePlan.ParameterLength)..]
                .CopyTo(target.OptimizerState[(arrays * target.InferencePlan.ParameterLength)..]);
        }

        CopyState(source, target);
    }

    private static void CopyState(Network source, Network target)
    {
        Dictionary<string, StateRange> ranges = new(StringComparer.Ordinal);
        foreach (ref readonly StateRange range in source.InferencePlan.State)
        {
            ranges.Add(range.Name, range);
        }

        foreach (ref readonly StateRange range in target.InferencePlan.State)
        {
            if (!range.PerSample && ranges.TryGetValue(range.Name, out StateRange from))
            {
                source.BorrowState().Slice(from.Offset, from.Count).CopyTo(target.BorrowState()[range.Offset..]);
            }
        }
    }
}
