using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using EmbeddedBackprop.Kernels.Elements;

namespace EmbeddedBackprop.Kernels.Threads;

/// <summary>The threads of a <see cref="WorkerPool"/> and the job they share.</summary>
/// <remarks>
/// One 64-bit ticket says everything that threads race for: the job's number, its parts, and the next part. Taking a part is one atomic addition. A
/// part that was taken holds its job open, so the job's other fields are read only while nothing writes them; a worker that comes too late gets a
/// part that does not exist, and nothing else.
/// </remarks>
internal sealed unsafe class WorkerCrew : IDisposable
{
    /// <summary>How long a thread spins before it sleeps: longer than the gaps between the products of a step, shorter than anybody minds.</summary>
    private const double SpinSeconds = 50e-6;

    /// <summary>
    /// The ticket's low half: parts, then the next part. Late workers count on by one each, so a few thousand parts leave room for all of them.
    /// </summary>
    private const int PartBits = 16, MostParts = 1 << 14;

    // With one processor whoever waits for another thread only keeps it from working.
    private static readonly long SpinTicks = Environment.ProcessorCount == 1 ? 0 : (long)(SpinSeconds * Stopwatch.Frequency);

    private readonly Worker[] workers;
    private readonly AutoResetEvent finished = new(false);
    private readonly Lock failureLock = new();
    private Lines lines;
    private delegate*<void*, int, int, void> body;
    private void* arguments;
    private uint job;
    private int busy;
    private int callerSleeps;
    private int failedPart = int.MaxValue;
    private Exception? failure;
    private volatile bool stopping;

    /// <summary>Starts the workers.</summary>
    public WorkerCrew(int count)
    {
        // The first wait of a thread allocates: let it be now, not in some step.
        finished.WaitOne(0);
        workers = new Worker[count];
        for (int i = 0; i < count; i++)
        {
            workers[i] = new Worker(this);
        }

        try
        {
            foreach (Worker worker in workers)
            {
                worker.Start();
            }
        }
        catch
        {
            Stop();
            throw;
        }
    }

    /// <summary>Bytes that the workers have allocated, by their own count after each job.</summary>
    public long AllocatedBytes
    {
        get
        {
            long sum = 0;
            foreach (Worker worker in workers)
            {
                sum += Volatile.Read(ref worker.AllocatedBytes);
            }

            return sum;
        }
    }

    /// <summary>Parts that workers have computed.</summary>
    public long PartsByWorkers
    {
        get
        {
            long sum = 0;
            foreach (Worker worker in workers)
            {
                sum += Volatile.Read(ref worker.PartsDone);
            }

            return sum;
        }
    }

    /// <summary>Workers that have not ended.</summary>
    public int Alive
    {
        get
        {
            int alive = 0;
            foreach (Worker worker in workers)
            {
                alive += worker.IsAlive ? 1 : 0;
            }

            return alive;
        }
    }

    /// <summary>Shares out one job; see <see cref="WorkerPool.Run"/>.</summary>
    public void Run<TWork, TArguments>(int parts, in TArguments given)
        where TWork : struct, IParallelWork<TArguments>
        where TArguments : allows ref struct
    {
        // Taken: by a job of another thread, by the job that this call is part of, or for ever by Stop.
        if (parts > MostParts || parts <= 1 || workers.Length == 0 || Interlocked.Exchange(ref busy, 1) != 0)
        {
            for (int part = 0; part < parts; part++)
            {
                TWork.Run(in given, part, parts);
            }

            return;
        }

        // The workers read this copy through its address. It stays on this thread's stack, where the collector keeps its references up to date, until
        // the last part is done.
        TArguments copy = given;
        arguments = Unsafe.AsPointer(ref copy);
        body = &Part<TWork, TArguments>;
        lines.Completed = 0;
        Publish(parts);
        while (Take(out int part, out int all, out _))
        {
            RunPart(part, all);
        }

        WaitForCompletion(parts);
        Exception? thrown = failure;
        failure = null;
        failedPart = int.MaxValue;
        Volatile.Write(ref busy, 0);
        if (thrown is not null)
        {
            ExceptionDispatchInfo.Throw(thrown);
        }
    }

    /// <summary>Tells the workers to end; later jobs are run by their callers.</summary>
    public void Stop()
    {
        if (stopping)
        {
            return;
        }

        // A job that is under way is finished first. Whoever stops the crew keeps it busy for good.
        while (Interlocked.Exchange(ref busy, 1) != 0)
        {
            if (stopping)
            {
                return;
            }

            Thread.Yield();
        }

        stopping = true;
        Publish(0);
    }

    /// <summary>Stops the workers and waits until all have ended.</summary>
    public void Dispose()
    {
        Stop();
        foreach (Worker worker in workers)
        {
            worker.Dispose();
        }

        finished.Dispose();
    }

    private static void Part<TWork, TArguments>(void* arguments, int part, int parts)
        where TWork : struct, IParallelWork<TArguments>
        where TArguments : allows ref struct =>
        TWork.Run(in Unsafe.AsRef<TArguments>(arguments), part, parts);

    private static uint JobOf(long ticket) => (uint)((ulong)ticket >> 32);

