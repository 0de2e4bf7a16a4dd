using System.Runtime.CompilerServices;

namespace EmbeddedBackprop.Training;

/// <summary>
/// Tells two threads that compute in one memory at the same time. Whoever comes second is refused before anything is written, so the first one's
/// results are right. Two that come within the same nanoseconds may both begin: then at least one of them is told at its end.
/// </summary>
/// <remarks>
/// Plain loads and stores, as in the version checks of collections: an interlocked operation alone would take 4 % of a small prediction. Threads
/// that take turns are not seen, nor are writes through spans.
/// </remarks>
/// <param name="what">What must be used by one thread, for the message.</param>
internal sealed class ThreadGuard(string what)
{
    private const nint Disposed = -1;

    // 0, the number of the thread that is in a call, or the address of a short call's variable, which is a larger number.
    private nint owner;

    /// <summary>Begins a call; one within another on the same thread is part of it.</summary>
    /// <exception cref="InvalidOperationException">Another thread is in a call.</exception>
    public Use Enter()
    {
        nint thread = Environment.CurrentManagedThreadId, found = Volatile.Read(ref owner);
        if (found != 0 && found != thread)
        {
            Refuse(found);
        }

        owner = thread;
        return new Use(this, thread, found);
    }

    /// <summary>Begins a call that calls nothing back and throws nothing; a variable on its stack is cheaper than the thread's number.</summary>
    /// <param name="place">The address of a variable on the caller's stack.</param>
    /// <returns>For <see cref="Leave"/>.</returns>
    /// <exception cref="InvalidOperationException">Another thread is in a call.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public nint EnterShortly(nint place)
    {
        nint found = Volatile.Read(ref owner);
        if (found != 0)
        {
            RequireOwn(found);
        }

        owner = place;
        return found;
    }

    /// <summary>Ends a call.</summary>
    /// <param name="mark">What marked it: the thread's number or the variable's address.</param>
    /// <param name="before">What was there before it.</param>
    /// <exception cref="InvalidOperationException">Another thread began a call in the meantime.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Leave(nint mark, nint before)
    {
        nint found = owner;
        if (found != mark)
        {
            Refuse(found);
        }

        Volatile.Write(ref owner, before);
    }

    /// <summary>Refuses a call that has nothing to end.</summary>
    /// <exception cref="InvalidOperationException">Another thread is in a call.</exception>
    public void Require()
    {
        nint found = Volatile.Read(ref owner);
        if (found is not (0 or Disposed))
        {
            RequireOwn(found);
        }
    }

    /// <summary>From now on every call is refused by an <see cref="ObjectDisposedException"/>.</summary>
    public void Dispose() => Volatile.Write(ref owner, Disposed);

    private void RequireOwn(nint found)
    {
        if (found != Environment.CurrentManagedThreadId)
        {
            Refuse(found);
        }
    }

    private void Refuse(nint found)
    {
        if (found == Disposed)
        {
            TrainingErrors.Disposed();
        }

        TrainingErrors.TwoThreads(what);
    }

    /// <summary>The time of one call.</summary>
    public readonly ref struct Use
    {
        private readonly ThreadGuard guard;
        private readonly nint thread;
        private readonly nint before;

        internal Use(ThreadGuard guard, nint thread, nint before)
        {
            this.guard = guard;
            this.thread = thread;
            this.before = before;
        }

        /// <summary>Ends the call.</summary>
        /// <exception cref="InvalidOperationException">Another thread began a call in the meantime.</exception>
        public void Dispose() => guard.Leave(thread, before);
    }
}
