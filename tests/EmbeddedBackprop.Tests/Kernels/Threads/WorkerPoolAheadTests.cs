using System.Diagnostics;
using EmbeddedBackprop.Kernels.Threads;
using static EmbeddedBackprop.Tests.Kernels.WorkerPoolJobs;

namespace EmbeddedBackprop.Tests.Kernels;

/// <summary>Work ahead is done once, beside jobs or after them; jobs come first; failures are told at its end.</summary>
[TestFixture]
internal sealed class WorkerPoolAheadTests
{
    [Test]
    public void Work_ahead_is_done_once_beside_ten_thousand_jobs([Values(2, 3, 7)] int threads)
    {
        using WorkerPool pool = new(threads);
        Tally tally = new();
        int[] counts = new int[9];
        for (int round = 0; round < Rounds; round++)
        {
            int parts = 1 + (round % tally.Counts.Length);
            Assert.That(pool.BeginAhead(tally, parts));
            for (int job = 0; job < round % 3; job++)
            {
                pool.Run<Counting, int[]>(counts.Length, in counts);
            }

            Assert.That(pool.EndAhead(parts), Is.Null);
            tally.Expect(parts);
        }

        Assert.That(tally.Counts, Is.EqualTo(tally.Expected));
        Assert.That(counts, Is.All.EqualTo(Rounds - 1));
    }

    [Test]
    public void Workers_that_sleep_are_woken_for_work_ahead()
    {
        using WorkerPool pool = new(2);
        Tally tally = new();
        long began = Stopwatch.GetTimestamp();
        while (pool.AheadPartsByWorkers == 0 && Stopwatch.GetElapsedTime(began) < ChildProcess.Longest)
        {
            // Far longer than they spin; then long enough for one to wake up.
            Thread.Sleep(2);
            pool.BeginAhead(tally, 5);
            Thread.Sleep(5);
            pool.EndAhead(5);
        }

        Assert.That(pool.AheadPartsByWorkers, Is.Positive);
    }

    [Test]
    public void A_job_is_shared_out_while_work_ahead_waits()
    {
        using WorkerPool pool = new(2);
        for (int round = 0; round < 50; round++)
        {
            // Two parts that wait for each other need a worker, which the work ahead must let go.
            Meeting meeting = new();
            Tally tally = new();
            pool.BeginAhead(tally, 9);
            pool.Run<Together, Meeting>(2, in meeting);
            Assert.That(meeting.Threads.Distinct().Count(), Is.EqualTo(2));
            pool.EndAhead(9);
            tally.Expect(9);
            Assert.That(tally.Counts, Is.EqualTo(tally.Expected));
        }
    }

    [Test]
    public void Of_failures_ahead_the_lowest_part_is_told_at_the_end([Values(2, 4)] int threads)
    {
        using WorkerPool pool = new(threads);
        for (int round = 0; round < 500; round++)
        {
            Tally tally = new() { FailsFrom = round % 12 };
            Assert.That(pool.BeginAhead(tally, 12));
            Assert.That(pool.EndAhead(12)?.Message, Is.EqualTo($"part {tally.FailsFrom}"));
            Tally sound = new();
            Assert.That(pool.BeginAhead(sound, 12));
            Assert.That(pool.EndAhead(12), Is.Null);
        }
    }

    [Test]
    public void Other_work_ahead_and_that_of_a_disposed_pool_is_refused()
    {
        WorkerPool pool = new(2);
        Tally first = new(), second = new();
        Assert.That(pool.BeginAhead(first, 3));
        Assert.That(pool.BeginAhead(second, 3), Is.False);
        Assert.That(pool.EndAhead(3), Is.Null);
        pool.Dispose();
        Assert.That(pool.BeginAhead(second, 3), Is.False);
        Assert.That(second.Counts, Is.All.Zero);
        using WorkerPool one = new(1);
        Assert.That(one.BeginAhead(second, 3), Is.False, "no thread to do it");
    }

    [Test]
    public void A_pool_that_is_disposed_of_waits_for_the_work_ahead()
    {
        for (int round = 0; round < 50; round++)
        {
            WorkerPool pool = new(3);
            Tally tally = new();
            pool.BeginAhead(tally, 20);
            Thread end = new(pool.Dispose);
            end.Start();
            Thread.SpinWait(round * 20);
            Assert.That(pool.EndAhead(20), Is.Null);
            Assert.That(end.Join(ChildProcess.Longest), "no deadlock");
            tally.Expect(20);
            Assert.That(tally.Counts, Is.EqualTo(tally.Expected));
            Assert.That(pool.Crew.Alive, Is.Zero);
        }
    }

    [Test]
    public void Work_ahead_allocates_nothing_on_any_thread()
    {
        using WorkerPool pool = new(3);
        Tally tally = new();
        Assert.That(
            Allocations.OfWorkers(() => pool.AllocatedBytes, () => Assert.That(Allocations.Of(1000, Once), Is.Zero)), Is.Zero);

        void Once()
        {
            pool.BeginAhead(tally, 8);
            pool.EndAhead(8);
        }
    }
}
