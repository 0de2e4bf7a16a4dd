using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Training.Schedules;

/// <summary>
/// The rate of another schedule, which rises to it in equal parts at first: then(rate, time) * ((step + 1) / Steps) while step + 1 &lt; Steps,
/// then(rate, time) afterwards. The other schedule's time begins with the training, not after the rise.
/// </summary>
public sealed class WarmUp : Schedule
{
    /// <inheritdoc/>
    public override string Name => "warm-up";

    /// <summary>Updates until the full rate is reached. 1000 by default.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is not positive.</exception>
    public int Steps { get; init => field = Errors.RequirePositive("warm-up steps", value); } = 1000;

    /// <summary>The other schedule; a constant rate by default.</summary>
    /// <exception cref="ArgumentException">The other schedule is a warm-up itself.</exception>
    public Schedule Then
    {
        get;
        init
        {
            ArgumentNullException.ThrowIfNull(value);
            if (value is WarmUp)
            {
                TrainingErrors.WarmUpTwice();
            }

            field = value;
        }
    } = new Constant();

    /// <inheritdoc/>
    public override int Patience => Then.Patience;

    /// <inheritdoc/>
    public override ScheduleSettings Settings => Then.Settings with { WarmUpSteps = Steps, Then = Then.Name };

    /// <inheritdoc/>
    public override float Rate(float rate, ScheduleTime time)
    {
        float full = Then.Rate(rate, time);
        return time.Step + 1 < Steps ? Rising<Lane<Separate>>(new(full), new(time.Step + 1), new(Steps)).Value : full;
    }

    /// <summary>The rate after so many updates of the rise.</summary>
    internal static T Rising<T>(T full, T updates, T steps) where T : struct, ILanes<T> => full * (updates / steps);
}
