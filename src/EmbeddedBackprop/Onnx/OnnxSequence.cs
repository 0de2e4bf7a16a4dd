using EmbeddedBackprop.Graphs;

namespace EmbeddedBackprop.Onnx;

/// <summary>A recurrent layer whose steps have not been asked for: one that is read at its last step alone computes nothing else.</summary>
/// <param name="apply">Applies the layer, for all steps or the last one.</param>
/// <param name="isBidirectional">Whether the sequence is read from its end as well.</param>
internal sealed class OnnxSequence(Func<bool, Node> apply, bool isBidirectional)
{
    private Node? all;

    /// <summary>Whether several nodes read the steps; then all of them are computed.</summary>
    public bool IsShared { get; set; }

    /// <summary>Whether the sequence is read from its end as well; then the last step is not where both directions end.</summary>
    public bool IsBidirectional { get; } = isBidirectional;

    /// <summary>All steps, [steps, directions x units].</summary>
    public Node All => all ??= apply(true);

    /// <summary>Where each direction ends, by a layer that keeps nothing else: for a sequence whose steps nobody reads.</summary>
    public Node Last() => apply(false);
}
