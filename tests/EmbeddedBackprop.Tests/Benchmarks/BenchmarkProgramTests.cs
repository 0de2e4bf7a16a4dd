using System.Globalization;

namespace EmbeddedBackprop.Tests.Benchmarks;

/// <summary>The measured code is also right: the benchmark program's verbs, in processes of their own because they change the vector width.</summary>
[Parallelizable(ParallelScope.Self)]
public class BenchmarkProgramTests
{
    [Test]
    public void Every_benchmark_gives_the_same_bits_in_its_three_forms_and_allocates_nothing() =>
        Assert.That(Run("check"), Does.Match("^[1-9][0-9]+ cases, .*the same bits, no byte allocated"));

    [Test]
    public void A_benchmark_that_allocates_within_its_timed_call_is_named()
    {
        Tools.Result result = Tools.Run(Repository.Root, "dotnet", Program, "check", "--planted");
        Assert.That(result.ExitCode, Is.EqualTo(1));
        Assert.That(
            result.Errors,
            Does.Match(@"Planted planted 10: a call allocates [1-9]\d* bytes \(loop\), [1-9]\d* \(Vector<T>\), [1-9]\d* \(tiled\)"));
        Assert.That(result.Output, Does.Contain("the same bits, 1 allocate"));
    }

    [TestCase("-", 0, "")]
    [TestCase("240 B", 1, "allocates: PoolBench max 1x16x8x8, Vector<T>: 240 B")]
    [TestCase("NA", 1, "allocates: PoolBench max 1x16x8x8, Vector<T>: NA")]
    public void The_report_fails_on_a_row_that_allocates_and_names_it(string allocated, int exitCode, string named)
    {
        string root = Directory.CreateTempSubdirectory("ebp-report").FullName;
        try
        {
            string folder = Directory.CreateDirectory(Path.Combine(root, "bench", "results", "processor")).FullName;
            File.WriteAllText(Path.Combine(folder, "PoolBench.md"), $"""
                | Method | Case | Mean | Min | Rate | Of peak | Allocated |
                |------- |----- |-----:|----:|-----:|--------:|----------:|
                | **loop** | **max 1x16x8x8** | **2,000.0 ns** | **1,900.0 ns** | **-** | **-** | **-** |
                | Vector&lt;T&gt; | max 1x16x8x8 | 200.0 ns | 190.0 ns | - | - | {allocated} |
                | tiled | max 1x16x8x8 | 190.0 ns | 180.0 ns | - | - | - |
                """);

            // Another machine's, first in the order of names, without tables of kernels: the page links it.
            string other = Directory.CreateDirectory(Path.Combine(root, "bench", "results", "another")).FullName;
            File.WriteAllText(Path.Combine(other, "peers.md"), """
                | work | EmbeddedBackprop | PyTorch | ahead of us | must | met | aim |
                | --- | --- | --- | --- | --- | --- | --- |
                | one prediction | 1 us | 2 us, **2** | nobody | 2 us | yes | 1 us, met |
                """);
            File.Copy(Path.Combine(other, "peers.md"), Path.Combine(folder, "peers.md"));
            Tools.Result result = Tools.Run(Repository.Root, "dotnet", Program, "report", root);
            Assert.That(result.ExitCode, Is.EqualTo(exitCode), result.Errors);
            Assert.That(result.Errors.Trim(), Is.EqualTo(named));
            Assert.That(
                File.ReadAllText(Path.Combine(root, "docs", "benchmarks.md")),
                Does.Contain("[all figures](../bench/results/processor/peers.md). Another machine: [another](../bench/results/another/peers.md)."));
            Assert.That(File.ReadAllText(Path.Combine(root, "docs", "benchmarks.md")), Does.Contain("pool max 1x16x8x8"));
        }
        finally
        {
            Directory.Delete(root, recursive: true);
        }
    }

    [TestCase("widths", "product", 27, "one thread, GFLOP/s", 0)]
    [TestCase("functions", "elements", 15, "must, ulp", 5)]
    [TestCase("scaling", "batch", 4, "H", 2)]
    [TestCase("roofline", "registers", 1, "kernel", 18)]
    [TestCase("convolution", "net", 12, "pass", 200)]
    [TestCase("signals", "n", 5, "features", 3)]
    public void An_experiment_prints_its_tables(string experiment, string first, int firstRows, string second, int secondRows)
    {
        string output = Run("experiment", experiment, "--quick");
        foreach ((string column, int least) in ((string, int)[])[(first, firstRows), (second, secondRows)])
        {
            List<Dictionary<string, string>> rows = Rows(output, column);
            Assert.That(rows, Has.Count.GreaterThanOrEqualTo(least), output);
            foreach ((string name, string cell) in rows.SelectMany(row => row).Where(cell => cell.Key.Contains("FLOP/s", StringComparison.Ordinal)))
            {
                Assert.That(Number(cell), Is.GreaterThan(0), name);
            }
        }

        // A run that gives no figures writes nothing.
        Assert.That(output, Does.Not.Contain("written:").And.Not.Contains("DIFFERENT"));
    }

