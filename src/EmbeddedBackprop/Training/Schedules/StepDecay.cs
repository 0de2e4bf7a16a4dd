namespace EmbeddedBackprop.Training.Schedules;

/// <summary>
/// The rate falls at the beginning of every Every-th epoch: rate * Factor * Factor * ..., once for each floor(epoch / Every), rounded at each
/// product.
/// </summary>
public sealed class StepDecay : Schedule
{
    /// <inheritdoc/>
    public override string Name => "step";

    /// <summary>Epochs from one fall to the next. 10 by default.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is not positive.</exception>
    public int Every { get; init => field = Errors.RequirePositive("every", value); } = 10;

    /// <summary>The factor of the rate. 0.1 by default.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is not positive and finite.</exception>
    public float Factor { get; init => field = Errors.RequirePositive("factor", value); } = 0.1f;

    /// <inheritdoc/>
    public override ScheduleSettings Settings => new() { Every = Every, Factor = Factor };

    /// <inheritdoc/>
    public override float Rate(float rate, ScheduleTime time)
    {
        for (long falls = time.Epoch / Every; falls > 0; falls--)
        {
            rate *= Factor;
        }

        return rate;
    }
}
