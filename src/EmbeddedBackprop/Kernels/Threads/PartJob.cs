using System.Diagnostics;
using System.Runtime.InteropServices;

namespace EmbeddedBackprop.Kernels.Threads;

/// <summary>A job in parts, which threads take one after the other; when its last part is done, the next job may begin.</summary>
/// <remarks>
/// One 64-bit ticket says everything that threads race for: the job's number, its parts, and the next part. Taking a part is one atomic addition. A
/// part that was taken holds its job open, so the job's other fields are read only while nothing writes them; a worker that comes too late gets a
/// part that does not exist, and nothing else.
/// </remarks>
internal abstract class PartJob : IDisposable
{
    /// <summary>The most parts of one job: late workers count on by one each, and a few thousand parts leave room for all of them.</summary>
    public const int MostParts = 1 << 14;

    /// <summary>How long a thread spins before it sleeps: longer than the gaps between the products of a step, shorter than anybody minds.</summary>
    private const double SpinSeconds = 50e-6;

    /// <summary>The ticket's low half: parts, then the next part.</summary>
    private const int PartBits = 16;

    // With one processor whoever waits for another thread only keeps it from working.
    private static readonly long SpinTicks = Environment.ProcessorCount == 1 ? 0 : (long)(SpinSeconds * Stopwatch.Frequency);

    private readonly AutoResetEvent finished = new(false);
    private readonly Lock failureLock = new();
    private Lines lines;
    private uint job;
    private int busy;
    private int callerSleeps;
    private int failedPart = int.MaxValue;
    private Exception? failure;

    /// <summary>A job that has no parts yet.</summary>
    // The first wait of a thread allocates: let it be now, not in some step.
    protected PartJob() => finished.WaitOne(0);

    /// <summary>The number of the last job that was published.</summary>
    public uint Number => NumberOf(Volatile.Read(ref lines.Ticket));

    /// <summary>Whether a part waits for a thread.</summary>
    public bool HasParts
    {
        get
        {
            long ticket = Volatile.Read(ref lines.Ticket);
            return PartOf(ticket) < PartsOf(ticket);
        }
    }

    /// <summary>Claims the job for the calling thread. Whoever keeps the claim ends the job for good.</summary>
    /// <returns>False if it is taken.</returns>
    public bool Claim() => Interlocked.Exchange(ref busy, 1) == 0;

    /// <summary>Makes the parts visible to other threads.</summary>
    public void Publish(int parts)
    {
        lines.Completed = 0;
        Interlocked.Exchange(ref lines.Ticket, (long)(((ulong)++job << 32) | ((ulong)parts << PartBits)));
    }

    /// <summary>Takes the next part.</summary>
    /// <returns>False if there is none left.</returns>
    public bool Take(out int part, out int parts, out uint number)
    {
        long ticket = Interlocked.Increment(ref lines.Ticket) - 1;
        part = PartOf(ticket);
        parts = PartsOf(ticket);
        number = NumberOf(ticket);
        return part < parts;
    }

    /// <summary>Computes a part that was taken.</summary>
    public void Run(int part, int parts)
    {
        try
        {
            // Parts begin in ascending order, so all parts before a failed one have begun, too: the lowest failure is always found.
            if (part < Volatile.Read(ref failedPart))
            {
                Compute(part, parts);
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

    /// <summary>Computes the parts that are left, waits until the last one is done, and gives the claim back.</summary>
    /// <returns>What the lowest of the parts that failed threw; null if none did.</returns>
    public Exception? Complete(int parts)
    {
        while (Take(out int part, out int all, out _))
        {
            Run(part, all);
        }

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

        Exception? thrown = failure;
        failure = null;
        failedPart = int.MaxValue;
        Forget();
        Volatile.Write(ref busy, 0);
        return thrown;
    }

    /// <inheritdoc/>
    public void Dispose() => finished.Dispose();

    /// <summary>Lets some time pass.</summary>
    /// <returns>False when spinning has lasted long enough.</returns>
    public static bool Spin(ref long began)
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

    /// <summary>The work of one part.</summary>
    protected abstract void Compute(int part, int parts);

    /// <summary>Lets go of what the parts worked on.</summary>
    protected virtual void Forget()
    {
    }

    private static uint NumberOf(long ticket) => (uint)((ulong)ticket >> 32);

    private static int PartOf(long ticket) => (int)(ticket & ((1 << PartBits) - 1));

    private static int PartsOf(long ticket) => (int)((ticket >> PartBits) & ((1 << PartBits) - 1));

    /// <summary>The words that threads race for have cache lines of their own: two lines, because processors fetch them in pairs.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 384)]
    private struct Lines
    {
        [FieldOffset(128)]
        public long Ticket;

        [FieldOffset(256)]
        public int Completed;
    }
}
