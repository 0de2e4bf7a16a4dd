namespace EmbeddedBackprop.Training.Schedules;

/// <summary>The same rate throughout.</summary>
public sealed class Constant : Schedule
{
    /// <inheritdoc/>
    public override string Name => "constant";

    /// <inheritdoc/>
    public override float Rate(float rate, ScheduleTime time) => rate;
}
