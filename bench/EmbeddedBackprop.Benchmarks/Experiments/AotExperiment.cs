using System.Diagnostics;
using System.Globalization;
using System.Text;
using EmbeddedBackprop.Benchmarks.Reports;

namespace EmbeddedBackprop.Benchmarks.Experiments;

/// <summary>
/// Programs of bench/aot/Sizes published ahead of time: their bytes, the time from start to exit, and the most memory that was resident. The
/// fastest of many runs counts, because other programs can only add to it.
/// </summary>
internal static class AotExperiment
{
    private const int Runs = 41;

    private const string Small = "Small=true";

    /// <summary>A program, its settings, and what the table says of them.</summary>
    private static readonly (string Program, string Settings, string[] Properties)[] Publishes =
    [
        ("Small", "small, AVX2", [Small, "IlcInstructionSet=x86-x64-v3"]),
        ("Small", "small, AVX2, fused", [Small, "IlcInstructionSet=x86-x64-v3", "EmbeddedBackpropArithmetic=fused"]),
        ("Predict", "default", []),
        ("Predict", "small", [Small]),
        ("Predict", "small, separate", [Small, "EmbeddedBackpropArithmetic=separate"]),
        ("Predict", "small, fused", [Small, "EmbeddedBackpropArithmetic=fused"]),
        ("PredictFile", "default", []),
        ("PredictFile", "small", [Small]),
        ("Train", "default", []),
        ("Train", "small", [Small]),
        ("Train", "small, separate", [Small, "EmbeddedBackpropArithmetic=separate"]),
        ("Train", "AVX-512", ["IlcInstructionSet=x86-x64-v4"]),
        ("Train", "AVX-512, fused", ["IlcInstructionSet=x86-x64-v4", "EmbeddedBackpropArithmetic=fused"]),
    ];

    /// <param name="programs">The programs to publish; all, and into the results, if there are none.</param>
    /// <returns>0 if every program was published and run.</returns>
    public static int Run(string[] programs)
    {
        string folder = Directory.CreateTempSubdirectory("ebp-aot-sizes-").FullName, model = Path.Combine(folder, "model.safetensors");
        try
        {
            // The model that the others read.
            Console.Error.WriteLine("publishing Train");
            string trainer = Publish(folder, "Train", []);
            Execute(trainer, model);

            StringBuilder text = new();
            text.Append(CultureInfo.InvariantCulture, $"""
                Four programs of `bench/aot/Sizes`, .NET 9, published with NativeAOT. Small trains three dense layers on points in memory; Predict knows its net
                [784, 30, 10] and reads the weights; PredictFile builds whatever net the file holds; Train trains one epoch on 1,000 built-in digits and writes the
                file. Start to exit and memory: the least of {Runs}
                runs; `true` takes {Milliseconds("true")} ms by the same clock.

                | program | settings | bytes | start to exit, ms | resident, MB |
                | --- | --- | ---: | ---: | ---: |

                """);
            foreach ((string program, string settings, string[] properties) in Publishes)
            {
                if (programs.Length > 0 && !programs.Contains(program))
                {
                    continue;
                }

                Console.Error.WriteLine($"publishing {program}, {settings}");
                string file = Publish(folder, program, properties);
                text.Append(
                    CultureInfo.InvariantCulture,
                    $"| {program} | {settings} | {new FileInfo(file).Length:N0} | {Milliseconds(file, model)} |");
                text.Append(CultureInfo.InvariantCulture, $" {ResidentMegabytes(file, model)} |\n");
            }

            text.Append("""

                * default: `PublishAot` alone.
                * small: `InvariantGlobalization` and `UseSystemResourceKeys` true; `StackTraceSupport`, `DebuggerSupport` and `EventSourceSupport` false;
                  `OptimizationPreference` Size.
                * fused, separate: `EmbeddedBackpropArithmetic`. AVX2, AVX-512: `IlcInstructionSet` x86-x64-v3, x86-x64-v4.
                """);
            Console.WriteLine(text);
            if (programs.Length > 0)
            {
                return 0;
            }

            ResultFile.Write("aot-sizes", "Programs published ahead of time: bytes, start, memory", "experiment aot", text.ToString());
            return 0;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <returns>The program's file.</returns>
    private static string Publish(string folder, string program, string[] properties)
    {
        string target = Path.Combine(folder, "publish");
        if (Directory.Exists(target))
        {
            Directory.Delete(target, recursive: true);
        }

        Execute(
            "dotnet",
            [
                "publish", Path.Combine(ResultFile.Root, "bench", "aot", "Sizes"), "-c", "Release", "-o", Path.Combine(target, "out"), "-v", "quiet",
                "-nodeReuse:false", $"-p:Program={program}", $"-p:IntermediateOutputPath={target}/obj/",
                .. properties.Select(property => "-p:" + property),
            ]);
        return Path.Combine(target, "out", program);
    }

    private static string Milliseconds(string program, params string[] arguments)
    {
        double least = double.PositiveInfinity;
        for (int run = 0; run < Runs; run++)
        {
            long start = Stopwatch.GetTimestamp();
            Execute(program, arguments);
            least = Math.Min(least, Stopwatch.GetElapsedTime(start).TotalMilliseconds);
        }

        return least.ToString("F1", CultureInfo.InvariantCulture);
    }

    // GNU time (Debian: time) prints the largest resident set in KB.
    private static string ResidentMegabytes(string program, params string[] arguments)
    {
        double least = double.PositiveInfinity;
        for (int run = 0; run < 5; run++)
        {
            string kilobytes = Execute("/usr/bin/time", ["-f", "%M", program, .. arguments]).Split('\n', StringSplitOptions.RemoveEmptyEntries)[^1];
            least = Math.Min(least, double.Parse(kilobytes, CultureInfo.InvariantCulture) / 1000);
        }

        return least.ToString("F1", CultureInfo.InvariantCulture);
    }

    /// <returns>Output and errors of a program that succeeded.</returns>
    private static string Execute(string program, params string[] arguments)
    {
        ProcessStartInfo start = new(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        using Process process = Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd() + errors.GetAwaiter().GetResult();
        process.WaitForExit();
        return process.ExitCode == 0 ? output : throw new InvalidOperationException($"{program}: exit code {process.ExitCode}\n{output}");
    }
}
