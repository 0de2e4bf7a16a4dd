using System.Globalization;
using EmbeddedBackprop.Benchmarks.Steps;

namespace EmbeddedBackprop.Benchmarks.Reports;

/// <summary>One table of everything that the project set itself as a target, from the files of bench/results: met, or missed by how much.</summary>
internal static class TargetsCommand
{
    private const string Bench = "dotnet run -c Release --project bench/EmbeddedBackprop.Benchmarks --";
    private const string Peers = "bench/peers/run.sh --data-dir DIR";

    /// <summary>Prints the table and writes targets.md into the folder.</summary>
    /// <returns>0, whether the targets are met or not; 2 if there is no such folder.</returns>
    public static int Run(string folder)
    {
        if (!Directory.Exists(folder))
        {
            Console.Error.WriteLine($"{folder} does not exist: publish first.");
            return 2;
        }

        string text = Table(folder);
        Console.WriteLine(text);
        File.WriteAllText(
            Path.Combine(folder, "targets.md"),
            $"# Targets\n\nCollected from the files of this folder by `{Bench} targets`.\n\n{text}");
        return 0;
    }

    /// <summary>The table, with a line that describes it.</summary>
    public static string Table(string folder)
    {
        Target[] targets =
        [
            .. Products(folder),
            Vector(folder),
            .. Work(folder),
            .. Factors(folder),
            .. Nets(folder),
            Threads(folder),
            .. Functions(folder),
            Aot(folder),
            Bytes(folder),
        ];
        int met = targets.Count(target => target.Met == "yes"),
            asked = targets.Count(target => target.Must.Length > 0);
        return
            "Targets for the machine they were set for (one core of an AMD Zen 5 server); they say nothing about another one. \"From\" is the file in bench/results with the command, the versions and all figures.\n\n"
            + Target.Heading + string.Concat(targets.Select(target => target.Row()))
            + string.Create(CultureInfo.InvariantCulture, $"\n{met} of {asked} musts are met.\n");
    }

    private static IEnumerable<Target> Products(string folder)
    {
        const string File = "peers.md";
        Dictionary<string, string>[] rows = [.. MarkdownTable.Read(Path.Combine(folder, File), "product")];
        Dictionary<string, string>[] large = [.. rows.Where(row => row["must"].Contains("of peak", StringComparison.Ordinal))];
        (string Name, double Value)[] Figures(IEnumerable<Dictionary<string, string>> from, string column, double unit) =>
            [.. from.Where(row => row[column].Length > 0).Select(row => (row["product"], MarkdownTable.Number(row[column]) / unit))];
        const string Sizes = "64^3 to 512^3, 64x784x512, 256x512x512";
        (string Name, double Value)[] forward = Figures(
                large.Where(row => !row["product"].StartsWith("NT", StringComparison.Ordinal)),
                "of peak",
                100),
            against = Figures(large.Where(row => !row["product"].StartsWith("NT", StringComparison.Ordinal)), "ratio", 1),
            transposed = Figures(large.Where(row => row["product"].StartsWith("NT", StringComparison.Ordinal)), "of peak", 100),
            small = Figures(rows.Except(large), "ratio", 1);
        yield return forward.Length == 0
            ? Target.Missing("products NN and TN, " + Sizes, Peers, File)
            : Target.AtLeast($"products NN and TN, {Sizes}: share of the peak", forward, 0.90, 0.97, "P0", File);
        if (against.Length > 0)
        {
            yield return Target.AtLeast("the same, times as fast as OpenBLAS", against, 0.97, null, "F2", File);
        }

        if (transposed.Length > 0)
        {
            yield return Target.AtLeast("products NT, the same sizes: share of the peak", transposed, 0.85, 0.95, "P0", File);
        }

        if (small.Length > 0)
        {
            yield return Target.AtLeast("10x784x30, 10x30x10, 32x784x30 and their gradients: times as fast as OpenBLAS", small, 1, null, "F2", File);
        }
    }

    private static Target Vector(string folder)
    {
        (string, double)[] shares =
        [
            .. MarkdownTable
                .Read(Path.Combine(folder, "widths.md"), "must, Vector<T>")
                .Where(row => row["must, Vector<T>"].Length > 0)
                .Select(row => (row["product"], MarkdownTable.Number(row["share of peak"]) / 100)),
        ];
        const string Name = "Vector&lt;T&gt; at 256 bit, NN, TN and NT of the same sizes: share of the 256-bit peak";
        return shares.Length == 0
            ? Target.Missing(Name, Bench + " experiment widths", "widths.md")
            : Target.AtLeast(Name, shares, 0.90, 0.97, "P0", "widths.md");
    }

    private static IEnumerable<Target> Work(string folder)
    {
        Dictionary<string, string>[] rows = [.. MarkdownTable.Read(Path.Combine(folder, "peers.md"), "work")];
        if (rows.Length == 0)
        {
            yield return Target.Missing("epochs and predictions", Peers, "peers.md");
        }

        foreach (Dictionary<string, string> row in rows)
        {
            double measured = MarkdownTable.Nanoseconds(row["EmbeddedBackprop"]), must = MarkdownTable.Nanoseconds(row["must"]);
            double aim = MarkdownTable.Nanoseconds(row["aim"].Replace(",", "", StringComparison.Ordinal));
            Target target = Target.AtMost(row["work"], measured, must, aim, "peers.md");
            if (Samples(row["work"]) is { } samples)
            {
                target = target with
                {
                    Measured = Rate(target.Measured, samples / measured),
                    Must = Rate(target.Must, samples / must),
                    Aim = Rate(target.Aim, samples / aim),
                };
            }

            yield return target;
        }
    }

