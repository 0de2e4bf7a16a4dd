using System.Diagnostics;

namespace EmbeddedBackprop.Benchmarks.Peers;

/// <summary>The timed call: a struct, so that the call is compiled into the timing loop. The smallest products take 30 ns.</summary>
internal interface IWork
{
    void Call();
}

/// <summary>How every peer times a call: warm up, find a number of calls that fills the time, time that many in one go.</summary>
internal static class Timing
{
    /// <returns>Seconds of one call.</returns>
    public static double OfCall<TWork>(double duration, TWork work) where TWork : struct, IWork
    {
        // After another process had the core its caches are cold: a fifth of the time goes to warming up, and tells how many calls to time.
        // Not so the very first calls, which compile or load something.
        for (int i = 0; i < 3; i++)
        {
            work.Call();
        }

        int warm = 0, next = 3;
        long began = Stopwatch.GetTimestamp();
        double seconds = 0;
        for (; seconds < duration / 5; next = warm * 2)
        {
            for (; warm < next; warm++)
            {
                work.Call();
            }

            seconds = Stopwatch.GetElapsedTime(began).TotalSeconds;
        }

        int calls = Math.Max(1, (int)(duration / (seconds / warm)));
        began = Stopwatch.GetTimestamp();
        for (int i = 0; i < calls; i++)
        {
            work.Call();
        }

        return Stopwatch.GetElapsedTime(began).TotalSeconds / calls;
    }

    /// <summary>Fills with floats in [-1, 1).</summary>
    public static void NextSamples(this Random random, Span<float> numbers)
    {
        foreach (ref float x in numbers)
        {
            x = (random.NextSingle() * 2) - 1;
        }
    }
}
