using System.Runtime.CompilerServices;
using EmbeddedBackprop.Kernels.Elements;

namespace EmbeddedBackprop.Kernels.Threads;

/// <summary>
/// A few threads that wait for work: made once, after that nothing is allocated. The calling thread is one of them.
/// </summary>
/// <remarks>
/// A network lends its pool to the kernels that it calls (<see cref="Lend"/>); a kernel with enough to do asks for <see cref="Current"/> and shares
/// out blocks of its results. Whoever is free takes the next part, so a pool whose workers get no processor is slow at worst: the caller computes
/// everything. The workers know the crew only, not the pool: a pool that was forgotten instead of disposed is collected, and its threads end.
/// </remarks>
internal sealed class WorkerPool : IDisposable
{
    /// <summary>More threads than this are a mistake, not a wish.</summary>
    public const int MaximumThreads = 256;

    /// <summary>The cost of an element-wise result, in multiply-adds of a product: memory decides it.</summary>
    public const int ElementWork = 16;

    /// <summary>A worker that something else holds up leaves its second part to the others.</summary>
    public const int PartsPerThread = 2;

    [ThreadStatic]
    private static WorkerPool? current;

    private readonly WorkerCrew crew;

    /// <summary>Starts threads - 1 workers.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The number of threads is not from 1 to <see cref="MaximumThreads"/>.</exception>
    public WorkerPool(int threads)
    {
        if (threads is < 1 or > MaximumThreads)
        {
            Errors.OutOfRange(nameof(threads), threads, $"1 to {MaximumThreads}");
        }

        Threads = threads;
        crew = new WorkerCrew(threads - 1);
    }

    /// <summary>Threads whose owner did not dispose of them must not wait for ever.</summary>
    ~WorkerPool() => crew?.Stop();

    /// <summary>
    /// The pool that the running network has lent to its kernels; null on workers and inside a part, so that work is never shared out twice.
    /// </summary>
    public static WorkerPool? Current
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => current;
    }

    /// <summary>Threads that compute, the caller's among them.</summary>
    public int Threads { get; }

    /// <summary>
    /// Multiply-adds below which a kernel is not shared out: 4 us of one core, some ten times what it costs to share. Settable for tests, which share
    /// everything.
    /// </summary>
    public long MinimumWork { get; set; } = 1 << 19;

    /// <summary>The workers themselves.</summary>
    internal WorkerCrew Crew => crew;

    /// <summary>Bytes that the workers have allocated since they were started.</summary>
    public long AllocatedBytes => crew.AllocatedBytes;

    /// <summary>Parts of shared jobs that workers, not the caller, have computed.</summary>
    public long PartsByWorkers => crew.PartsByWorkers;

    /// <summary>Parts of work for later that workers, not the caller, have computed.</summary>
    public long AheadPartsByWorkers => crew.AheadPartsByWorkers;

    /// <summary>Makes the pool the current one of this thread until the loan is disposed of. Null is no pool.</summary>
    public static Loan Lend(WorkerPool? pool)
    {
        Loan loan = new(current);
        current = pool;
        return loan;
    }

    /// <summary>In how many parts to share out work of a given size that falls into so many indivisible units; 1 where it does not pay.</summary>
    public int PartCount(long work, long units)
    {
        if (work < MinimumWork || Threads == 1)
        {
            return 1;
        }

        long worthwhile = Math.Min(units, work / Math.Max(1, MinimumWork / 2));
        return (int)Math.Clamp(worthwhile, 1, PartsPerThread * Threads);
    }

    /// <summary>Runs all parts and returns when the last one is done. Parts begin in ascending order.</summary>
    /// <remarks>Of the exceptions that parts throw, the one of the lowest part is rethrown here, whatever thread it came from.</remarks>
    public void Run<TWork, TArguments>(int parts, in TArguments arguments)
        where TWork : struct, IParallelWork<TArguments>
        where TArguments : allows ref struct
    {
        WorkerPool? lent = current;
        current = null;
        try
        {
            crew.Run<TWork, TArguments>(parts, in arguments);
        }
        finally
        {
            current = lent;
            GC.KeepAlive(this);
        }
    }

    /// <summary>
    /// Offers work for later to workers that have nothing else to do. What kernels share out comes first, so a kernel waits for one part at most.
    /// </summary>
    /// <returns>False if the pool is disposed of, or other such work is under way; then nothing has begun.</returns>
    public bool BeginAhead(IAheadWork work, int parts)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(parts, PartJob.MostParts);
        return crew.BeginAhead(work, parts);
    }

    /// <summary>Ends what <see cref="BeginAhead"/> has begun: computes the parts that are left, and waits for the others.</summary>
    /// <returns>What the lowest of the parts that failed threw; null if none did.</returns>
    public Exception? EndAhead(int parts)
    {
        WorkerPool? lent = current;
        current = null;
        try
        {
            return crew.EndAhead(parts);
        }
        finally
        {
            current = lent;
            GC.KeepAlive(this);
        }
    }

    /// <summary>Ends the workers and waits for them. The calling thread alone runs the work given to a disposed pool.</summary>
    public void Dispose()
    {
        crew.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>The time for which a pool is lent.</summary>
    public readonly ref struct Loan
    {
        private readonly WorkerPool? previous;

        internal Loan(WorkerPool? previous) => this.previous = previous;

        /// <summary>Gives the thread the pool back that it had before.</summary>
        public void Dispose() => current = previous;
    }
}
