using EmbeddedBackprop.Graphs;

namespace EmbeddedBackprop.Tools.Recipes;

/// <summary>The bytes of a prediction on a device, by a compact plan of one sample.</summary>
internal static class Cost
{
    /// <summary>Floats that are not trained but stored with the weights: running statistics.</summary>
    public static long KeptNumbers(Plan plan) => plan.State.ToArray().Sum(range => range.PerSample ? 0L : range.Count);

    /// <summary>Weights and running statistics.</summary>
    public static long Flash(Plan plan) => 4L * (plan.ParameterLength + KeptNumbers(plan));

    /// <summary>Activations, and the state that recurrent layers carry from call to call.</summary>
    public static long Ram(Plan plan) => 4L * (plan.WorkspaceLength + plan.State.ToArray().Sum(range => range.PerSample ? (long)range.Count : 0L));
}
