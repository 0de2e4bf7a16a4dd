using System.Globalization;
using System.Text;
using EmbeddedBackprop.Benchmarks.Kernels;
using EmbeddedBackprop.Benchmarks.Steps;

namespace EmbeddedBackprop.Benchmarks.Reports;

/// <summary>
/// Turns bench/results into docs/benchmarks.md and docs/charts. README.md gets a short table and one chart between its two marker lines, if it has
/// them.
/// </summary>
internal static class ReportCommand
{
    private const string Begin = "<!-- benchmarks: begin (written by the command \"report\" of the benchmark program) -->",
        End = "<!-- benchmarks: end -->";

    private static readonly (Type Type, string Title)[] Families =
    [
        (typeof(TrainStepBench), "Training step"),
        (typeof(GemmBench), "Matrix products of a dense layer (samples x inputs x outputs)"),
        (typeof(GemvBench), "Dense layer of one sample (inputs x outputs)"),
        (typeof(DotBench), "One neuron: dot product"),
        (typeof(GerBench), "Rank-1 update (inputs x outputs)"),
        (typeof(ReduceBench), "Sums over samples (samples x outputs)"),
        (typeof(SoftmaxBench), "Softmax (samples x classes)"),
        (typeof(FunctionsBench), "Transcendental functions (length)"),
        (typeof(ElementwiseBench), "Element-wise multiply-add (length)"),
        (typeof(OptimizersBench), "Optimiser updates"),
        (typeof(GatesBench), "Gates of a recurrent layer (samples x units)"),
        (typeof(RecurrentStepBench), "Recurrent nets: training step and prediction (steps x features x units)"),
        (typeof(ConvBench), "Convolutions (samples x channels x rows x columns x filters x kernel)"),
        (typeof(PoolBench), "Pooling (samples x channels x rows x columns)"),
        (typeof(IntegersBench), "Layers on integers: sums and weights to integers, gates (samples x outputs, positions, samples x units)"),
        (typeof(NormBench), "Normalisation and dropout (samples x channels x positions)"),
    ];

    private static readonly HashSet<string> MainCases =
    [
        "[784,30,10] batch 1", "[784,30,10] batch 10", "[784,30,10] batch 10 gathered", "[784,30,10] batch 32", "[784,512,512,10] batch 64",
        "NN 10x784x30", "NN 64x784x512", "TN 64x784x512", "NT 64x512x512", "NN 67x131x33 compact",
    ];

    /// <summary>Rows of peers.md that README shows: where we are ahead, and where we are not.</summary>
    private static readonly HashSet<string> SummaryRows =
    [
        "an epoch of 50,000 samples, [784,30,10], batch 10", "an epoch of 10,000 samples, [784,512,512,10], batch 256", "one prediction, [784,30,10]",
        "a training step, LSTM of 64 units over 128 steps of 9 numbers, batch 32", "a training step, convolution net, batch 32",
    ];

    /// <param name="root">The folder of bench/results, docs and README.md.</param>
    /// <returns>0; 1 if there is nothing to report, or if a measured call allocated: the page is written all the same, and shows it.</returns>
    public static int Run(string root)
    {
        if (TablesFolder(Path.Combine(root, "bench", "results")) is not { } folder)
        {
            Console.Error.WriteLine("bench/results is empty: publish first.");
            return 1;
        }

        Measurement[] all = [.. Families.SelectMany(family => Measurement.Read(folder, family.Type))];
        Measurement[] main = [.. all.Where(row => MainCases.Contains(row.Case))];
        Dictionary<string, string>[] gradient = [.. MarkdownTable.Read(Path.Combine(folder, "differences.md"), "weights")];
        string charts = Path.Combine(root, "docs", "charts");
        Directory.CreateDirectory(charts);
        if (main.Length > 0)
        {
            Charts.Speed(Path.Combine(charts, "speed.svg"), [.. main.Where(row => !row.Case.Contains("gathered", StringComparison.Ordinal))]);
        }

        if (gradient.Length > 0)
        {
            Charts.Gradient(Path.Combine(charts, "gradient.svg"), gradient);
        }

        ScalingChart.Draw(folder, charts);
        RooflineChart.Draw(folder, charts);
        string path = Path.Combine(root, "docs", "benchmarks.md");
        File.WriteAllText(path, Document(folder, all, main));
        Console.WriteLine("written: docs/benchmarks.md, docs/charts");
        string readme = Path.Combine(root, "README.md"), text = File.Exists(readme) ? File.ReadAllText(readme) : "";
        int begin = text.IndexOf(Begin, StringComparison.Ordinal), end = text.IndexOf(End, StringComparison.Ordinal);
        if (begin >= 0 && end > begin)
        {
            File.WriteAllText(readme, text[..begin] + Summary(folder) + text[(end + End.Length)..]);
            Console.WriteLine("written: the table in README.md");
        }

        string[] allocating = Allocations.Read(folder);
        foreach (string row in allocating)
        {
            Console.Error.WriteLine($"allocates: {row}");
        }

        return allocating.Length == 0 ? 0 : 1;
    }

