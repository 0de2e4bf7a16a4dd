namespace EmbeddedBackprop.Tests.Support;

/// <summary>Counts the bytes that a piece of code allocates on this thread.</summary>
internal static class Allocations
{
    /// <summary>Bytes that the action allocates in the given number of runs, after enough runs to have everything compiled and made.</summary>
    public static long Of(int runs, Action action)
    {
        for (int i = 0; i < 5; i++)
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
}
