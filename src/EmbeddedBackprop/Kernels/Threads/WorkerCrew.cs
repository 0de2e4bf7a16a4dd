using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;

namespace EmbeddedBackprop.Kernels.Threads;

/// <summary>The threads of a <see cref="WorkerPool"/>, the job they share, and the work that they do ahead when there is no such job.</summary>
internal sealed unsafe class WorkerCrew : IDisposable
{
    private readonly Worker[] workers;
    private readonly SharedJob shared = new();
    private readonly AheadJob ahead = new();
    private volatile bool stopping;

    /// <summary>Starts the workers.</summary>
    public WorkerCrew(int count)
    {
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

    /// <summary>Parts of shared jobs that workers have computed.</summary>
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

    /// <summary>Parts that workers have computed ahead.</summary>
    public long AheadPartsByWorkers
    {
        get
        {
            long sum = 0;
            foreach (Worker worker in workers)
            {
                sum += Volatile.Read(ref worker.AheadPartsDone);
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
        if (parts > PartJob.MostParts || parts <= 1 || workers.Length == 0 || !shared.Claim())
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
        shared.Prepare(&Part<TWork, TArguments>, Unsafe.AsPointer(ref copy));
        shared.Publish(parts);
        Wake();
        if (shared.Complete(parts) is { } thrown)
        {
            ExceptionDispatchInfo.Throw(thrown);
        }
    }

    /// <summary>Offers work for later to workers that have nothing else to do; see <see cref="WorkerPool.BeginAhead"/>.</summary>
    public bool BeginAhead(IAheadWork work, int parts)
    {
        if (workers.Length == 0 || !ahead.Claim())
        {
            return false;
        }

        ahead.Work = work;
        ahead.Publish(parts);
        Wake();
        return true;
    }

    /// <summary>Does what is left of that work; see <see cref="WorkerPool.EndAhead"/>.</summary>
    public Exception? EndAhead(int parts) => ahead.Complete(parts);

    /// <summary>Tells the workers to end; later jobs are run by their callers.</summary>
    public void Stop()
    {
        if (stopping)
        {
            return;
        }

        // Jobs that are under way are finished first. Whoever stops the crew keeps both for good.
        while (!shared.Claim())
        {
            if (stopping)
            {
                return;
            }

            Thread.Yield();
        }

        while (!ahead.Claim())
        {
            Thread.Yield();
        }

        stopping = true;
        shared.Publish(0);
        Wake();
    }

    /// <summary>Stops the workers and waits until all have ended.</summary>
    public void Dispose()
    {
        Stop();
        foreach (Worker worker in workers)
        {
            worker.Dispose();
        }

        shared.Dispose();
        ahead.Dispose();
    }

    private static void Part<TWork, TArguments>(void* arguments, int part, int parts)
        where TWork : struct, IParallelWork<TArguments>
        where TArguments : allows ref struct =>
        TWork.Run(in Unsafe.AsRef<TArguments>(arguments), part, parts);

    /// <summary>Wakes the workers that sleep.</summary>
    private void Wake()
    {
        foreach (Worker worker in workers)
        {
            worker.Wake();
        }
    }

    /// <summary>Whether a worker that has seen a job has nothing to do.</summary>
    private bool IsIdle(uint seen) => shared.Number == seen && !ahead.HasParts;

    private void Work(Worker self)
    {
        uint seen = 0;
        self.PrepareSleep();
        long allocatedBefore = GC.GetAllocatedBytesForCurrentThread();

        // Asked after each job: a worker that has seen the number of the last job, which has no parts, has seen this, too.
        while (!stopping)
        {
            long began = 0;
            while (IsIdle(seen))
            {
                if (!PartJob.Spin(ref began))
                {
                    self.Sleep(seen);
                }
            }

            if (shared.Number != seen)
            {
                while (shared.Take(out int part, out int parts, out seen))
                {
                    shared.Run(part, parts);
                    self.PartsDone++;
                }
            }
            else if (ahead.Take(out int part, out int parts, out _))
            {
                // One part at a time: a shared job, for which somebody waits, comes first.
                ahead.Run(part, parts);
                self.AheadPartsDone++;
            }

            Volatile.Write(ref self.AllocatedBytes, GC.GetAllocatedBytesForCurrentThread() - allocatedBefore);
        }
    }

    /// <summary>The job that the threads share out.</summary>
    private sealed class SharedJob : PartJob
    {
        private delegate*<void*, int, int, void> body;
        private void* arguments;

        public void Prepare(delegate*<void*, int, int, void> body, void* arguments)
        {
            this.body = body;
            this.arguments = arguments;
        }

        protected override void Compute(int part, int parts) => body(arguments, part, parts);
    }

    /// <summary>The work that is done ahead.</summary>
    private sealed class AheadJob : PartJob
    {
        public IAheadWork? Work { get; set; }

        protected override void Compute(int part, int parts) => Work!.Run(part, parts);

        // The work may hold the pool, and a pool that a thread holds is never collected.
        protected override void Forget() => Work = null;
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

        /// <summary>How many parts of shared jobs the thread has computed; written by the thread.</summary>
        public long PartsDone;

        /// <summary>How many parts the thread has computed ahead; written by the thread.</summary>
        public long AheadPartsDone;

        public bool IsAlive => thread.IsAlive;

        /// <summary>A worker belongs to no caller: it takes no culture or other context of the thread that starts it.</summary>
        public void Start() => thread.UnsafeStart(this);

        /// <summary>The first wait of a thread allocates: done before the first job, while nothing wakes this thread.</summary>
        public void PrepareSleep() => wake.WaitOne(0);

        /// <summary>
        /// Sleeps until there is another job than the one seen, or work to do ahead. Announced first, then looked once more, so that no wake-up is
        /// lost.
        /// </summary>
        public void Sleep(uint seen)
        {
            Interlocked.Exchange(ref sleeps, 1);
            if (crew.IsIdle(seen) || Interlocked.Exchange(ref sleeps, 0) == 0)
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
