using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Kernels.Random;

namespace EmbeddedBackprop.Training.Schedules;

/// <summary>
/// The rate falls along half a cosine, slowly at both ends, from the rate given to Floor: Floor + (rate - Floor) * (0.5 * (1 + cos(pi * step /
/// steps))), where the angle is a whole number of 2^-24 turns, rounded down. Source: Loshchilov and Hutter 2017 (SGDR), without restarts.
/// </summary>
public sealed class Cosine : Schedule
{
    private const long HalfTurn = 1 << 23;

    /// <inheritdoc/>
    public override string Name => "cosine";

    /// <summary>The rate after the last step; 0 by default.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is negative or not finite.</exception>
    public float Floor { get; init => field = Errors.RequireNotNegative("floor", value); }

    /// <inheritdoc/>
    public override ScheduleSettings Settings => new() { Floor = Floor };

    /// <inheritdoc/>
    public override float Rate(float rate, ScheduleTime time)
    {
        long turns = time.Steps == 0 ? 0 : (long)((Int128)HalfTurn * Math.Min(time.Step, time.Steps) / time.Steps);
        UnitCircle.At((uint)turns, out float cosine, out _);
        return Falling<Lane<Separate>>(new(rate), new(Floor), new(cosine)).Value;
    }

    /// <summary>Floor + (rate - Floor) * (1 + cosine) / 2.</summary>
    internal static T Falling<T>(T rate, T floor, T cosine) where T : struct, ILanes<T> =>
        T.MultiplyAdd(rate - floor, T.Constant(0.5) * (T.One + cosine), floor);
}
