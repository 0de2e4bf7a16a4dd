using System.Collections.Concurrent;
using System.ComponentModel;
using System.Diagnostics;

namespace EmbeddedBackprop.Tests.Support;

/// <summary>Programs outside .NET (compilers, emulators) that some tests run.</summary>
internal static class Tools
{
    /// <summary>The result of a finished program.</summary>
    internal readonly record struct Result(int ExitCode, string Output, string Errors);

    private static readonly ConcurrentDictionary<string, string> Pythons = new(StringComparer.Ordinal);

    /// <summary>The full path of a program; without it the test is ignored, or fails under EBP_REQUIRE_TOOLS=1, naming the Debian package.</summary>
    public static string Require(string program, string debianPackage)
    {
        foreach (string folder in (Environment.GetEnvironmentVariable("PATH") ?? string.Empty).Split(Path.PathSeparator))
        {
            string path = Path.Combine(folder, OperatingSystem.IsWindows() ? program + ".exe" : program);
            if (folder.Length > 0 && File.Exists(path))
            {
                return path;
            }
        }

        throw Missing(program, debianPackage);
    }

    /// <summary>
    /// A Python that can import the module: the one on PATH, or Debian's. Without one the test is ignored, or fails under EBP_REQUIRE_TOOLS=1, naming
    /// the Debian package.
    /// </summary>
    public static string RequirePython(string module, string debianPackage)
    {
        string python = Pythons.GetOrAdd(module, name => Array.Find(
            ["python3", "/usr/bin/python3"],
            candidate => CanImport(candidate, name)) ?? "");
        return python.Length > 0 ? python : throw Missing($"Python's module {module}", debianPackage);
    }

    /// <summary>Ignores the test, or fails it under EBP_REQUIRE_TOOLS=1, naming the Debian packages of the missing tools.</summary>
    public static InvalidOperationException Missing(string what, string debianPackages)
    {
        string message = $"{what} is not installed (Debian: apt-get install {debianPackages})";
        if (Environment.GetEnvironmentVariable("EBP_REQUIRE_TOOLS") == "1")
        {
            Assert.Fail(message);
        }

        Assert.Ignore(message);
        return new InvalidOperationException(message);
    }

    /// <summary>Runs a program to its end in a folder.</summary>
    public static Result Run(string folder, string program, params ReadOnlySpan<string> arguments)
    {
        ProcessStartInfo start = new(program) { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = folder };
        foreach (string argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        using Process process = Process.Start(start) ?? throw new InvalidOperationException($"{program} did not start");

        // Both pipes are drained at once: a program that fills one of them would wait for ever.
        Task<string> errors = process.StandardError.ReadToEndAsync();
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        ChildProcess.WaitForExit(process);
        return new Result(process.ExitCode, output.GetAwaiter().GetResult(), errors.GetAwaiter().GetResult());
    }

    /// <summary>Runs a program that has to succeed; otherwise the test fails with its output. Returns its standard output.</summary>
    public static string RunChecked(string folder, string program, params ReadOnlySpan<string> arguments)
    {
        Result result = Run(folder, program, arguments);
        if (result.ExitCode != 0)
        {
            Assert.Fail($"{Path.GetFileName(program)} {string.Join(' ', arguments)}: exit code {result.ExitCode}\n{result.Output}{result.Errors}");
        }

        return result.Output;
    }

    private static bool CanImport(string python, string module)
    {
        try
        {
            return Run(Path.GetTempPath(), python, "-c", $"import {module}").ExitCode == 0;
        }
        catch (Win32Exception)
        {
            return false; // There is no such program.
        }
    }
}
