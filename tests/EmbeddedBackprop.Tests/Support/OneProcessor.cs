using System.Diagnostics;
using System.Globalization;
using EmbeddedBackprop.Probe;

namespace EmbeddedBackprop.Tests.Support;

/// <summary>The weights that a child process with a single processor trains on several threads.</summary>
internal static class OneProcessor
{
    /// <summary>One line: processors that the runtime sees, the weights hash, bytes allocated per step.</summary>
    public static void Print(string threads, string steps)
    {
        // All threads that are started from now on stay on the first processor, too.
        if (OperatingSystem.IsLinux() || OperatingSystem.IsWindows())
        {
            using Process self = Process.GetCurrentProcess();
            self.ProcessorAffinity = 1;
        }

        (string hash, double bytes) = ThreadsRun.Train(
            int.Parse(threads, CultureInfo.InvariantCulture),
            int.Parse(steps, CultureInfo.InvariantCulture));
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{Environment.ProcessorCount} {hash} {bytes}"));
    }
}
