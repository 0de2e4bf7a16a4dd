using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace EmbeddedBackprop.Tests.Ebp;

/// <summary>
/// Runs the built command line tool in an empty folder of its own: every command in a process of its own with EBP_SLOW=1, else many after another in
/// one (<see cref="EbpHost"/>).
/// </summary>
internal sealed class EbpProcess : IDisposable
{
    private static readonly string Dll = FindDll();

    // The dotnet that runs this process: <root>/shared/Microsoft.NETCore.App/<version>/ holds the runtime.
    private static readonly string Dotnet = Path.GetFullPath(Path.Combine(
        RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", "..", OperatingSystem.IsWindows() ? "dotnet.exe" : "dotnet"));

    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("ebp-cli-");

    internal readonly record struct Result(int ExitCode, string Output, string Errors);

    /// <summary>The folder that the tool is run in.</summary>
    public string Folder => folder.FullName;

    /// <summary>The tool in a command line of a shell.</summary>
    public static string ShellCommand => $"'{Dotnet}' '{Dll}'";

    public static string[] Words(string commandLine) => commandLine.Split(' ', StringSplitOptions.RemoveEmptyEntries);

    public string File(string name, string text)
    {
        string path = Path.Combine(Folder, name);
        System.IO.File.WriteAllText(path, text);
        return path;
    }

    public string File(string name, byte[] bytes)
    {
        string path = Path.Combine(Folder, name);
        System.IO.File.WriteAllBytes(path, bytes);
        return path;
    }

    /// <summary>The bytes of a file in the folder.</summary>
    public byte[] Bytes(string name) => System.IO.File.ReadAllBytes(Path.Combine(Folder, name));

    public Process Start(params string[] arguments) => Start(Dotnet, [], arguments);

    /// <summary>
    /// Starts the tool as a shell does in the foreground: a test run that was started in the background ignores the interrupt, and would hand that
    /// on.
    /// </summary>
    public Process StartInterruptible(params string[] arguments) =>
        OperatingSystem.IsLinux() ? Start("env", ["--default-signal=INT", Dotnet], arguments) : Start(arguments);

    private Process Start(string program, string[] first, string[] arguments) =>
        Process.Start(Information(program, first, arguments)) ?? throw new InvalidOperationException("the tool did not start");

    private ProcessStartInfo Information(string program, string[] first, string[] arguments)
    {
        ProcessStartInfo start = new(program)
        {
            RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = Folder,
        };
        foreach (string argument in (string[])[.. first, Dll, .. arguments])
        {
            start.ArgumentList.Add(argument);
        }

        return start;
    }

    public Result Run(params string[] arguments) => RunWithInput("", arguments);

    public Result RunWithInput(string input, params string[] arguments) =>
        Effort.IsSlow ? RunAlone(input, arguments) : EbpHost.Run(() => Information(Dotnet, [], []), Folder, input, arguments);

    /// <summary>The same in a process of its own.</summary>
    public Result RunAlone(string input, params string[] arguments)
    {
        using Process process = Start(arguments);
        Task<string> errors = process.StandardError.ReadToEndAsync();
        process.StandardInput.Write(input);
        process.StandardInput.Close();
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        ChildProcess.WaitForExit(process);
        return new Result(process.ExitCode, output.GetAwaiter().GetResult(), errors.GetAwaiter().GetResult());
    }

    /// <summary>Runs the tool with --json; it has to succeed. Returns the object on the last line of its output.</summary>
    public JsonElement RunJson(params string[] arguments)
    {
        Result result = Run([.. arguments, "--json"]);
        Assert.That(result.ExitCode, Is.Zero, $"{string.Join(' ', arguments)}\n{result.Errors}");
        return LastLine(result.Output);
    }

    /// <summary>What a training told about its data.</summary>
    public static string[] Notes(JsonElement result) => [.. result.GetProperty("notes").EnumerateArray().Select(note => note.GetString()!)];

    public static JsonElement LastLine(string output)
    {
        string last = output.TrimEnd().Split('\n')[^1];
        using JsonDocument document = JsonDocument.Parse(last);
        return document.RootElement.Clone();
    }

    public void Dispose() => folder.Delete(recursive: true);

    private static string FindDll()
    {
        // tests/EmbeddedBackprop.Tests/bin/<configuration>/<framework>/ is where this assembly lies.
        DirectoryInfo here = new(AppContext.BaseDirectory.TrimEnd(Path.DirectorySeparatorChar));
        string configuration = here.Parent!.Name;
        string root = here.Parent.Parent!.Parent!.Parent!.Parent!.FullName;
        string dll = Path.Combine(root, "tools", "Ebp", "bin", configuration, here.Name, "ebp.dll");
        return System.IO.File.Exists(dll) ? dll : throw new FileNotFoundException($"the tool was not built: {dll}");
    }
}