    /// <summary>The parts of a run are the run: their times make up the whole, and passes that a net must have are there.</summary>
    [Test]
    public void A_convolution_net_is_timed_part_by_part()
    {
        string output = Run("experiment", "convolution", "digits");
        List<Dictionary<string, string>> nets = Rows(output, "net"), parts = Rows(output, "pass");
        Assert.That(nets.Select(row => row["bits"]).ToArray(), Has.Length.EqualTo(3).And.All.EqualTo("equal"), output);
        Assert.That(nets.Select(row => Number(row["parts / whole"])), Has.All.InRange(0.5, 2), output);
        string[] passes = [.. parts.Where(row => row["op"] == "conv 16 5x5 relu").Select(row => row["pass"]).Distinct()];
        Assert.That(passes, Is.SupersetOf((string[])["forward", "input gradient", "weight gradient and update"]));
        Assert.That(parts.Where(row => row["gradients not 0"] != ""), Has.None.Matches<Dictionary<string, string>>(row => row["pass"] == "forward"));
        Assert.That(Tools.Run(Repository.Root, "dotnet", Program, "experiment", "convolution", "nonsense").ExitCode, Is.EqualTo(2));
    }

    [Test]
    public void Two_builds_are_compared_in_turn()
    {
        // Both sides are this build: the ratios are about 1, but a busy machine may say anything of three short rounds.
        Tools.Result result = Tools.Run(Repository.Root, "dotnet", Program, "compare", Path.GetDirectoryName(Program)!, "--quick");
        List<Dictionary<string, string>> rows = Rows(result.Output, "ratio, median");
        Assert.That(rows, Has.Count.EqualTo(12), result.Errors);
        Assert.That(rows.Select(row => Number(row["ratio, median"])), Has.All.GreaterThan(0));
        Assert.That(result.ExitCode, Is.EqualTo(rows.Any(row => row["no slower"] == "no") ? 1 : 0));
    }

