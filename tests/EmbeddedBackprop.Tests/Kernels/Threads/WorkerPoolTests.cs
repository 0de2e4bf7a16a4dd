using System.Diagnostics;
using System.Runtime.CompilerServices;
using EmbeddedBackprop.Kernels.Elements;
using EmbeddedBackprop.Kernels.Threads;
using static EmbeddedBackprop.Tests.Kernels.WorkerPoolJobs;

namespace EmbeddedBackprop.Tests.Kernels;

/// <summary>Every part is computed once, whatever the threads do; failures reach the caller; workers sleep, and end.</summary>
[TestFixture]
internal sealed class WorkerPoolTests
{
    [Test]
    public void Every_part_is_computed_once_in_ten_thousand_rounds([Values(1, 2, 3, 4, 7)] int threads)
    {
        using WorkerPool pool = new(threads);
        int[] counts = new int[29];
        long expected = 0;
        for (int round = 0; round < Rounds; round++)
        {
            int parts = 1 + (round % counts.Length);
            pool.Run<Counting, int[]>(parts, in counts);
            expected += parts;
        }

        long sum = 0;
        for (int part = 0; part < counts.Length; part++)
        {
            // Part p is in every round that has more than p parts.
            int rounds = 0;
            for (int round = 0; round < Rounds; round++)
            {
                rounds += round % counts.Length >= part ? 1 : 0;
            }

            Assert.That(counts[part], Is.EqualTo(rounds), $"part {part}");
            sum += counts[part];
        }

        Assert.That(sum, Is.EqualTo(expected));
    }

    [Test]
    public void A_part_that_is_computed_twice_is_seen()
    {
        using WorkerPool pool = new(3);
        int[] counts = new int[8];
        pool.Run<Counting, int[]>(8, in counts);
        pool.Run<Counting, int[]>(1, in counts);
        Assert.That(counts, Is.EqualTo(new[] { 2, 1, 1, 1, 1, 1, 1, 1 }));
    }

    [Test]
    public void Workers_that_sleep_are_woken()
    {
        using WorkerPool pool = new(3);
        int[] counts = new int[6];
        for (int round = 0; round < 50; round++)
        {
            // Far longer than they spin.
            Thread.Sleep(2);
            pool.Run<Counting, int[]>(6, in counts);
        }

        Assert.That(counts, Is.All.EqualTo(50));
    }

    [Test]
    public void Parts_run_on_workers()
    {
        using WorkerPool pool = new(2);
        Meeting meeting = new();
        pool.Run<Together, Meeting>(2, in meeting);
        Assert.That(meeting.Threads.Distinct().Count(), Is.EqualTo(2), "each part waited for the other one to begin");
        Assert.That(() => pool.PartsByWorkers, Is.EqualTo(1).After(5000, 1));
    }

    [Test]
    public void What_a_worker_throws_reaches_the_caller_and_the_pool_goes_on()
    {
        using WorkerPool pool = new(2);
        for (int round = 0; round < 200; round++)
        {
            Meeting meeting = new() { FailsOn = Environment.CurrentManagedThreadId };
            InvalidOperationException? thrown = Assert.Throws<InvalidOperationException>(() => pool.Run<Together, Meeting>(2, in meeting));
            Assert.That(thrown!.Message, Is.EqualTo("on a worker"));
            Assert.That(thrown.StackTrace, Does.Contain(nameof(Together)), "where it was thrown is not lost");
        }

        int[] counts = new int[4];
        pool.Run<Counting, int[]>(4, in counts);
        Assert.That(counts, Is.All.EqualTo(1));
    }

    [Test]
    public void Of_several_failures_the_lowest_part_is_told([Values(1, 2, 4)] int threads)
    {
        using WorkerPool pool = new(threads);
        for (int round = 0; round < 500; round++)
        {
            int first = round % 12;
            Assert.That(() => pool.Run<FailingFrom, int>(12, in first), Throws.InvalidOperationException.With.Message.EqualTo($"part {first}"));
        }
    }

    [Test]
    public void A_job_within_a_part_runs_on_the_thread_of_the_part()
    {
        using WorkerPool pool = new(3);
        Nest nest = new(pool, new int[5]);
        for (int round = 0; round < 1000; round++)
        {
            pool.Run<Nesting, Nest>(4, in nest);
        }

        Assert.That(nest.Counts, Is.All.EqualTo(4000));
    }

