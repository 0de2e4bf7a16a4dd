using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Training.Schedules;

/// <summary>
/// The rate falls a little at every step, by Factor over one epoch: rate * exp(log(Factor) * (step / steps per epoch)), by the engine's own exp and
/// log in separate arithmetic: the same bits on every machine and for both arithmetics of the model.
/// </summary>
public sealed class Exponential : Schedule
{
    /// <inheritdoc/>
    public override string Name => "exponential";

    /// <summary>The factor of the rate over an epoch. 0.95 by default.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is not positive and finite.</exception>
    public float Factor { get; init => field = Errors.RequirePositive("factor", value); } = 0.95f;

    /// <inheritdoc/>
    public override ScheduleSettings Settings => new() { Factor = Factor };

    /// <inheritdoc/>
    public override float Rate(float rate, ScheduleTime time)
    {
        float epochs = time.StepsPerEpoch == 0 ? 0f : (float)((double)time.Step / time.StepsPerEpoch);
        return Falling<Lane<Separate>>(new(rate), Lane<Separate>.Log(new(Factor)), new(epochs)).Value;
    }

    /// <summary>rate * e^(log(Factor) * epochs).</summary>
    internal static T Falling<T>(T rate, T logFactor, T epochs) where T : struct, ILanes<T> => rate * T.Exp(logFactor * epochs);
}
