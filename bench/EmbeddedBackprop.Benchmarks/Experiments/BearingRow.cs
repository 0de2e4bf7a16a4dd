using EmbeddedBackprop.Benchmarks.Reports;

namespace EmbeddedBackprop.Benchmarks.Experiments;

/// <summary>Bearing faults (examples/bearings): by load, where the bearings are the same on both sides, and by the width of the fault.</summary>
internal static class BearingRow
{
    private static readonly string Example = Path.Combine(ResultFile.Root, "examples", "bearings");

    public static readonly AccuracyRow Row = new(
        "bearings",
        "Bearing faults, by load and by width",
        "cwru",
        [
            ("by load: loads 0, 1, 2 and the first 60 % of normal; test load 3 and the rest; ten classes", Options("kind", "load", "3", 10)),
            ("by width: test 7 mil, four classes", Options("fault", "width", "7", 4)),
            ("by width: test 14 mil, four classes", Options("fault", "width", "14", 4)),
            ("by width: test 21 mil, four classes", Options("fault", "width", "21", 4)),
        ],
        [["--seed", "1"], ["--seed", "2"], ["--seed", "3"], ["--seed", "4"], ["--seed", "5"]],
        "Windows of 7,765 samples (0.65 s), one every 1,024. Chosen among 12 nets of a NumPy prototype by trainings on one width that were tested on another one, never on "
            + "the pair that trains a row here (examples/bearings/README.md).")
    { Beside = BearingNeighbours.Table };

    private static string[] Options(string label, string group, string test, int classes) =>
        [
            "--data", "wav:DIR", "--files", "ROOT/examples/bearings/recordings.csv", "--label", label, "--group", group, "--test-group", test + ",late",
            "--window", "7765", "--hop", "1024", "--net",
            File.ReadAllText(Path.Combine(Example, "net.txt")).ReplaceLineEndings(" ").TrimEnd() + $"; dense {classes}", "--freeze", "layernorm1",
            "--optimizer", "adamw", "--lr", "0.01", "--weight-decay", "0.3", "--batch", "64", "--epochs", "15", "--threads", "1",
        ];
}