    /// <summary>The folder that has the tables of kernels: this machine's own, or the first of those that have them; null for none.</summary>
    /// <remarks>A machine may have experiments alone, which its own files show.</remarks>
    private static string? TablesFolder(string results)
    {
        string[] folders = Directory.Exists(results) ? Directory.GetDirectories(results) : [];
        folders = [.. folders.Where(folder => Directory.EnumerateFiles(folder, "*Bench.md").Any()).Order()];
        return Array.Find(folders, folder => Path.GetFileName(folder) == Path.GetFileName(ResultFile.Folder)) ?? folders.FirstOrDefault();
    }

    /// <summary>Sentences that link the peers of other machines, from a page whose way to the root is known.</summary>
    private static string OtherPeers(string folder, string toRoot) =>
        string.Concat(
            Directory.GetDirectories(Path.GetDirectoryName(folder)!)
                .Order()
                .Where(other => other != folder && File.Exists(Path.Combine(other, "peers.md")))
                .Select(other => $" Another machine: [{Path.GetFileName(other)}]({toRoot}{Address(other)}/peers.md)."));

    /// <summary>The README's part: a few rows of peers.md, each next to the fastest C and PyTorch, and the chart of the loops.</summary>
    private static string Summary(string folder)
    {
        StringBuilder text = new(Begin);
        text.Append("\n\n| work | EmbeddedBackprop | the fastest C | PyTorch |\n| --- | ---: | --- | ---: |\n");
        foreach (
            Dictionary<string, string> row in MarkdownTable
                .Read(Path.Combine(folder, "peers.md"), "ahead of us")
                .Where(row => row.TryGetValue("work", out string? work) && SummaryRows.Contains(work)))
        {
            KeyValuePair<string, string> fastest = row.Where(cell =>
                    cell.Key.StartsWith("C ", StringComparison.Ordinal) || cell.Key.StartsWith("C,", StringComparison.Ordinal))
                .Where(cell => cell.Value.Length > 0)
                .MinBy(cell => TimesOurs(cell.Value));
            text.Append(
                CultureInfo.InvariantCulture,
                $"| {row["work"]} | {row["EmbeddedBackprop"]} | {fastest.Value} ({fastest.Key}) | {row["PyTorch"]} |\n");
        }

        text.Append("\nBeside each time: how many times ours it is; below 1 the other program is faster. One core, medians, all programs in turn:\n");
        text.Append(
            CultureInfo.InvariantCulture,
            $"`bench/peers/run.sh --data-dir DIR` ([all figures]({Address(folder)}/peers.md), [how it is made fair](bench/peers/README.md)).{OtherPeers(folder, "")}\n\n");
        return text.Append(
                CultureInfo.InvariantCulture,
                $"![Bars: training steps and matrix products, times as fast as the loop](docs/charts/speed.svg)\n\n{End}")
            .ToString();
    }

    /// <summary>The ratio that a cell of peers.md ends with: "30.1 ms, 0.97".</summary>
    private static double TimesOurs(string cell) => MarkdownTable.Number(cell.Split(", ")[^1]);