    /// <summary>Makes a new job visible and wakes the sleeping workers.</summary>
    private void Publish(int parts)
    {
        Interlocked.Exchange(ref lines.Ticket, (long)(((ulong)++job << 32) | ((ulong)parts << PartBits)));
        foreach (Worker worker in workers)
        {
            worker.Wake();
        }
    }

    private bool Take(out int part, out int parts, out uint of)
    {
        long ticket = Interlocked.Increment(ref lines.Ticket) - 1;
        part = (int)(ticket & ((1 << PartBits) - 1));
        parts = (int)((ticket >> PartBits) & ((1 << PartBits) - 1));
        of = JobOf(ticket);
        return part < parts;
    }

    private void RunPart(int part, int parts)
    {
        try
        {
            // Parts begin in ascending order, so all parts before a failed one have begun, too: the lowest failure is always found.
            if (part < Volatile.Read(ref failedPart))
            {
                body(arguments, part, parts);
            }
        }
        catch (Exception exception)
        {
            lock (failureLock)
            {
                if (part < failedPart)
                {
                    failedPart = part;
                    failure = exception;
                }
            }
        }

        if (
            Interlocked.Increment(ref lines.Completed) == parts
            && Volatile.Read(ref callerSleeps) != 0
            && Interlocked.Exchange(ref callerSleeps, 0) != 0)
        {
            finished.Set();
        }
    }

    private void WaitForCompletion(int parts)
    {
        long began = 0;
        while (Volatile.Read(ref lines.Completed) != parts)
        {
            if (Spin(ref began))
            {
                continue;
            }

            // Announce the sleep, then look once more: either the last worker sees the announcement, or this thread sees its count.
            Interlocked.Exchange(ref callerSleeps, 1);
            if (Volatile.Read(ref lines.Completed) != parts || Interlocked.Exchange(ref callerSleeps, 0) == 0)
            {
                finished.WaitOne();
            }
        }
    }

    private void Work(Worker self)
    {
        uint seen = 0;
        self.PrepareSleep();
        long allocatedBefore = GC.GetAllocatedBytesForCurrentThread();

        // Asked after each job: a worker that has seen the number of the last job, which has no parts, has seen this, too.
        while (!stopping)
        {
            long began = 0;
            while (JobOf(Volatile.Read(ref lines.Ticket)) == seen)
            {
                if (!Spin(ref began))
                {
                    self.Sleep(seen);
                }
            }

            while (Take(out int part, out int parts, out seen))
            {
                RunPart(part, parts);
                self.PartsDone++;
            }

            Volatile.Write(ref self.AllocatedBytes, GC.GetAllocatedBytesForCurrentThread() - allocatedBefore);
        }
    }

    /// <summary>Lets some time pass.</summary>
    /// <returns>False when spinning has lasted long enough.</returns>
    private static bool Spin(ref long began)
    {
        long now = Stopwatch.GetTimestamp();
        if (began == 0)
        {
            began = now;
        }
        else if (now - began >= SpinTicks)
        {
            return false;
        }

        Thread.SpinWait(1);
        return true;
    }

    /// <summary>The words that threads race for have cache lines of their own: two lines, because processors fetch them in pairs.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 384)]
    private struct Lines
    {
        [FieldOffset(128)]
        public long Ticket;

        [FieldOffset(256)]
        public int Completed;
    }

    /// <summary>One thread and the event it sleeps on.</summary>
    private sealed class Worker : IDisposable
    {
        private readonly WorkerCrew crew;
        private readonly Thread thread;
        private readonly AutoResetEvent wake = new(false);
        private int sleeps;

        public Worker(WorkerCrew crew)
        {
            this.crew = crew;

            // A background thread never keeps a process from ending.
            thread = new Thread(static self => ((Worker)self!).crew.Work((Worker)self)) { IsBackground = true, Name = "EmbeddedBackprop worker" };
        }

        /// <summary>The bytes that the thread has allocated; written by the thread.</summary>
        public long AllocatedBytes;

        /// <summary>How many parts the thread has computed; written by the thread.</summary>
        public long PartsDone;

        public bool IsAlive => thread.IsAlive;

        public void Start() => thread.Start(this);

        /// <summary>The first wait of a thread allocates: done before the first job, while nothing wakes this thread.</summary>
        public void PrepareSleep() => wake.WaitOne(0);

        /// <summary>
        /// Sleeps until there is another job than the one seen. Announced first, then looked once more, so that no wake-up is lost.
        /// </summary>
        public void Sleep(uint seen)
        {
            Interlocked.Exchange(ref sleeps, 1);
            if (JobOf(Volatile.Read(ref crew.lines.Ticket)) == seen || Interlocked.Exchange(ref sleeps, 0) == 0)
            {
                wake.WaitOne();
            }
        }

        public void Wake()
        {
            if (Volatile.Read(ref sleeps) != 0 && Interlocked.Exchange(ref sleeps, 0) != 0)
            {
                wake.Set();
            }
        }

        /// <summary>Waits for the end of the thread, which was told to stop.</summary>
        public void Dispose()
        {
            thread.Join();
            wake.Dispose();
        }
    }
}
