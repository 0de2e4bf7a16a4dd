namespace EmbeddedBackprop.Optimizers;

/// <summary>
/// The settings of any optimiser, as they come from a command line or a model file; null means the optimiser's default, and an optimiser ignores
/// settings it does not have.
/// </summary>
public sealed record OptimizerSettings
{
    /// <summary>Share of the velocity that is kept (momentum, nesterov).</summary>
    public float? Momentum { get; init; }

    /// <summary>Share of the mean square that is kept (rmsprop).</summary>
    public float? Alpha { get; init; }

    /// <summary>Share of the mean gradient that is kept (adam, adamw).</summary>
    public float? Beta1 { get; init; }

    /// <summary>Share of the mean square that is kept (adam, adamw).</summary>
    public float? Beta2 { get; init; }

    /// <summary>Keeps divisors away from 0 (adagrad, rmsprop, adam, adamw).</summary>
    public float? Epsilon { get; init; }

    /// <summary>The factor of a step when the gradient's sign turned (rprop).</summary>
    public float? Decrease { get; init; }

    /// <summary>The factor of a step while the gradient's sign stays (rprop).</summary>
    public float? Increase { get; init; }

    /// <summary>The smallest step (rprop).</summary>
    public float? SmallestStep { get; init; }

    /// <summary>The largest step (rprop).</summary>
    public float? LargestStep { get; init; }
}