    /// <summary>The first part of docs/benchmarks.md: the main cases and the peers, with their charts.</summary>
    private static string MainPart(string folder, Measurement[] main)
    {
        StringBuilder text = new(Table(main));
        text.Append(
            CultureInfo.InvariantCulture,
            $"\nThe fastest of twelve iterations (the machine was shared), one core: column Min of the tables in `{Address(folder)}`, which also have mean, median, SDK, CPU and commit.\n"
        );
        text.Append("Command: `dotnet run -c Release --project bench/EmbeddedBackprop.Benchmarks -- publish`. ");
        text.Append(
            "\"Loop\" is the scalar twin that defines the bits, \"Vector&lt;T&gt;\" and \"tiled\" are the kernel at the runtime's and at the widest width.\n\n"
        );
        text.Append("![Bars: training steps and matrix products, times as fast as the loop](charts/speed.svg)\n\n");
        text.Append("![Lines: time of one gradient over the number of weights, finite differences and backpropagation](charts/gradient.svg)\n");
        PeersTable(text, folder);
        return text.ToString();
    }

    /// <summary>The epochs and predictions of peers.md next to the programs that a user would choose, and which of them is ahead.</summary>
    private static void PeersTable(StringBuilder text, string folder)
    {
        Dictionary<string, string>[] rows = [.. MarkdownTable.Read(Path.Combine(folder, "peers.md"), "ahead of us")];
        if (rows.Length == 0)
        {
            return;
        }

        text.Append(
            "\n## Beside other programs\n\nAll in turn on one core: the time, and how many times ours it is. Command: `bench/peers/run.sh --data-dir DIR`; "
        );
        text.Append(
            CultureInfo.InvariantCulture,
            $"[what is measured and how](../bench/peers/README.md), [all figures](../{Address(folder)}/peers.md).{OtherPeers(folder, "../")}\n");

        // Tables of nets that not all peers know have columns of their own.
        foreach (IGrouping<string, Dictionary<string, string>> table in rows.GroupBy(row => string.Join('|', row.Keys)))
        {
            string[] columns =
            [
                .. table
                    .First()
                    .Keys.Where(column => column is not ("must" or "met" or "aim") && !column.StartsWith("C by hand", StringComparison.Ordinal)),
            ];
            text.Append("\n| ")
                .AppendJoin(" | ", columns)
                .Append(" |\n|")
                .Append(string.Concat(columns.Select(column => column is "work" or "net" or "ahead of us" ? " --- |" : " ---: |")))
                .Append('\n');
            foreach (Dictionary<string, string> row in table)
            {
                text.Append("| ").AppendJoin(" | ", columns.Select(column => row[column])).Append(" |\n");
            }
        }
    }

