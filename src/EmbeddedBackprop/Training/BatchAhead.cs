using System.Runtime.ExceptionServices;
using EmbeddedBackprop.Kernels.Threads;

namespace EmbeddedBackprop.Training;

/// <summary>
/// The next batch of a trainer, gathered into memory of its own while the network computes this one, by worker threads that have nothing else to do.
/// </summary>
/// <remarks>
/// It begins after this batch was gathered and ends before the step does: the thread that trains gathers what is left, and waits. So neither a
/// progress, a checkpoint, a cancellation nor the next epoch ever meets a thread that gathers. The values do not depend on who gathers them.
/// </remarks>
internal sealed class BatchAhead : IAheadWork
{
    private readonly WorkerPool pool;
    private readonly IBatchSource source;
    private readonly int[] order;
    private readonly float[] inputs;
    private readonly float[] targets;
    private readonly int inputLength;
    private readonly int targetLength;
    private int first;
    private int count;
    private int parts;
    private Exception? failure;

    private BatchAhead(Network network, IBatchSource source, int[] order)
    {
        pool = network.Pool!;
        this.source = source;
        this.order = order;
        inputLength = network.InputLength;
        targetLength = network.FedTargetLength;
        inputs = new float[network.MicroBatch * inputLength];
        targets = new float[network.MicroBatch * targetLength];
    }

    /// <summary>Makes the memory of the next batch where gathering ahead pays.</summary>
    /// <param name="network">The network, with its threads.</param>
    /// <param name="source">The samples.</param>
    /// <param name="order">The samples in the order of the epoch, which the trainer fills.</param>
    /// <returns>
    /// Null where the network has no second thread or a memory budget, where samples lie ready (copying a batch would take as long as gathering it),
    /// and where a batch is less work than a kernel that threads share.
    /// </returns>
    public static BatchAhead? For(Network network, IBatchSource source, int[] order)
    {
        bool pays =
            network.Pool is { } pool
            && network.Options.MemoryBudget == 0
            && source.GatherCost > 1
            && ParallelGather.Work(source, network.MicroBatch) >= pool.MinimumWork
            && (long)network.MicroBatch * Math.Max(network.InputLength, network.FedTargetLength) <= Array.MaxLength;
        return pays ? new BatchAhead(network, source, order) : null;
    }

    /// <summary>Begins to gather the batch of samples that follows in the order.</summary>
    /// <param name="first">Its first sample's position in the order.</param>
    /// <param name="count">Its samples; 0 for none.</param>
    public void Begin(int first, int count)
    {
        Forget();
        if (count == 0)
        {
            return;
        }

        // A part is about as much work as a kernel that is shared, so that a kernel which needs the thread has it soon.
        int wanted = (int)Math.Clamp(ParallelGather.Work(source, count) / Math.Max(1, pool.MinimumWork), 1, Math.Min(count, PartJob.MostParts));
        this.first = first;
        this.count = count;
        if (pool.BeginAhead(this, wanted))
        {
            parts = wanted;
            return;
        }

        Forget();
    }

    /// <summary>Ends what was begun: gathers what is left, and waits. What the source threw is kept for <see cref="TryTake"/>.</summary>
    public void End()
    {
        if (parts > 0)
        {
            failure = pool.EndAhead(parts);
            parts = 0;
        }
    }

    /// <summary>Writes the batch into the network, if it is the one that was gathered.</summary>
    /// <param name="network">The network.</param>
    /// <param name="first">The first sample's position in the order.</param>
    /// <param name="count">The samples of the batch.</param>
    /// <returns>False if another one, or none, was gathered.</returns>
    /// <remarks>What the source threw when it gathered the batch is thrown here; the batch is then gathered again.</remarks>
    public bool TryTake(Network network, int first, int count)
    {
        if (count == 0 || first != this.first || count != this.count)
        {
            return false;
        }

        if (failure is { } thrown)
        {
            Forget();
            ExceptionDispatchInfo.Throw(thrown);
        }

        network.Deal(inputs, targets, count);
        return true;
    }

    /// <summary>Lets go of the batch that was gathered.</summary>
    public void Forget()
    {
        count = 0;
        failure = null;
    }

    /// <inheritdoc/>
    public void Run(int part, int parts)
    {
        (nuint begin, nuint length) = RangeSplit.Of((nuint)count, 1, part, parts);
        (int row, int rows) = ((int)begin, (int)length);
        source.Gather(
            order.AsSpan(first + row, rows),
            inputs.AsSpan(row * inputLength, rows * inputLength), inputLength,
            targets.AsSpan(row * targetLength, rows * targetLength), targetLength);
    }
}
