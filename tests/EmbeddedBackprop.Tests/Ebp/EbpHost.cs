using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text;

namespace EmbeddedBackprop.Tests.Ebp;

/// <summary>A process of the tool that runs one command line after another (<see cref="StartupHook"/>); the end of the test run ends it.</summary>
internal sealed class EbpHost : IDisposable
{
    private static readonly ConcurrentBag<EbpHost> Idle = [];

    private readonly Process process;
    private readonly BinaryWriter requests;
    private readonly BinaryReader answers;

    private EbpHost(ProcessStartInfo start)
    {
        start.Environment["DOTNET_STARTUP_HOOKS"] = typeof(StartupHook).Assembly.Location;
        process = Process.Start(start) ?? throw new InvalidOperationException("the tool did not start");
        requests = new BinaryWriter(process.StandardInput.BaseStream, Encoding.UTF8);
        answers = new BinaryReader(process.StandardOutput.BaseStream, Encoding.UTF8);
    }

    /// <summary>Runs a command line in a process that has no other one at the time.</summary>
    /// <param name="start">How the tool is started, with all three streams redirected, where no process of it is idle.</param>
    /// <param name="folder">The current folder of the command.</param>
    /// <param name="input">Its standard input.</param>
    /// <param name="arguments">Its arguments.</param>
    public static EbpProcess.Result Run(Func<ProcessStartInfo> start, string folder, string input, string[] arguments)
    {
        EbpHost host = Idle.TryTake(out EbpHost? idle) ? idle : new EbpHost(start());
        Task<EbpProcess.Result> running = Task.Run(() => host.Run(folder, input, arguments));
        try
        {
            if (!running.Wait(ChildProcess.Longest))
            {
                throw new TimeoutException(
                    $"a command did not end within {ChildProcess.Longest.TotalMinutes} minutes: {string.Join(' ', arguments)}");
            }

            Idle.Add(host);
            return running.Result;
        }
        catch
        {
            host.Dispose();
            throw;
        }
    }

    /// <summary>Ends the process, whatever it does.</summary>
    public void Dispose()
    {
        process.Kill();
        requests.Dispose();
        answers.Dispose();
        process.Dispose();
    }

    private EbpProcess.Result Run(string folder, string input, string[] arguments)
    {
        try
        {
            requests.Write(true);
            requests.Write(folder);
            requests.Write(input);
            requests.Write(arguments.Length);
            foreach (string argument in arguments)
            {
                requests.Write(argument);
            }

            requests.Flush();
            return new EbpProcess.Result(answers.ReadInt32(), answers.ReadString(), answers.ReadString());
        }
        catch (IOException)
        {
            // The process is gone: an exception that nobody caught, or an exit of its own.
            process.WaitForExit();
            throw new InvalidOperationException(
                $"{string.Join(' ', arguments)}: exit code {process.ExitCode}\n{process.StandardError.ReadToEnd()}");
        }
    }
}
