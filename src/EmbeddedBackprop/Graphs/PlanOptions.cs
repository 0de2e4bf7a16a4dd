using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Graphs;

/// <summary>How a graph is compiled.</summary>
public sealed record PlanOptions
{
    /// <summary>The most samples of one run.</summary>
    public int Batch { get; init; } = 1;

    /// <summary>The model's arithmetic: fused unless the target has no fused multiply-add.</summary>
    public Arithmetic Arithmetic { get; init; } = Arithmetic.Fused;

    /// <summary>Padded rows for speed, compact rows for small memories.</summary>
    public Layout Layout { get; init; } = Layout.Padded;

    /// <summary>Whether the gradients of the graph's inputs are wanted, too.</summary>
    public bool InputGradients { get; init; }

    /// <summary>
    /// Whether the graph's inputs and outputs stand in memory of the caller's own instead of the workspace, as in the exported C, which reads its input
    /// by reference. Such a plan is printed and exported; it cannot be run.
    /// </summary>
    public bool EndsByReference { get; init; }
}
