using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;
using EmbeddedBackprop.Benchmarks.Reports;

namespace EmbeddedBackprop.Benchmarks.Experiments;

/// <summary>
/// Nielsen's recipe on MNIST as a user runs it: the ebp program from its start to its exit, loading, testing after each epoch and saving included.
/// </summary>
internal static class NielsenExperiment
{
    private const string Recipe =
        "--layers 784,30,10 --activation sigmoid --output-activation sigmoid --loss quadratic --init normal --optimizer sgd --lr 3 --batch 10 --epochs 30 --limit 50000";

    public static int Run(string? folder)
    {
        if (folder is null)
        {
            Console.Error.WriteLine("experiment nielsen wants MNIST: --data-dir DIR, or EBP_DATA with a folder mnist.");
            return 2;
        }

        string program = Path.Combine(ResultFile.Root, "tools", "Ebp", "bin", "Release", "net10.0", "ebp.dll");
        if (!File.Exists(program))
        {
            Console.Error.WriteLine("ebp is not built: dotnet build -c Release tools/Ebp");
            return 2;
        }

        StringBuilder text = new();
        text.Append("`ebp train --data mnist --data-dir DIR ").Append(Recipe).Append(" --seed S --json`: the first 50,000 samples, one core.\n\n");
        text.Append(
            "| seed | first epoch, ms | median epoch, ms | 30 epochs, s | whole process, s | bytes allocated a step | final test accuracy | best | weights (SHA-256) |\n"
        );
        text.Append("| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |\n");
        List<double> finals = [], bests = [], processes = [], medians = [], firsts = [];
        for (int seed = 1; seed <= 5; seed++)
        {
            (string json, double wall) = Train(program, folder, seed);
            using JsonDocument document = JsonDocument.Parse(json);
            JsonElement result = document.RootElement;
            double[] epochs = [.. result.GetProperty("epochs").EnumerateArray().Select(epoch => epoch.GetProperty("seconds").GetDouble() * 1e3)];
            firsts.Add(epochs[0]);
            medians.Add(Turns.Median(epochs));
            processes.Add(wall);
            finals.Add(result.GetProperty("test_accuracy").GetDouble());
            bests.Add(result.GetProperty("best_test_accuracy").GetDouble());
            string row = string.Create(
                CultureInfo.InvariantCulture,
                $"| {seed} | {epochs[0]:F1} | {medians[^1]:F1} | {result.GetProperty("train_seconds").GetDouble():F2} | {wall:F2} | {result.GetProperty("allocated_bytes_per_step").GetDouble():F0} | {finals[^1]:P2} | {bests[^1]:P2} | `{result.GetProperty("weights_hash").GetString()![..16]}...` |\n"
            );
            Console.WriteLine(row.TrimEnd());
            text.Append(row);
        }

        text.Append(
            CultureInfo.InvariantCulture,
            $"| median | {Turns.Median(firsts):F1} | {Turns.Median(medians):F1} | | {Turns.Median(processes):F2} | | {Turns.Median(finals):P2} | {bests.Max():P2} (the best) | |\n\n"
        );
        text.Append(
            CultureInfo.InvariantCulture,
            $"Runs that never learnt one digit (final accuracy below 90 %): {finals.Count(final => final < 0.9)} of {finals.Count}. ");
        text.Append("The text's author took 82 s for 30 epochs.\n");
        ResultFile.Write("nielsen", "Nielsen's recipe on MNIST", "experiment nielsen --data-dir DIR", text.ToString());
        return 0;
    }

    private static (string Json, double Seconds) Train(string program, string folder, int seed)
    {
        string output = Directory.CreateTempSubdirectory("ebp-bench").FullName;
        try
        {
            string[] arguments =
            [
                program,
                "train",
                "--data",
                "mnist",
                "--data-dir",
                folder,
                .. Recipe.Split(' '),
                "--seed",
                seed.ToString(CultureInfo.InvariantCulture),
                "--out",
                Path.Combine(output, "model.safetensors"),
                "--json",
            ];
            long began = Stopwatch.GetTimestamp();
            using Process process = Process.Start(new ProcessStartInfo("dotnet", arguments) { RedirectStandardOutput = true })!;
            string text = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            double seconds = Stopwatch.GetElapsedTime(began).TotalSeconds;
            if (process.ExitCode != 0)
            {
                throw new InvalidOperationException($"ebp train ended with {process.ExitCode}.");
            }

            return (text.TrimEnd().Split('\n')[^1], seconds);
        }
        finally
        {
            Directory.Delete(output, recursive: true);
        }
    }
}