    private static string Document(string folder, Measurement[] all, Measurement[] main)
    {
        StringBuilder text = new();
        text.Append("# Benchmarks\n\n")
            .Append(MainPart(folder, main))
            .Append("\n## Targets\n\n")
            .Append(TargetsCommand.Table(folder))
            .Append("\n## Where the loop wins, or nearly\n\n");
        Measurement[] close = [.. all.Where(row => row.Loop < 1.5 * Math.Max(row.Vector, row.Tiled))];
        text.Append(
            close.Length == 0
                ? "Nowhere: the closest cases are these.\n\n"
                : "Cases in which Vector&lt;T&gt; or the tile is not even 1.5 times as fast as the loop:\n\n");
        text.Append(Table(close.Length > 0 ? close : [.. all.OrderBy(row => row.Loop / Math.Max(row.Vector, row.Tiled)).Take(3)]));
        text.Append("\n## All cases\n");
        foreach ((Type type, string title) in Families)
        {
            Measurement[] rows = [.. all.Where(row => row.Class == type.Name)];
            if (rows.Length > 0)
            {
                text.Append(CultureInfo.InvariantCulture, $"\n### {title}\n\n").Append(Table(rows));
            }
        }

        text.Append(
            "\nCases called \"compact\" have rows that are not padded to 16 floats. \"Gathered\" reads the batch from 50,000 shuffled samples of bytes first.\n"
        );
        foreach (
            (string name, string chart) in ((string, string)[])
                [
                    ("widths", ""),
                    ("functions", ""),
                    ("roofline", "![Kernels by operations per byte below the machine's roofs](charts/roofline.svg)"),
                    ("convolution", ""),
                    ("scaling", "![Training throughput by batch, threads, layer width and vector width](charts/scaling.svg)"),
                    ("threads", ""),
                    ("signals", ""),
                    ("aot", ""),
                    ("startup", ""),
                    ("batches", ""),
                    ("differences", ""),
                    ("nielsen", ""),
                ])
        {
            string file = Path.Combine(folder, name + ".md");
            if (!File.Exists(file))
            {
                continue;
            }

            string[] lines = File.ReadAllLines(file);
            string command = lines.First(line => line.StartsWith("| command", StringComparison.Ordinal)).Split('|')[2].Trim();
            text.Append(CultureInfo.InvariantCulture, $"\n## {lines[0][2..]}\n\n{command}\n\n");
            if (chart.Length > 0)
            {
                text.Append(chart).Append("\n\n");
            }

            IEnumerable<string> body = lines.SkipWhile(line => !line.StartsWith("| command", StringComparison.Ordinal)).Skip(2);
            if (name == "convolution")
            {
                // Some 300 rows: here the table of the nets alone.
                body = [.. body.TakeWhile(line => !line.StartsWith("## ", StringComparison.Ordinal)),
                    $"Every op and pass: [{Address(folder)}/{name}.md](../{Address(folder)}/{name}.md)."];
            }

            // Headings within the file go one level down.
            text.AppendJoin('\n', body.Select(line => line.StartsWith("## ", StringComparison.Ordinal) ? "#" + line : line)).Append('\n');
        }

        text.Append("""

            ## Measure again

            ```
            dotnet run -c Release --project bench/EmbeddedBackprop.Benchmarks -- check
            dotnet run -c Release --project bench/EmbeddedBackprop.Benchmarks -- publish
            dotnet run -c Release --project bench/EmbeddedBackprop.Benchmarks -- experiment widths
            dotnet run -c Release --project bench/EmbeddedBackprop.Benchmarks -- experiment functions
            dotnet run -c Release --project bench/EmbeddedBackprop.Benchmarks -- experiment roofline
            dotnet run -c Release --project bench/EmbeddedBackprop.Benchmarks -- experiment convolution
            dotnet run -c Release --project bench/EmbeddedBackprop.Benchmarks -- experiment scaling
            dotnet run -c Release --project bench/EmbeddedBackprop.Benchmarks -- experiment threads
            dotnet run -c Release --project bench/EmbeddedBackprop.Benchmarks -- experiment signals
            dotnet run -c Release --project bench/EmbeddedBackprop.Benchmarks -- experiment batches --data-dir DIR
            dotnet run -c Release --project bench/EmbeddedBackprop.Benchmarks -- experiment differences
            dotnet run -c Release --project bench/EmbeddedBackprop.Benchmarks -- experiment nielsen --data-dir DIR
            dotnet run -c Release --project bench/EmbeddedBackprop.Benchmarks -- experiment startup --data-dir DIR
            bench/peers/run.sh --data-dir DIR
            bench/aot/run.sh
            dotnet run -c Release --project bench/EmbeddedBackprop.Benchmarks -- targets
            dotnet run -c Release --project bench/EmbeddedBackprop.Benchmarks -- report
            ```

            `check` runs every case once and compares the bits of its three forms. `targets` collects all targets from bench/results; `report` writes this page and the charts from the tables in bench/results.

            """);
        return text.ToString().Replace("\r\n", "\n", StringComparison.Ordinal);
    }

    /// <summary>The folder as it is named from the repository's root.</summary>
    private static string Address(string folder) => "bench/results/" + Path.GetFileName(folder);

    private static string Table(Measurement[] rows)
    {
        StringBuilder text = new(
            "| case | loop | Vector&lt;T&gt; | tiled | Vector&lt;T&gt; faster | tiled faster | rate, tiled | of peak | bytes allocated |\n");
        text.Append("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n");
        foreach (Measurement row in rows)
        {
            text.Append(
                CultureInfo.InvariantCulture,
                $"| {row.Label} | {MarkdownTable.Time(row.Loop)} | {MarkdownTable.Time(row.Vector)} | {MarkdownTable.Time(row.Tiled)} ");
            text.Append(
                CultureInfo.InvariantCulture,
                $"| {row.Loop / row.Vector:F1}x | {row.Loop / row.Tiled:F1}x | {row.Rate} | {row.Share} | {row.Allocated} |\n");
        }

        return text.ToString();
    }
}
