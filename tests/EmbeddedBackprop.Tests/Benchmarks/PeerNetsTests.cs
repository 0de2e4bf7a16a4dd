using System.Globalization;
using System.Text.Json;

namespace EmbeddedBackprop.Tests.Benchmarks;

/// <summary>The programs that bench/peers compares compute the same: the nets of nets.py by the engine and by the C beside it.</summary>
[Parallelizable(ParallelScope.Self)]
internal sealed class PeerNetsTests
{
    private static readonly string Peers = Path.Combine(Repository.Root, "bench", "peers");

    [TestCase("dscnn", 12)]
    [TestCase("resnet8", 10)]
    public void C_and_the_engine_give_the_same_predictions(string name, int classes)
    {
        string python = Tools.RequirePython("array", "python3"), gcc = Tools.Require("gcc", "gcc");
        string folder = Directory.CreateTempSubdirectory("ebp-peers").FullName;
        try
        {
            string file = Path.Combine(folder, "net"), program = Path.Combine(folder, "peer");
            Tools.RunChecked(Peers, gcc, "-O1", "-ffast-math", "-w", "peer_convnets.c", "-lm", "-o", program);
            string[] counts = Tools.RunChecked(Peers, python, "-B", "-c", $"import nets; print(*nets.write('{file}', '{name}'))").Trim().Split(' ');
            string ask = $"net {name} {counts[0]} {counts[1]} {file}\noutputs {name} 32\noutputs {name} 1\n";
            float[][] ours = Outputs(folder, ask, $"dotnet {BenchmarkProgramTests.Program} peer"), theirs = Outputs(folder, ask, program);
            Assert.That(ours.Select(outputs => outputs.Length), Is.EqualTo((int[])[32 * classes, classes]));
            Assert.That(LargestDifference(ours, theirs), Is.LessThan(1e-5f));

            // The control: another weight, which no batch normalisation and no bound on the difference hides.
            byte[] bytes = File.ReadAllBytes(file);
            BitConverter.TryWriteBytes(bytes, BitConverter.ToSingle(bytes) + 1f);
            File.WriteAllBytes(file, bytes);
            Assert.That(LargestDifference(ours, Outputs(folder, ask, program)), Is.GreaterThan(1e-4f));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static float LargestDifference(float[][] a, float[][] b) => a.Zip(b, (x, y) => x.Zip(y, (p, q) => Math.Abs(p - q)).Max()).Max();

    /// <summary>The arrays in a peer's answers.</summary>
    private static float[][] Outputs(string folder, string commands, string program)
    {
        File.WriteAllText(Path.Combine(folder, "commands"), commands);
        string answers = Tools.RunChecked(folder, "sh", "-c", string.Create(CultureInfo.InvariantCulture, $"{program} < commands"));
        return
        [
            .. answers
                .Split('\n', StringSplitOptions.RemoveEmptyEntries)
                .Select(line => JsonDocument.Parse(line).RootElement)
                .Where(answer => answer.TryGetProperty("outputs", out _))
                .Select(answer => answer.GetProperty("outputs").EnumerateArray().Select(x => x.GetSingle()).ToArray()),
        ];
    }
}
