using EmbeddedBackprop.Kernels.Threads;

namespace EmbeddedBackprop.Tests.Kernels;

/// <summary>Jobs and work ahead that tests of the pool share.</summary>
internal static class WorkerPoolJobs
{
    public const int Rounds = 10_000;

    internal readonly struct Counting : IParallelWork<int[]>
    {
        public static void Run(in int[] counts, int part, int parts)
        {
            // Parts of different length, so that threads meet at every point of a job.
            Thread.SpinWait(part % 4);
            Interlocked.Increment(ref counts[part]);
        }
    }

    /// <summary>Two parts that wait until both have begun, so that one of them runs on a worker.</summary>
    internal readonly struct Together : IParallelWork<Meeting>
    {
        public static void Run(in Meeting meeting, int part, int parts)
        {
            List<int> threads = meeting.Threads;
            lock (threads)
            {
                threads.Add(Environment.CurrentManagedThreadId);
                Monitor.PulseAll(threads);
                while (threads.Count < parts)
                {
                    Monitor.Wait(threads);
                }
            }

            if (meeting.Wastes)
            {
                meeting.Waste = new byte[1000];
            }

            if (meeting.FailsOn != 0 && meeting.FailsOn != Environment.CurrentManagedThreadId)
            {
                throw new InvalidOperationException("on a worker");
            }
        }
    }

    internal sealed class Meeting
    {
        public List<int> Threads { get; } = [];

        public int FailsOn { get; init; }

        public bool Wastes { get; init; }

        public byte[] Waste { get; set; } = [];
    }

    /// <summary>Counts how often each part is computed, and how often it should be.</summary>
    internal sealed class Tally : IAheadWork
    {
        public int[] Counts { get; } = new int[29];

        public int[] Expected { get; } = new int[29];

        public int FailsFrom { get; init; } = int.MaxValue;

        public WorkerPool? Pool { get; init; }

        public void Run(int part, int parts)
        {
            Thread.SpinWait(part % 4);
            Interlocked.Increment(ref Counts[part]);
            if (part >= FailsFrom)
            {
                throw new InvalidOperationException($"part {part}");
            }
        }

        public void Expect(int parts)
        {
            for (int part = 0; part < parts; part++)
            {
                Expected[part]++;
            }
        }
    }
}
