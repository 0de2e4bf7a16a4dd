using System.Globalization;

namespace EmbeddedBackprop.Tests.Training;

/// <summary>Long trainings hold what short ones do.</summary>
[TestFixture]
[Parallelizable(ParallelScope.Self)]
internal sealed class LongRunTests
{
    [Test]
    public void Memory_and_handles_stay_flat()
    {
        int steps = Effort.Of(20_000, 100_000, 1_000_000);
        (LongRun.Held early, LongRun.Held late) = Run(steps, "holds");
        Assert.That(late.Allocated, Is.Zero, "bytes allocated in steps");
        Assert.That(late.Heap - early.Heap, Is.LessThan(100_000));
        Assert.That(late.Resident - early.Resident, Is.LessThan(32 << 20));
        Assert.That(late.Handles - early.Handles, Is.LessThanOrEqualTo(16), "the runtime opens some of its own");
        Assert.That(late.Threads - early.Threads, Is.LessThanOrEqualTo(4), "the runtime's own come and go");
    }

    [Test]
    public void Control_a_leak_is_seen()
    {
        (LongRun.Held early, LongRun.Held late) = Run(2000, "leaks");
        Assert.That(late.Heap - early.Heap, Is.GreaterThan(500_000));
        Assert.That(late.Handles - early.Handles, Is.GreaterThan(50));
    }

    private static (LongRun.Held Early, LongRun.Held Late) Run(int steps, string leaks)
    {
        (int exit, string output, string error) = ChildProcess.Run("long-run", steps.ToString(CultureInfo.InvariantCulture), leaks);
        Assert.That(exit, Is.Zero, error);
        LongRun.Held[] held = [.. output.Split('\n').Select(LongRun.Held.Parse)];
        TestContext.Out.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{steps:N0} steps, a checkpoint and a reload every {steps / 100:N0}: from a fifth of them to the end the heap grew by "
                + $"{held[1].Heap - held[0].Heap:N0} bytes, resident memory by {(held[1].Resident - held[0].Resident) / 1024:N0} KiB, "
                + $"handles by {held[1].Handles - held[0].Handles}; {held[1].Allocated} bytes allocated in steps"));
        return (held[0], held[1]);
    }
}