    [Test]
    public void The_pool_is_lent_to_the_callers_thread_and_to_no_part()
    {
        using WorkerPool pool = new(2);
        Assert.That(WorkerPool.Current, Is.Null);
        using (WorkerPool.Lend(pool))
        {
            Assert.That(WorkerPool.Current, Is.SameAs(pool));
            using (WorkerPool.Lend(null))
            {
                Assert.That(WorkerPool.Current, Is.Null);
            }

            int[] seen = new int[4];
            pool.Run<SeesPool, int[]>(4, in seen);
            Assert.That(seen, Is.All.EqualTo(1));
            Assert.That(WorkerPool.Current, Is.SameAs(pool));
            WorkerPool? elsewhere = pool;
            Thread other = new(() => elsewhere = WorkerPool.Current);
            other.Start();
            other.Join();
            Assert.That(elsewhere, Is.Null);
        }

        Assert.That(WorkerPool.Current, Is.Null);
    }

    [Test]
    public void Two_pools_and_two_callers_of_one_pool_do_not_disturb_each_other()
    {
        using WorkerPool own = new(2), shared = new(3);
        int[] first = new int[9], second = new int[9], third = new int[9];
        Thread[] callers =
        [
            new(() => Repeat(own, first)), new(() => Repeat(shared, second)), new(() => Repeat(shared, third)),
        ];
        foreach (Thread caller in callers)
        {
            caller.Start();
        }

        foreach (Thread caller in callers)
        {
            Assert.That(caller.Join(ChildProcess.Longest), "no deadlock");
        }

        Assert.That(first, Is.All.EqualTo(Rounds));
        Assert.That(second, Is.All.EqualTo(Rounds));
        Assert.That(third, Is.All.EqualTo(Rounds));

        static void Repeat(WorkerPool pool, int[] counts)
        {
            for (int round = 0; round < Rounds; round++)
            {
                pool.Run<Counting, int[]>(counts.Length, in counts);
            }
        }
    }

    [Test]
    public void Disposal_ends_the_threads_and_leaves_a_pool_of_one([Values(1, 2, 7)] int threads)
    {
        WorkerPool pool = new(threads);
        Assert.That(pool.Crew.Alive, Is.EqualTo(threads - 1));
        pool.Dispose();
        Assert.That(pool.Crew.Alive, Is.Zero);
        Assert.That(pool.Dispose, Throws.Nothing);
        int[] counts = new int[5];
        pool.Run<Counting, int[]>(5, in counts);
        Assert.That(counts, Is.All.EqualTo(1));
        Assert.That(pool.PartsByWorkers, Is.Zero);
    }

    [Test]
    public void Pools_end_at_every_point_of_a_job()
    {
        // A worker that takes its next part while the crew is being stopped must see that it is.
        int[] counts = new int[6];
        int pools = Effort.Of(200, 1000, 1000);
        for (int i = 0; i < pools; i++)
        {
            using WorkerPool pool = new(2 + (i % 3));
            pool.Run<Counting, int[]>(6, in counts);
            Thread.SpinWait(i % 50);
        }

        Assert.That(counts, Is.All.EqualTo(pools));
    }

    [Test]
    public void The_threads_of_a_forgotten_pool_end()
    {
        WorkerCrew crew = Forget();
        long began = Stopwatch.GetTimestamp();
        while (crew.Alive > 0 && Stopwatch.GetElapsedTime(began) < ChildProcess.Longest)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            Thread.Sleep(5);
        }

        Assert.That(crew.Alive, Is.Zero);

