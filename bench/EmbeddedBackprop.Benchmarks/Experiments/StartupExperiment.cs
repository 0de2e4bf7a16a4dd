using System.Diagnostics;
using System.Globalization;
using System.Text;
using EmbeddedBackprop.Benchmarks.Reports;

namespace EmbeddedBackprop.Benchmarks.Experiments;

/// <summary>
/// The program ebp built in three ways: from the start of the process to the answer of <c>ebp predict</c>, its resident memory, and that of a
/// training.
/// </summary>
internal static class StartupExperiment
{
    private const int Runs = 41;

    /// <summary>A build, and what it is published with.</summary>
    private static readonly (string Name, string[] Properties)[] Builds =
    [
        ("JIT", []),
        ("ReadyToRun (the package of a release)", ["-r", "linux-x64", "-p:PackReadyToRun=true"]),
        ("NativeAOT, .NET 9, AVX2", ["-r", "linux-x64", "-p:PublishNative=true", "-p:IlcInstructionSet=x86-x64-v3"]),
    ];

    /// <param name="dataFolder">MNIST's files, for the memory of a training on 60,000 images; null for none.</param>
    /// <returns>0 if every build was published and gave the same answer.</returns>
    public static int Run(string? dataFolder)
    {
        string folder = Directory.CreateTempSubdirectory("ebp-startup-").FullName;
        try
        {
            string model = Path.Combine(folder, "model.safetensors"), sample = Path.Combine(folder, "sample.csv");
            List<(string Name, string Program)> programs = [];
            foreach ((string name, string[] properties) in Builds)
            {
                Console.Error.WriteLine($"publishing {name}");
                programs.Add((name, Publish(Path.Combine(folder, $"build{programs.Count}"), properties)));
            }

            Execute(programs[0].Program, ["train", "--data", "digits", "--layers", "784,30,10", "--epochs", "1", "--out", model]);
            File.WriteAllText(sample, string.Join(',', Enumerable.Repeat("0.5", 784)));
            string[] predict = ["predict", model, sample];
            string[] answers = [.. programs.Select(build => Execute(build.Program, predict))];
            bool equal = answers.All(answer => answer == answers[0]);

            StringBuilder text = new();
            text.Append(
                CultureInfo.InvariantCulture,
                $"`ebp predict MODEL FILE` with the net [784,30,10] and one sample: from the start of the process to its end, {Runs} starts of each, in turn; the median and the fastest. ");
            text.Append("Resident memory is the largest of a run (`/usr/bin/time`), the median of 5. \"Training\" is one epoch ");
            text.Append(dataFolder is null ? "of the built-in digits" : "on MNIST's 60,000 images");
            text.Append(CultureInfo.InvariantCulture, $" ([784,30,10], batch 10). Answers: {(equal ? "equal bits" : "DIFFERENT")}.\n\n");
            text.Append("| build | bytes of all files | start to answer, ms | fastest, ms | resident, MB | training, resident, MB |\n");
            text.Append("| --- | ---: | ---: | ---: | ---: | ---: |\n");
            double[][] taken = Turns.Take(Runs, [.. programs.Select(build => (Func<double>)(() => Seconds(build.Program, predict)))]);
            string[] train =
            [
                "train", .. dataFolder is null ? (string[])["--data", "digits"] : ["--data", "mnist", "--data-dir", dataFolder],
                "--layers", "784,30,10", "--batch", "10", "--epochs", "1", "--out", model, "--force",
            ];
            for (int i = 0; i < programs.Count; i++)
            {
                (string name, string program) = programs[i];
                long bytes = Directory.GetFiles(Path.GetDirectoryName(program)!, "*", SearchOption.AllDirectories)
                    .Where(file => Path.GetExtension(file) is not (".pdb" or ".dbg" or ".xml"))
                    .Sum(file => new FileInfo(file).Length);
                text.Append(
                    CultureInfo.InvariantCulture, $"| {name} | {bytes:N0} | {Turns.Median(taken[i]) * 1e3:F1} | {taken[i].Min() * 1e3:F1} ");
                text.Append(
                    CultureInfo.InvariantCulture,
                    $"| {Resident(program, predict):F1} | {ResidentMegabytes(program, train):F1} |\n");
            }

            Console.WriteLine(text);
            ResultFile.Write("startup", "Start of ebp", "experiment startup --data-dir DIR", text.ToString());
            return equal ? 0 : 1;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <returns>The program's file.</returns>
    private static string Publish(string target, string[] properties)
    {
        Execute(
            "dotnet",
            [
                "publish", Path.Combine(ResultFile.Root, "tools", "Ebp"), "-c", "Release", "-o", Path.Combine(target, "out"), "-v", "quiet",
                "-nodeReuse:false", .. properties,
            ]);
        return Path.Combine(target, "out", "ebp");
    }

    private static double Seconds(string program, string[] arguments)
    {
        long start = Stopwatch.GetTimestamp();
        Execute(program, arguments);
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    private static double Resident(string program, string[] arguments) =>
        Turns.Median(Enumerable.Range(0, 5).Select(_ => ResidentMegabytes(program, arguments)));

    // GNU time (Debian: time) prints the largest resident set in KB.
    private static double ResidentMegabytes(string program, string[] arguments) =>
        double.Parse(
            Execute("/usr/bin/time", ["-f", "%M", program, .. arguments]).Split('\n', StringSplitOptions.RemoveEmptyEntries)[^1],
            CultureInfo.InvariantCulture) / 1000;

    /// <returns>Output and errors of a program that succeeded.</returns>
    private static string Execute(string program, string[] arguments)
    {
        ProcessStartInfo start = new(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        using Process process = Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd() + errors.GetAwaiter().GetResult();
        process.WaitForExit();
        return process.ExitCode == 0 ? output : throw new InvalidOperationException($"{program}: exit code {process.ExitCode}\n{output}");
    }
}
