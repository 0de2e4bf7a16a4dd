namespace EmbeddedBackprop.Training;

/// <summary>Penalties on the size of weights: they change the gradient, not the reported loss.</summary>
public sealed record Regularization
{
    /// <summary>No penalty.</summary>
    public static Regularization None { get; } = new();

    /// <summary>L1: l1 * sign(w) is added to the gradient.</summary>
    public float L1 { get; init; }

    /// <summary>L2: g = M(l2, w, g). Nielsen's lambda is divided by the number of training samples: l2 = lambda / n.</summary>
    public float L2 { get; init; }

    /// <summary>Weight decay: as L2, except where the optimiser decouples it (AdamW: w = w * (1 - eta * decay)).</summary>
    public float WeightDecay { get; init; }

    /// <summary>Whether biases are penalised, too.</summary>
    public bool AllParameters { get; init; }
}