        [MethodImpl(MethodImplOptions.NoInlining)]
        static WorkerCrew Forget()
        {
            int[] counts = new int[4];
#pragma warning disable CA2000 // To be forgotten is what this pool is for.
            WorkerPool pool = new(3);
#pragma warning restore CA2000
            pool.Run<Counting, int[]>(4, in counts);

            // Work that holds its pool, as a trainer's does.
            pool.BeginAhead(new Tally { Pool = pool }, 4);
            pool.EndAhead(4);
            return pool.Crew;
        }
    }

    [Test]
    public void A_pool_at_rest_uses_no_processor()
    {
        using WorkerPool pool = new(4);
        int[] counts = new int[8];
        pool.Run<Counting, int[]>(8, in counts);
        using Process process = Process.GetCurrentProcess();
        double least = double.MaxValue;
        for (int round = 0; round < 10 && least >= 200; round++)
        {
            // Other threads of this process (the test runner's, the runtime's) may use some of it in one round, not in all.
            process.Refresh();
            TimeSpan before = process.TotalProcessorTime;
            Thread.Sleep(400);
            process.Refresh();
            least = Math.Min(least, (process.TotalProcessorTime - before).TotalMilliseconds);
        }

        Assert.That(least, Is.LessThan(200), "one spinning thread would use 400 ms");
    }

    [Test]
    public void A_job_allocates_nothing_on_any_thread([Values(2, 4)] int threads)
    {
        using WorkerPool pool = new(threads);
        int[] counts = new int[8];
        pool.Run<Counting, int[]>(8, in counts);
        Assert.That(
            Allocations.OfWorkers(
                () => pool.AllocatedBytes, () => Assert.That(Allocations.Of(1000, () => pool.Run<Counting, int[]>(8, in counts)), Is.Zero)),
            Is.Zero);
    }

    [Test]
    public void What_a_worker_allocates_is_counted()
    {
        using WorkerPool pool = new(2);
        long began = Stopwatch.GetTimestamp();
        while (pool.AllocatedBytes < 100_000 && Stopwatch.GetElapsedTime(began) < ChildProcess.Longest)
        {
            Meeting meeting = new() { Wastes = true };
            pool.Run<Together, Meeting>(2, in meeting);
        }

        Assert.That(pool.AllocatedBytes, Is.GreaterThanOrEqualTo(100_000));
    }

    [TestCase(0)]
    [TestCase(-1)]
    [TestCase(WorkerPool.MaximumThreads + 1)]
    public void A_pool_wants_a_sensible_number_of_threads(int threads) =>
        Assert.That(() => new WorkerPool(threads), Throws.InstanceOf<ArgumentOutOfRangeException>().With.Message.Contains($"{threads}"));

    [Test]
    public void Small_work_is_not_shared_out_and_no_part_is_smaller_than_half_of_that()
    {
        using WorkerPool pool = new(4);
        Assert.That(pool.PartCount(pool.MinimumWork - 1, 100), Is.EqualTo(1));
        Assert.That(pool.PartCount(pool.MinimumWork, 100), Is.EqualTo(2));
        Assert.That(pool.PartCount(100 * pool.MinimumWork, 100), Is.EqualTo(8));
        Assert.That(pool.PartCount(100 * pool.MinimumWork, 3), Is.EqualTo(3));
        using WorkerPool one = new(1);
        Assert.That(one.PartCount(100 * one.MinimumWork, 100), Is.EqualTo(1));
    }

    [Test]
    public void Shares_are_even_begin_at_units_and_leave_nothing_out([Values(1, 6, 64)] int unit)
    {
        for (int length = 0; length <= 300; length++)
        {
            for (int parts = 1; parts <= 9; parts++)
            {
                nuint next = 0, smallest = nuint.MaxValue, largest = 0;
                for (int part = 0; part < parts; part++)
                {
                    (nuint first, nuint count) = RangeSplit.Of((nuint)length, unit, part, parts);
                    Assert.That(first, Is.EqualTo(next));
                    Assert.That(first % (nuint)unit == 0 || first == (nuint)length);
                    next = first + count;
                    (smallest, largest) = (nuint.Min(smallest, count), nuint.Max(largest, count));
                }

                Assert.That(next, Is.EqualTo((nuint)length));
                Assert.That(largest - smallest, Is.LessThan(2 * (nuint)unit));
            }
        }
    }

    private sealed record Nest(WorkerPool Pool, int[] Counts);

    private readonly struct FailingFrom : IParallelWork<int>
    {
        public static void Run(in int first, int part, int parts)
        {
            if (part >= first)
            {
                throw new InvalidOperationException($"part {part}");
            }
        }
    }

    private readonly struct Nesting : IParallelWork<Nest>
    {
        public static void Run(in Nest nest, int part, int parts) => nest.Pool.Run<Counting, int[]>(nest.Counts.Length, nest.Counts);

    }

    private readonly struct SeesPool : IParallelWork<int[]>
    {
        public static void Run(in int[] seen, int part, int parts) => seen[part] = WorkerPool.Current is null ? 1 : 0;
    }
}
