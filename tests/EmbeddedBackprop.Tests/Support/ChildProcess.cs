using System.Diagnostics;
using System.Runtime.InteropServices;
using EmbeddedBackprop.Tests.IO;

namespace EmbeddedBackprop.Tests.Support;

/// <summary>
/// Runs a part of this assembly in a process of its own, because a test cannot do this to itself: to be killed, or to run
/// under other environment variables. The first argument names the part.
/// </summary>
internal static class ChildProcess
{
    /// <summary>Longer than any of these processes takes on a loaded machine.</summary>
    internal static readonly TimeSpan Longest = TimeSpan.FromMinutes(15);

    public static int Main(string[] arguments)
    {
        switch (arguments)
        {
            case ["write-checkpoints", ..]:
                CheckpointWriter.Run(arguments);
                return 0;
            case ["guarded", string family]:
                Kernels.GuardedKernels.Run(family);
                return 0;
            case ["extreme", string seed, string count]:
                ExtremeNets.Run(seed, count);
                return 0;
            case ["hash", string steps]:
                WidthProbe.Print(steps);
                return 0;
            case ["one-arithmetic", string leftOut, string asked]:
                Training.OneArithmetic.Print(leftOut, asked);
                return 0;
            case ["hang"]:
                TimeLimit.Hang();
                return 0;
            case ["long-run", string steps, string leaks]:
                Training.LongRun.Print(steps, leaks);
                return 0;
            case ["one-processor", string threads, string steps]:
                OneProcessor.Print(threads, steps);
                return 0;
            default:
                Console.Error.WriteLine("Run the tests by 'dotnet test'; this entry point is for processes that tests start.");
                return 2;
        }
    }

    /// <summary>Runs this assembly to its end.</summary>
    public static (int ExitCode, string Output, string Error) Run(params ReadOnlySpan<string> arguments)
    {
        ProcessStartInfo start = Information(arguments);
        start.RedirectStandardError = true;
        using Process process = Process.Start(start) ?? throw new InvalidOperationException("the process did not start");
        Task<string> output = process.StandardOutput.ReadToEndAsync(), error = process.StandardError.ReadToEndAsync();
        WaitForExit(process);
        return (process.ExitCode, output.Result.TrimEnd(), error.Result.TrimEnd());
    }

    /// <summary>Waits for the end of a process that a test started; one that hangs is killed, and the test fails.</summary>
    public static void WaitForExit(Process process)
    {
        if (!process.WaitForExit(Longest))
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"a process did not end within {Longest.TotalMinutes} minutes and was killed: {process.StartInfo.FileName} "
                + string.Join(' ', process.StartInfo.ArgumentList));
        }

        // Redirected output may come after the end.
        process.WaitForExit();
    }

    /// <summary>Starts this assembly with redirected standard output.</summary>
    public static Process Start(params ReadOnlySpan<string> arguments) => Start([], arguments);

    /// <summary>Starts this assembly with redirected standard output, under further environment variables.</summary>
    public static Process Start(IEnumerable<KeyValuePair<string, string>> environment, params ReadOnlySpan<string> arguments)
    {
        ProcessStartInfo start = Information(arguments);
        foreach ((string name, string value) in environment)
        {
            start.Environment[name] = value;
        }

        return Process.Start(start) ?? throw new InvalidOperationException("the process did not start");
    }

    private static ProcessStartInfo Information(ReadOnlySpan<string> arguments)
    {
        // The dotnet that runs this process: <root>/shared/Microsoft.NETCore.App/<version>/ holds the runtime.
        string dotnet = Path.GetFullPath(Path.Combine(
            RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", "..", OperatingSystem.IsWindows() ? "dotnet.exe" : "dotnet"));
        ProcessStartInfo start = new(dotnet) { RedirectStandardOutput = true, UseShellExecute = false };
        start.ArgumentList.Add(typeof(ChildProcess).Assembly.Location);
        foreach (string argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        return start;
    }
}
