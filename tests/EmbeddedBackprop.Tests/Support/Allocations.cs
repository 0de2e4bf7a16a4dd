namespace EmbeddedBackprop.Tests.Support;

/// <summary>Counts the bytes that a piece of code allocates on this thread.</summary>
/// <remarks>
/// With background collections the runtime's counter is not exact: one that any thread causes also counts the unused rest of this thread's allocation
/// buffer, up to 8 KB. All programs here therefore run without them (Directory.Build.props).
/// </remarks>
internal static class Allocations
{
    /// <summary>Bytes that the action allocates in the given number of runs, after enough runs to have everything compiled and made.</summary>
    /// <param name="runs">The runs that are counted.</param>
    /// <param name="action">Does the same whenever it runs.</param>
    /// <param name="warmUp">The runs before them.</param>
    public static long Of(int runs, Action action, int warmUp = 5)
    {
        for (int i = 0; i < warmUp; i++)
        {
            action();
        }

        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < runs; i++)
        {
            action();
        }

        return GC.GetAllocatedBytesForCurrentThread() - before;
    }

    /// <summary>
    /// Bytes that worker threads allocate in a piece of work. A worker writes its count down after its last part, and nothing says when it has; on a
    /// busy machine that can be in the next round. So the least of several rounds counts: who allocates does so in every round.
    /// </summary>
    /// <param name="count">What the workers have allocated so far.</param>
    /// <param name="work">Does the same whenever it runs.</param>
    public static long OfWorkers(Func<long> count, Action work)
    {
        long least = long.MaxValue;
        for (int round = 0; round < 20 && least != 0; round++)
        {
            Thread.Sleep(10);
            long before = count();
            work();
            Thread.Sleep(10);
            least = Math.Min(least, count() - before);
        }

        return least;
    }
}
