namespace EmbeddedBackprop.Losses;

/// <summary>The settings of any loss, as they come from a command line or a model file; null means the loss's default.</summary>
public sealed record LossSettings
{
    /// <summary>The share of the target that is spread over all classes (the cross-entropies).</summary>
    public float? LabelSmoothing { get; init; }

    /// <summary>The weight of each class's samples; null for 1 each.</summary>
    public IReadOnlyList<float>? ClassWeights { get; init; }

    /// <summary>The loss's factor in the sum of all losses.</summary>
    public float? Weight { get; init; }
}
