using System.Diagnostics;
using System.Globalization;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Optimizers;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Training;

/// <summary>A training of many steps with checkpoints, in a process of its own; prints its memory and handles early and at the end.</summary>
internal static class LongRun
{
    private const int Parts = 100;

    private static readonly List<object> Kept = [];

    /// <summary>What a process holds.</summary>
    /// <param name="Heap">Bytes of managed objects after a collection.</param>
    /// <param name="Allocated">Bytes that this thread has allocated in steps.</param>
    /// <param name="Resident">Bytes of the process in memory.</param>
    /// <param name="Handles">Open handles.</param>
    /// <param name="Threads">Threads.</param>
    public readonly record struct Held(long Heap, long Allocated, long Resident, int Handles, int Threads)
    {
        public static Held Parse(string line)
        {
            long[] parts = [.. line.Split(' ').Select(part => long.Parse(part, CultureInfo.InvariantCulture))];
            return new Held(parts[0], parts[1], parts[2], (int)parts[3], (int)parts[4]);
        }

        public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Heap} {Allocated} {Resident} {Handles} {Threads}");
    }

    /// <summary>Trains; two lines of output, after a fifth of the steps and after all.</summary>
    public static void Print(string steps, string leaks)
    {
        using Network network = SmallNet.Make(new NetworkOptions { Batch = 4, Seed = 1, Optimizer = new Adam(), Threads = 2 });
        Trainer trainer = new(network, SmallNet.Classes(20), new TrainerOptions { Epochs = int.MaxValue, LearningRate = 1e-3f });
        int total = int.Parse(steps, CultureInfo.InvariantCulture), perPart = total / Parts;
        string path = Path.GetTempFileName();
        long allocated = 0;
        for (int part = 1; part <= Parts; part++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            for (long end = network.StepNumber + perPart; network.StepNumber < end;)
            {
                _ = trainer.TrainEpoch();
            }

            allocated += GC.GetAllocatedBytesForCurrentThread() - before;
            _ = trainer.Evaluate(SmallNet.Classes(20));
            ModelFile.Save(path, network, trainer);
            using (Network again = ModelFile.Open(path).ToNetwork())
            {
                _ = again.Predict(1);
            }

            if (leaks == "leaks")
            {
                Kept.Add(new byte[10_000]);
                Kept.Add(File.OpenRead(path));
            }

            if (part is Parts / 5 or Parts)
            {
                Console.WriteLine(Measure(allocated));
                allocated = 0;
            }
        }

        File.Delete(path);
    }

    private static Held Measure(long allocated)
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        long heap = GC.GetTotalMemory(forceFullCollection: true);
        using Process process = Process.GetCurrentProcess();
        return new Held(heap, allocated, process.WorkingSet64, process.HandleCount, process.Threads.Count);
    }
}
