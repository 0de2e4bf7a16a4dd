using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tools.Recipes;

/// <summary>
/// Measures what the training thread and the network's workers allocate while they step: from the end of an epoch's first update to the end of its
/// last one. The first update of a process also loads classes and runs their static constructors (the runtime's table of their references grows by
/// 8,208 bytes at a time), which is not the step's own doing; the display runs on another thread, evaluations lie between epochs.
/// </summary>
internal sealed class AllocationMeter(Network network)
{
    private long began;
    private long atFirst;
    private long atLast;
    private long aside;
    private long asideSinceLast;
    private long stepsOfEpoch;
    private long bytes;
    private long steps;
    private long? bytesOfFirst;

    /// <summary>Bytes of an update; of the first one only where there is no other.</summary>
    public double BytesPerStep => steps == 0 ? bytesOfFirst ?? 0 : (double)bytes / steps;

    private long Now => GC.GetAllocatedBytesForCurrentThread() + network.WorkerAllocatedBytes;

    /// <summary>An epoch begins.</summary>
    public void Begin()
    {
        stepsOfEpoch = 0;
        aside = 0;
        asideSinceLast = 0;
        began = Now;
    }

    /// <summary>An update is done.</summary>
    public void StepDone()
    {
        atLast = Now;
        if (stepsOfEpoch++ == 0)
        {
            atFirst = atLast;
        }
        else
        {
            aside += asideSinceLast;
        }

        asideSinceLast = 0;
    }

    /// <summary>Between two updates something else allocated: a checkpoint was written.</summary>
    public void Leave(long allocated) => asideSinceLast += allocated;

    /// <summary>The epoch is over, or was interrupted.</summary>
    public void End()
    {
        if (stepsOfEpoch == 1 && bytesOfFirst is null && steps == 0)
        {
            bytesOfFirst = atLast - began;
        }
        else if (stepsOfEpoch == 1)
        {
            // Whole epochs of one update each: then the epoch's own preparation is counted with it.
            bytes += atLast - began;
            steps++;
        }
        else if (stepsOfEpoch > 1)
        {
            bytes += atLast - atFirst - aside;
            steps += stepsOfEpoch - 1;
        }
    }
}
