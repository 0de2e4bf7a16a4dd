namespace EmbeddedBackprop.Training.Schedules;

/// <summary>
/// The rate falls when validation stops getting better: rate * Factor * Factor * ..., once for each time that Patience epochs in a row were no better
/// than the best before them, rounded at each product, and not below Floor. Source: Nielsen, chapter 3 (variable learning rate schedules); Keras'
/// ReduceLROnPlateau.
/// </summary>
/// <remarks>
/// The falls are counted by <see cref="Trainer.Judge"/>, by the score that early stopping uses; count and score are part of the checkpoint. A trainer
/// that is never given a validation result keeps its rate.
/// </remarks>
public sealed class Plateau : Schedule
{
    /// <inheritdoc/>
    public override string Name => "plateau";

    /// <summary>Epochs in a row without a better score that make the rate fall. 10 by default.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is not positive.</exception>
    public int Epochs { get; init => field = Errors.RequirePositive("epochs without improvement", value); } = 10;

    /// <summary>The factor of the rate. 0.5 by default.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is not positive and finite.</exception>
    public float Factor { get; init => field = Errors.RequirePositive("factor", value); } = 0.5f;

    /// <summary>The rate does not fall below this one; 0 by default.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is negative or not finite.</exception>
    public float Floor { get; init => field = Errors.RequireNotNegative("floor", value); }

    /// <inheritdoc/>
    public override int Patience => Epochs;

    /// <inheritdoc/>
    public override ScheduleSettings Settings => new() { Every = Epochs, Factor = Factor, Floor = Floor };

    /// <inheritdoc/>
    public override float Rate(float rate, ScheduleTime time)
    {
        float floor = rate > Floor ? Floor : rate;
        for (int falls = time.Reductions; falls > 0; falls--)
        {
            rate *= Factor;
        }

        return rate > floor ? rate : floor;
    }
}
