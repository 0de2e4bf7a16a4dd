using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;
using EmbeddedBackprop.Benchmarks.Reports;

namespace EmbeddedBackprop.Benchmarks.Peers;

/// <summary>
/// This build of the program and another one, for instance that of an older commit: each does the same training steps and predictions, in turn. Two
/// runs one after the other would also compare two states of the machine.
/// </summary>
internal static class CompareCommand
{
    /// <summary>The largest median ratio that counts as no slower: equal programs differ by so much.</summary>
    private const double Most = 1.03;

    private const int Samples = 10_000;

    /// <param name="other">The other build's folder or its EmbeddedBackprop.Benchmarks.dll, or any program that speaks the protocol of
    /// bench/peers.</param>
    /// <param name="quick">Three short rounds: shows that everything works.</param>
    /// <returns>0 if no median ratio is above the limit, 1 if one is, 2 if there is no such program.</returns>
    public static int Run(string other, bool quick)
    {
        string program = Directory.Exists(other) ? Path.Combine(other, "EmbeddedBackprop.Benchmarks.dll") : other;
        if (!File.Exists(program))
        {
            Console.Error.WriteLine($"{program} does not exist: build the other program first.");
            return 2;
        }

        int starts = quick ? 1 : 7, rounds = quick ? 3 : 7;
        (string Name, string Command)[] works = [.. Works(quick)];
        List<double>[] theirs = [.. works.Select(_ => new List<double>())], ours = [.. works.Select(_ => new List<double>())];
        string data = Path.GetTempFileName();
        try
        {
            WriteData(data);
            for (int start = 0; start < starts; start++)
            {
                Measure(program, data, works, rounds, theirs, ours);
            }
        }
        finally
        {
            File.Delete(data);
        }

        Console.WriteLine(
            $"{starts} times started, {rounds} rounds in turn each; the ratio is this program's time by the other's within a round. At most {Most.ToString(CultureInfo.InvariantCulture)} is asked of the median.\n"
        );
        Console.WriteLine(
            "| work | other | this | ratio, median | quartiles | fastest by fastest | no slower |\n| --- | ---: | ---: | ---: | --- | ---: | --- |");
        bool slower = false;
        for (int work = 0; work < works.Length; work++)
        {
            double[] ratios = [.. ours[work].Zip(theirs[work], (own, before) => own / before)];
            double ratio = Turns.Median(ratios);
            slower |= ratio > Most;
            Console.WriteLine(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"| {works[work].Name} | {MarkdownTable.Time(1e9 * Turns.Median(theirs[work]))} | {MarkdownTable.Time(1e9 * Turns.Median(ours[work]))} | {ratio:F3} | {Turns.Quantile(ratios, 0.25):F3} to {Turns.Quantile(ratios, 0.75):F3} | {ours[work].Min() / theirs[work].Min():F3} | {(ratio > Most ? "no" : "yes")} |"
                ));
        }

        return slower ? 1 : 0;
    }

    /// <summary>
    /// Starts both programs and takes them in turn. Where a process has its memory can make a row 15 % slower for as long as it lives, in equal
    /// programs, too:
    /// so they are started several times.
    /// </summary>
    private static void Measure(
        string program, string data, (string Name, string Command)[] works, int rounds, List<double>[] theirs, List<double>[] ours)
    {
        using Side other = new(program), own = new(typeof(CompareCommand).Assembly.Location);
        string load = string.Create(CultureInfo.InvariantCulture, $"data {Samples} 784 {data}");
        other.Ask(load);
        own.Ask(load);
        for (int work = 0; work < works.Length; work++)
        {
            string command = works[work].Command;
            double[][] taken = Turns.Take(rounds, () => other.Seconds(command), () => own.Seconds(command));
            theirs[work].AddRange(taken[0]);
            ours[work].AddRange(taken[1]);
        }
    }

    /// <summary>The rows of bench/peers, with epochs of fewer samples: a name and the protocol's command.</summary>
    private static IEnumerable<(string Name, string Command)> Works(bool quick)
    {
        string duration = quick ? "0.001" : "0.03";
        foreach ((string sizes, int batch, int samples, string rate) in ((string, int, int, string)[])[
            ("784,30,10", 1, Samples, "0.3"), ("784,30,10", 10, Samples, "3.0"), ("784,30,10", 32, Samples, "3.0"),
            ("784,512,512,10", 64, Samples / 5, "0.5"), ("784,512,512,10", 256, Samples / 5, "0.5")])
        {
            int count = quick ? samples / 5 : samples;
            yield return (
                string.Create(CultureInfo.InvariantCulture, $"{count:N0} samples, [{sizes}], batch {batch}"),
                string.Create(CultureInfo.InvariantCulture, $"epoch {sizes} {batch} {count} {rate}"));
        }

        foreach (string sizes in (string[])["784,30,10", "64,32,16,4", "784,512,512,10"])
        {
            yield return ($"one prediction, [{sizes}]", $"predict {sizes} {duration}");
        }

        foreach (string kind in (string[])["lstm", "gru"])
        {
            yield return ($"a training step, {kind.ToUpperInvariant()} 64, 128 steps of 9, batch 32", $"sequence {kind} 128 9 64 32 {duration}");
        }

        yield return ("a training step, convolution net, batch 32", $"convolution train 32 {duration}");
        yield return ("one prediction, convolution net", $"convolution predict 1 {duration}");
    }

    private static void WriteData(string path)
    {
        byte[] bytes = new byte[Samples * (784 + 1)];
        Random random = new(1);
        random.NextBytes(bytes);
        foreach (ref byte label in bytes.AsSpan(Samples * 784))
        {
            label = (byte)random.Next(10);
        }

        File.WriteAllBytes(path, bytes);
    }

    /// <summary>A process that answers commands by a line of JSON each; it needs no time of the processor while the other one works.</summary>
    private sealed class Side : IDisposable
    {
        private readonly Process process;

        public Side(string program)
        {
            string[] command = program.EndsWith(".dll", StringComparison.Ordinal) ? ["dotnet", program, "peer"] : [program, "peer"];
            process = Process.Start(new ProcessStartInfo(command[0], command[1..]) { RedirectStandardInput = true, RedirectStandardOutput = true })!;
        }

        public double Seconds(string command)
        {
            using JsonDocument answer = JsonDocument.Parse(Ask(command));
            return answer.RootElement.GetProperty("seconds").GetDouble();
        }

        public string Ask(string command)
        {
            process.StandardInput.WriteLine(command);
            return process.StandardOutput.ReadLine() ?? throw new InvalidOperationException($"The program ended during \"{command}\".");
        }

        public void Dispose()
        {
            process.StandardInput.Close();
            process.WaitForExit();
            process.Dispose();
        }
    }
}
