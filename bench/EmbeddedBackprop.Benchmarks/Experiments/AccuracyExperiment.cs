using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;
using EmbeddedBackprop.Benchmarks.Reports;

namespace EmbeddedBackprop.Benchmarks.Experiments;

/// <summary>
/// The accuracies of docs/results.md: each run is one command line of the ebp program, every run counts, and its last epoch is the result.
/// </summary>
internal static class AccuracyExperiment
{
    public static int Run(string[] arguments)
    {
        string? data = Environment.GetEnvironmentVariable("EBP_DATA");
        int jobs = 1, place = 1;
        AccuracyRow? row = arguments.Length == 0 ? null : AccuracyRows.All.FirstOrDefault(candidate => candidate.Name == arguments[0]);
        for (; place + 1 < arguments.Length; place += 2)
        {
            if (arguments[place] == "--data-dir")
            {
                data = arguments[place + 1];
            }
            else if (
                arguments[place] != "--jobs"
                || !int.TryParse(arguments[place + 1], NumberStyles.None, CultureInfo.InvariantCulture, out jobs)
                || jobs is < 1 or > 64)
            {
                break;
            }
        }

        if (row is null || place != arguments.Length)
        {
            Console.Error.WriteLine(
                $"experiment accuracy NAME [--data-dir DIR] [--jobs N]; NAME is one of {string.Join(", ", AccuracyRows.All.Select(known => known.Name))}."
            );
            return 2;
        }

        if (string.IsNullOrEmpty(data) || !Directory.Exists(Path.Combine(data, row.Folder)))
        {
            Console.Error.WriteLine($"experiment accuracy wants a folder of data sets: --data-dir DIR, or EBP_DATA, with a folder {row.Folder}.");
            return 2;
        }

        string program = Path.Combine(ResultFile.Root, "tools", "Ebp", "bin", "Release", "net10.0", "ebp.dll");
        if (!File.Exists(program))
        {
            Console.Error.WriteLine("ebp is not built: dotnet build -c Release tools/Ebp");
            return 2;
        }

        StringBuilder text = new();
        text.Append("Every run is one command line, every run counts, and the accuracy is that of the last epoch. ").Append(row.Choice).Append('\n');
        foreach ((string label, string[] options) in row.Nets)
        {
            Measure(row, label, options, program, Path.Combine(data, row.Folder), jobs, text);
        }

        _ = text.Append(row.Beside?.Invoke(Path.Combine(data, row.Folder)));
        ResultFile.Write("accuracy-" + row.Name, row.Title, $"experiment accuracy {row.Name} --data-dir DIR", text.ToString());
        return 0;
    }

    private static void Measure(AccuracyRow row, string label, string[] options, string program, string folder, int jobs, StringBuilder text)
    {
        AccuracyRun[] results = new AccuracyRun[row.Runs.Length];
        ConcurrentQueue<int> waiting = new(Enumerable.Range(0, results.Length));
        Thread[] workers = new Thread[Math.Min(jobs, results.Length)];
        ConcurrentQueue<Exception> failures = new();
        for (int i = 0; i < workers.Length; i++)
        {
            workers[i] = new Thread(() =>
            {
                try
                {
                    while (failures.IsEmpty && waiting.TryDequeue(out int run))
                    {
                        results[run] = Train(row, [.. options, .. row.Runs[run]], program, folder);
                        Console.WriteLine(
                            string.Create(CultureInfo.InvariantCulture, $"{label}, {string.Join(' ', row.Runs[run])}: {results[run].Accuracy:P2}"));
                    }
                }
                catch (Exception exception) when (exception is InvalidOperationException or IOException or JsonException)
                {
                    failures.Enqueue(exception);
                }
            });
            workers[i].Start();
        }

        foreach (Thread worker in workers)
        {
            worker.Join();
        }

        if (failures.TryPeek(out Exception? failure))
        {
            throw new InvalidOperationException($"{label}: {failure.Message}", failure);
        }

        Append(row, label, options, results, text);
    }

