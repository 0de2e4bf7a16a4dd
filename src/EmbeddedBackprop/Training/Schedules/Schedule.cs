namespace EmbeddedBackprop.Training.Schedules;

/// <summary>Where training stands when a learning rate is asked for.</summary>
/// <param name="Step">Updates so far.</param>
/// <param name="StepsPerEpoch">Updates of one epoch.</param>
/// <param name="Epochs">Epochs of the whole training.</param>
public readonly record struct ScheduleTime(long Step, long StepsPerEpoch, int Epochs)
{
    /// <summary>The epoch that the step belongs to, counted from 0.</summary>
    public long Epoch => StepsPerEpoch == 0 ? 0 : Step / StepsPerEpoch;

    /// <summary>Updates of the whole training.</summary>
    public long Steps => StepsPerEpoch * Epochs;
}

/// <summary>How the learning rate changes in the course of training.</summary>
public abstract class Schedule
{
    /// <summary>The name in tables and model files.</summary>
    public abstract string Name { get; }

    /// <summary>The learning rate of a step.</summary>
    /// <param name="rate">The learning rate that the user gave.</param>
    /// <param name="time">Where training stands.</param>
    public abstract float Rate(float rate, ScheduleTime time);
}
