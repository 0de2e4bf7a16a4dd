namespace EmbeddedBackprop.Training.Schedules;

/// <summary>
/// The settings of any schedule, as they come from a command line or a model file; null means the schedule's default, and a schedule ignores settings
/// it does not have.
/// </summary>
public sealed record ScheduleSettings
{
    /// <summary>Epochs from one fall to the next (step), or without improvement that make the rate fall (plateau).</summary>
    public int? Every { get; init; }

    /// <summary>The factor of the rate at a fall (step, plateau) or over an epoch (exponential).</summary>
    public float? Factor { get; init; }

    /// <summary>The rate after the last step (cosine), or the lowest one (plateau).</summary>
    public float? Floor { get; init; }

    /// <summary>Updates until the full rate is reached (warm-up).</summary>
    public int? WarmUpSteps { get; init; }

    /// <summary>The name of the schedule that rises (warm-up).</summary>
    public string? Then { get; init; }
}