    [TestCase("1e-12", 1, "no")]
    [TestCase("1000", 0, "yes", Category = "Slow")]
    public void A_build_that_is_slower_than_the_other_fails_the_comparison(string seconds, int exitCode, string noSlower)
    {
        if (OperatingSystem.IsWindows())
        {
            Assert.Ignore("the other side is a shell script");
            return;
        }

        // The other side is a script that claims a time.
        string folder = Directory.CreateTempSubdirectory("ebp-compare").FullName;
        try
        {
            string program = Path.Combine(folder, "other");
            File.WriteAllText(program, $"#!/bin/sh\nwhile read -r line; do echo '{{\"seconds\":{seconds}}}'; done\n");
            File.SetUnixFileMode(program, UnixFileMode.UserRead | UnixFileMode.UserExecute);
            Tools.Result result = Tools.Run(Repository.Root, "dotnet", Program, "compare", program, "--quick");
            Assert.That(result.ExitCode, Is.EqualTo(exitCode), result.Errors);
            Assert.That(Rows(result.Output, "no slower").Select(row => row["no slower"]).ToArray(), Has.Length.EqualTo(12).And.All.EqualTo(noSlower));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Test]
    public void A_comparison_with_nothing_is_wrong_usage() =>
        Assert.That(Tools.Run(Repository.Root, "dotnet", Program, "compare", "nowhere").ExitCode, Is.EqualTo(2));

    [Test]
    public void Targets_are_met_or_missed_by_how_much()
    {
        string folder = Directory.CreateTempSubdirectory("ebp-targets").FullName;
        try
        {
            File.WriteAllText(Path.Combine(folder, "peers.md"), """
                | work | EmbeddedBackprop | PyTorch | must | met | aim |
                | --- | ---: | ---: | ---: | --- | ---: |
                | an epoch of 50,000 samples, [784,30,10], batch 10 | 45 ms | 540 ms, **12** | 36 ms | no | 28 ms |
                | one prediction, [784,30,10] | 880 ns | | 1 us | yes | 900 ns, met |

                | product | EmbeddedBackprop | of peak | OpenBLAS | of peak | ratio | ahead | must | met |
                | --- | ---: | ---: | ---: | ---: | ---: | --- | --- | --- |
                | NN 64x64x64 | 258 | 98 % | 263 | 97 % | 0.98 | OpenBLAS | 90 % of peak, 0.97 of OpenBLAS | yes |
                | TN 64x64x64 | 258 | 81 % | 263 | 97 % | 1.00 | OpenBLAS | 90 % of peak, 0.97 of OpenBLAS | no |
                | NN 10x30x10 | 55 | 20 % | 89 | 33 % | 0.50 | OpenBLAS | 1.00 of OpenBLAS | no |
                """);
            string output = Run("targets", folder);
            Dictionary<string, Dictionary<string, string>> rows = Rows(output, "measured").ToDictionary(row => row["work"].Split(':')[0]);
            Assert.That(rows["an epoch of 50,000 samples, [784,30,10], batch 10"]["met"], Is.EqualTo("no, missed by 25 %"));
            Assert.That(rows["one prediction, [784,30,10]"]["met"], Is.EqualTo("yes"));
            Assert.That(rows["[784,30,10], batch 10"]["measured"], Is.EqualTo("12"));
            Assert.That(
                rows["products NN and TN, 64^3 to 512^3, 64x784x512, 256x512x512"]["met"],
                Is.EqualTo("no, missed by 10 %: TN 64x64x64 81 %"));
            Assert.That(rows["the same, times as fast as OpenBLAS"]["met"], Is.EqualTo("yes"));
            Assert.That(rows["10x784x30, 10x30x10, 32x784x30 and their gradients"]["met"], Is.EqualTo("no, missed by 50 %: NN 10x30x10 0.50"));
            Assert.That(rows["bytes allocated by a training step"]["measured"], Is.EqualTo("not measured"));
            Assert.That(output, Does.Contain("2 of 5 musts are met"));
            Assert.That(File.ReadAllText(Path.Combine(folder, "targets.md")), Does.Contain("missed by 25 %"));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>
    /// README.md and docs/benchmarks.md are the output of the command report for bench/results, and change when a figure of the results does.
    /// </summary>
    [Test]
    public void The_pages_show_the_results_that_are_kept()
    {
        string results = Path.Combine("bench", "results", "amd-epyc-zen5");
        string root = Directory.CreateTempSubdirectory("ebp-report").FullName;
        try
        {
            string folder = Path.Combine(root, results);
            foreach (string file in Directory.GetFiles(Path.Combine(Repository.Root, "bench", "results"), "*", SearchOption.AllDirectories))
            {
                string copy = Path.Combine(root, Path.GetRelativePath(Repository.Root, file));
                Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
                File.Copy(file, copy);
            }

            foreach (bool changed in (bool[])[false, true])
            {
                if (changed)
                {
                    File.WriteAllText(
                        Path.Combine(folder, "peers.md"),
                        File.ReadAllText(Path.Combine(folder, "peers.md"))
                            .Replace("[784,30,10], batch 10 |", "[784,30,10], batch 10 | 1", StringComparison.Ordinal));
                }

                File.Copy(Path.Combine(Repository.Root, "README.md"), Path.Combine(root, "README.md"), overwrite: true);
                Tools.Run(Repository.Root, "dotnet", Program, "report", root);
                foreach (string page in (string[])["README.md", "docs/benchmarks.md"])
                {
                    Assert.That(
                        File.ReadAllText(Path.Combine(root, page)) == File.ReadAllText(Path.Combine(Repository.Root, page)),
                        Is.EqualTo(!changed),
                        $"{page}, {(changed ? "another figure" : "as kept: run the command report")}");
                }
            }
        }
        finally
        {
            Directory.Delete(root, recursive: true);
        }
    }

    [Test]
    public void An_unknown_experiment_is_wrong_usage()
    {
        Tools.Result result = Tools.Run(Repository.Root, "dotnet", Program, "experiment", "nonsense");
        Assert.That(result.ExitCode, Is.EqualTo(2));
        Assert.That(result.Errors, Does.Contain("experiment scaling"));
    }

    internal static string Program
    {
        get
        {
            DirectoryInfo here = new(AppContext.BaseDirectory.TrimEnd(Path.DirectorySeparatorChar));
            return Path.Combine(
                Repository.Root,
                "bench",
                "EmbeddedBackprop.Benchmarks",
                "bin",
                here.Parent!.Name,
                here.Name,
                "EmbeddedBackprop.Benchmarks.dll");
        }
    }

    private static string Run(params string[] arguments) => Tools.RunChecked(Repository.Root, "dotnet", [Program, .. arguments]);

    /// <summary>The rows of all Markdown tables that have a column; of columns with the same name, the first.</summary>
    private static List<Dictionary<string, string>> Rows(string text, string column)
    {
        List<Dictionary<string, string>> rows = [];
        string[]? header = null;
        foreach (string line in text.Split('\n'))
        {
            string[] cells = [.. line.Trim().Trim('|').Split('|').Select(cell => cell.Trim())];
            if (!line.StartsWith('|'))
            {
                header = null;
            }
            else if (header is null)
            {
                header = cells;
            }
            else if (header.Contains(column) && !cells[0].StartsWith("--", StringComparison.Ordinal))
            {
                rows.Add(header.Zip(cells).DistinctBy(pair => pair.First).ToDictionary(pair => pair.First, pair => pair.Second));
            }
        }

        return rows;
    }

    private static double Number(string cell) => double.Parse(cell, NumberStyles.Number, CultureInfo.InvariantCulture);
}