    /// <summary>The samples of one call, where the target was set as a rate.</summary>
    private static int? Samples(string work) => work == "one prediction, convolution net" ? 1
        : work.StartsWith("a training step", StringComparison.Ordinal) ? (int)MarkdownTable.Number(work.Split("batch ")[^1]) : null;

    private static string Rate(string time, double perNanosecond) =>
        string.Create(CultureInfo.InvariantCulture, $"{time} ({perNanosecond * 1e6:F1}k/s)");

    /// <summary>Nielsen's net at batch 10, compared with PyTorch and with a program that takes sample by sample.</summary>
    private static IEnumerable<Target> Factors(string folder)
    {
        Dictionary<string, string>? row = MarkdownTable
            .Read(Path.Combine(folder, "peers.md"), "work")
            .FirstOrDefault(r => r["work"].EndsWith("[784,30,10], batch 10", StringComparison.Ordinal));
        foreach ((string peer, double aim) in ((string, double)[])[("PyTorch", 20), ("NumPy, per sample", 90)])
        {
            // "491 ms, 13": the second number is how many times our time that is.
            if (row is null || !row.TryGetValue(peer, out string? cell) || cell.Split(", ") is not [_, var times])
            {
                continue;
            }

            Target target = Target.AtLeast(
                $"[784,30,10], batch 10: times as fast as {peer}",
                [("", MarkdownTable.Number(times))],
                0,
                aim,
                "0.#",
                "peers.md");
            yield return target with
            {
                Must = "",
                Met = "",
            };
        }
    }

    /// <summary>Convolution nets, whose musts are shares of C's time or of the peak; peers.md says in words whether they are met.</summary>
    private static IEnumerable<Target> Nets(string folder) =>
        MarkdownTable
            .Read(Path.Combine(folder, "peers.md"), "C of peak")
            .Select(row => new Target(
                row["net"], $"{row["EmbeddedBackprop"]}, {row["of peak"]} of the peak", row["must"], row["met"], "", "", "peers.md"));

    private static Target Threads(string folder)
    {
        const string Name = "[784,512,512,10], batch 256: two threads, times as fast as one (median)";
        Dictionary<string, string>? row = MarkdownTable.Read(Path.Combine(folder, "threads.md"), "median ratio")
            .FirstOrDefault(r => r["net"] == "[784,512,512,10]" && r["batch"] == "256" && r["threads"] == "2");
        return row is null ? Target.Missing(Name, Bench + " experiment threads", "threads.md")
            : Target.AtLeast(Name, [("", MarkdownTable.Number(row["median ratio"]))], 1.8, null, "F2", "threads.md");
    }

    private static IEnumerable<Target> Functions(string folder)
    {
        string file = Path.Combine(folder, "functions.md");
        (string, double)[] speed =
        [
            .. MarkdownTable
                .Read(file, "elements")
                .Where(row => row["elements"] == "4,096" && row["TensorPrimitives / own"].Length > 0)
                .Select(row => (row["function"], MarkdownTable.Number(row["TensorPrimitives / own"]))),
        ];
        Dictionary<string, string>[] errors = [.. MarkdownTable.Read(file, "must, ulp").Where(row => row["function"] != "erf")];
        const string Name = "exp, log, tanh, sigmoid, 4,096 elements: times as fast as TensorPrimitives";
        yield return speed.Length == 0
            ? Target.Missing(Name, Bench + " experiment functions", "functions.md")
            : Target.AtLeast(Name, speed, 1, null, "F2", "functions.md");
        if (errors.Length == 0)
        {
            yield break;
        }

        string Joined(Func<Dictionary<string, string>, string> text) => string.Join(", ", errors.Select(text));
        string missed = Joined(row => row["met"] == "yes" ? "" : row["function"]).Trim(' ', ',');
        yield return new Target(
            "the same, largest error, ulp",
            Joined(row => $"{row["function"]} {row["own, largest ulp"]}"),
            Joined(row => row["must, ulp"]),
            missed.Length == 0 ? "yes" : "no: " + missed,
            "",
            "",
            "functions.md");
    }

    private static Target Aot(string folder)
    {
        const string Name = "AOT x86-x64-v4 (net9.0): share of the JIT's speed (net10.0), a step of [784,30,10] at batch 10";
        Dictionary<string, string>? row = MarkdownTable.Read(Path.Combine(folder, "aot.md"), "build").FirstOrDefault(r => r["build"] == "x86-x64-v4");
        return row is null ? Target.Missing(Name, "bench/aot/run.sh", "aot.md")
            : Target.AtLeast(Name, [("", MarkdownTable.Number(row["share of the JIT's speed"]))], 0.95, 1, "F2", "aot.md");
    }

    private static Target Bytes(string folder)
    {
        Measurement[] steps = [.. Measurement.Read(folder, typeof(TrainStepBench))];
        const string Name = "bytes allocated by a training step";
        if (steps.Length == 0)
        {
            return Target.Missing(Name, Bench + " publish --filter *TrainStepBench*", "TrainStepBench.md");
        }

        string most = string.Join(", ", steps.Select(step => step.Allocated).Distinct());
        return new Target(Name, most, "0", most == "0" ? "yes" : "no", "", "", "TrainStepBench.md");
    }
}