    private static void Append(AccuracyRow row, string label, string[] options, AccuracyRun[] results, StringBuilder text)
    {
        text.Append(
            CultureInfo.InvariantCulture,
            $"\n## {label}\n\n`ebp train {string.Join(' ', options.Select(Quoted))} ...`: {results[0].Parameters:N0} parameters.\n\n");
        text.Append("| run | training accuracy | test accuracy |");
        foreach (string file in row.Judged)
        {
            text.Append(CultureInfo.InvariantCulture, $" {file}: accuracy | always the majority | balanced | AUC |");
        }

        text.Append(" epochs | training, s | weights (SHA-256) |\n| --- | ---: | ---: |");
        for (int i = 0; i < row.Judged.Length; i++)
        {
            text.Append(" ---: | ---: | ---: | ---: |");
        }

        text.Append(" ---: | ---: | --- |\n");
        for (int run = 0; run < results.Length; run++)
        {
            AccuracyRun result = results[run];
            text.Append(CultureInfo.InvariantCulture, $"| `{string.Join(' ', row.Runs[run])}` | {result.Training:P2} | {result.Accuracy:P2} |");
            foreach (AccuracyJudgement judged in result.Judged)
            {
                text.Append(
                    CultureInfo.InvariantCulture,
                    $" {judged.Accuracy:P2} | {judged.Majority:P2} | {judged.Balanced:P2} | {judged.Area:F3} |");
            }

            text.Append(CultureInfo.InvariantCulture, $" {result.Epochs} | {result.Seconds:F1} | `{result.Hash[..16]}...` |\n");
        }

        text.Append(
            CultureInfo.InvariantCulture,
            $"| **mean of {results.Length}** | {results.Average(result => result.Training):P2} | **{results.Average(result => result.Accuracy):P2}** |"
        );
        for (int i = 0; i < row.Judged.Length; i++)
        {
            text.Append(
                CultureInfo.InvariantCulture,
                $" {results.Average(result => result.Judged[i].Accuracy):P2} | {results[0].Judged[i].Majority:P2} | {results.Average(result => result.Judged[i].Balanced):P2} | {results.Average(result => result.Judged[i].Area):F3} |"
            );
        }

        text.Append(
            CultureInfo.InvariantCulture,
            $" | | |\n\nTest accuracy from {results.Min(result => result.Accuracy):P2} to {results.Max(result => result.Accuracy):P2}, median {Median(results):P2}.\n");
    }

    private static double Median(AccuracyRun[] results)
    {
        double[] sorted = [.. results.Select(result => result.Accuracy).Order()];
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }

    private static AccuracyRun Train(AccuracyRow row, string[] options, string program, string folder)
    {
        string output = Directory.CreateTempSubdirectory("ebp-bench").FullName;
        try
        {
            string model = Path.Combine(output, "model.safetensors");
            using JsonDocument document = Ask(
                program,
                ["train", .. options.Select(option => Placed(option, folder)), "--out", model]);
            JsonElement result = document.RootElement;
            JsonElement last = result.GetProperty("epochs").EnumerateArray().Last();
            return new AccuracyRun(
                result.GetProperty("test_accuracy").GetDouble(),
                last.GetProperty("train_accuracy").GetDouble(),
                result.GetProperty("parameters").GetInt32(),
                result.GetProperty("epochs").GetArrayLength(),
                result.GetProperty("train_seconds").GetDouble(),
                result.GetProperty("weights_hash").GetString()!,
                [.. row.Judged.Select(file => Judge(program, model, Path.Combine(folder, file)))]);
        }
        finally
        {
            Directory.Delete(output, recursive: true);
        }
    }

    private static AccuracyJudgement Judge(string program, string model, string file)
    {
        using JsonDocument document = Ask(program, ["eval", model, "--data", "csv:" + file]);
        JsonElement result = document.RootElement;
        return new AccuracyJudgement(
            result.GetProperty("accuracy").GetDouble(), result.GetProperty("majority_share").GetDouble(),
            result.GetProperty("balanced_accuracy").GetDouble(), result.GetProperty("auc").GetDouble());
    }

    private static JsonDocument Ask(string program, string[] arguments)
    {
        using Process process = Process.Start(
            new ProcessStartInfo("dotnet", [program, .. arguments, "--json"]) { RedirectStandardOutput = true, RedirectStandardError = true }
        )!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string text = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0
            ? JsonDocument.Parse(text.TrimEnd().Split('\n')[^1])
            : throw new InvalidOperationException($"ebp {arguments[0]} ended with {process.ExitCode}: {errors.Result.TrimEnd()}");
    }

    private static string Placed(string option, string folder) =>
        option.Replace("DIR", folder, StringComparison.Ordinal).Replace("ROOT", ResultFile.Root, StringComparison.Ordinal);

    private static string Quoted(string option) => option.Contains(' ', StringComparison.Ordinal) ? $"\"{option}\"" : option;
}
