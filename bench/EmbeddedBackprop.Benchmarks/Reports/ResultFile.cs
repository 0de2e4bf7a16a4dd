using System.Diagnostics;
using System.Globalization;
using System.Numerics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using System.Text;

namespace EmbeddedBackprop.Benchmarks.Reports;

/// <summary>A file of bench/results: a table under a header that says by what it was measured.</summary>
internal static class ResultFile
{
    /// <summary>The repository's root.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>bench/results/CPU.</summary>
    public static string Folder => Path.Combine(Root, "bench", "results", Slug);

    /// <summary>docs/charts.</summary>
    public static string Charts => Path.Combine(Root, "docs", "charts");

    /// <summary>The processor's name from cpuid, and its generation where a virtual machine hides the model.</summary>
    public static string Processor { get; } = ReadProcessor();

    private static string Slug =>
        string.Join(
            '-',
            new string([
                .. Processor
                    .ToLowerInvariant()
                    .Replace("(r)", "", StringComparison.Ordinal)
                    .Replace("(tm)", "", StringComparison.Ordinal)
                    .Replace("zen ", "zen", StringComparison.Ordinal)
                    .Select(c => char.IsAsciiLetterOrDigit(c) ? c : ' '),
            ]).Split(' ', StringSplitOptions.RemoveEmptyEntries));

    /// <summary>Writes NAME.md.</summary>
    /// <param name="name">The file's name without extension.</param>
    /// <param name="title">The heading.</param>
    /// <param name="command">The program's arguments that make the file again.</param>
    /// <param name="body">Markdown below the header.</param>
    public static void Write(string name, string title, string command, string body)
    {
        StringBuilder text = new();
        string vector = string.Create(
            CultureInfo.InvariantCulture,
            $"Vector&lt;float&gt;.Count {Vector<float>.Count}, Vector512 {(Vector512.IsHardwareAccelerated ? "yes" : "no")}");
        text.Append(CultureInfo.InvariantCulture, $"# {title}\n\n| measured with | |\n| --- | --- |\n");
        text.Append(
            CultureInfo.InvariantCulture,
            $"| CPU | {Processor}, {RuntimeInformation.ProcessArchitecture}; {vector}; peak of one core {MachinePeak.Gflops:F0} GFLOP/s |\n");
        text.Append(CultureInfo.InvariantCulture, $"| SDK, runtime | {Output("dotnet", "--version")}, {RuntimeInformation.FrameworkDescription} |\n");
        text.Append(CultureInfo.InvariantCulture, $"| system | {RuntimeInformation.OSDescription} |\n| commit | {Commit()} |\n");
        text.Append(
            CultureInfo.InvariantCulture,
            $"| command | `dotnet run -c Release --project bench/EmbeddedBackprop.Benchmarks -- {command}` |\n\n");
        text.Append(body.Replace("\r\n", "\n", StringComparison.Ordinal).TrimEnd()).Append('\n');
        Directory.CreateDirectory(Folder);
        string path = Path.Combine(Folder, name + ".md");
        File.WriteAllText(path, text.ToString());
        Console.WriteLine($"written: {Path.GetRelativePath(Root, path)}");
    }

    /// <summary>The standard output of a command, trimmed; "unknown" if it fails.</summary>
    private static string Output(string program, params string[] arguments)
    {
        try
        {
            using Process process = Process.Start(
                new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, WorkingDirectory = Root }
            )!;
            string text = process.StandardOutput.ReadToEnd().Trim();
            process.WaitForExit();
            return process.ExitCode == 0 ? text : "unknown";
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return "unknown";
        }
    }

    private static string Commit()
    {
        string changes = Output("git", "status", "--porcelain", "--", "src", "bench/EmbeddedBackprop.Benchmarks", "Directory.Build.props");
        return Output("git", "rev-parse", "--short=10", "HEAD") + (changes is "" or "unknown" ? "" : " with changes");
    }

    private static string FindRoot()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "EmbeddedBackprop.sln")))
            {
                return folder.FullName;
            }
        }

        throw new DirectoryNotFoundException(
            $"No EmbeddedBackprop.sln above {AppContext.BaseDirectory}: the benchmarks write into the repository they were built in.");
    }

    private static string ReadProcessor()
    {
        if (!X86Base.IsSupported)
        {
            return RuntimeInformation.ProcessArchitecture.ToString();
        }

        // Leaves 0x80000002 to 4 hold 48 characters of the name.
        StringBuilder name = new();
        for (int leaf = 0; leaf < 3; leaf++)
        {
            (int a, int b, int c, int d) = X86Base.CpuId(unchecked((int)0x80000002) + leaf, 0);
            foreach (int word in (ReadOnlySpan<int>)[a, b, c, d])
            {
                name.Append(Encoding.ASCII.GetString(BitConverter.GetBytes(word)));
            }
        }

        int signature = X86Base.CpuId(1, 0).Eax;
        int family = ((signature >> 8) & 15) + ((signature >> 20) & 255), model = ((signature >> 4) & 15) | ((signature >> 12) & 0xF0);
        string generation = family switch
        {
            0x17 => model >= 0x30 ? " (Zen 2)" : " (Zen)",
            0x19 => model is >= 0x10 and < 0x20 or >= 0x60 ? " (Zen 4)" : " (Zen 3)",
            0x1A => " (Zen 5)",
            _ => "",
        };
        return name.ToString().Replace("\0", "", StringComparison.Ordinal).Trim() + generation;
    }
}
