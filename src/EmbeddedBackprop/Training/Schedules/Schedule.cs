namespace EmbeddedBackprop.Training.Schedules;

/// <summary>The progress of training when a learning rate is asked for.</summary>
/// <param name="Step">Updates so far.</param>
/// <param name="StepsPerEpoch">Updates of one epoch.</param>
/// <param name="Epochs">Epochs of the whole training.</param>
public readonly record struct ScheduleTime(long Step, long StepsPerEpoch, int Epochs)
{
    /// <summary>The epoch that the step belongs to, counted from 0.</summary>
    public long Epoch => StepsPerEpoch == 0 ? 0 : Step / StepsPerEpoch;

    /// <summary>How often the validation score did not improve for as many epochs as the schedule's <see cref="Schedule.Patience"/>.</summary>
    public int Reductions { get; init; }

    /// <summary>Updates of the whole training.</summary>
    public long Steps => StepsPerEpoch * Epochs;
}

/// <summary>How the learning rate changes in the course of training: it is asked for at every step.</summary>
public abstract class Schedule
{
    /// <summary>The name in tables and model files.</summary>
    public abstract string Name { get; }

    /// <summary>Its settings, for the model file: <c>Registry.Schedule(Name, Settings)</c> makes its like.</summary>
    public virtual ScheduleSettings Settings => new();

    /// <summary>
    /// Epochs without a better validation score after which the trainer counts one more of <see cref="ScheduleTime.Reductions"/>; 0 for a schedule
    /// that does not look.
    /// </summary>
    public virtual int Patience => 0;

    /// <summary>The learning rate of a step: a function of its arguments alone, of operations that every machine rounds in the same way.</summary>
    /// <param name="rate">The learning rate that the user gave.</param>
    /// <param name="time">The progress of training.</param>
    public abstract float Rate(float rate, ScheduleTime time);
}
