using EmbeddedBackprop.Benchmarks.Reports;

namespace EmbeddedBackprop.Benchmarks.Experiments;

/// <summary>Bearing faults (examples/bearings): by load, where the bearings are the same on both sides, and by the width of the fault.</summary>
internal static class BearingRow
{
    public static readonly AccuracyRow Row = new(
        "bearings",
        "Bearing faults, by load and by width",
        "cwru",
        [
            ("by load: test load 3, ten classes, a spectrum of 1,024 samples", Spectrum),
            ("by width: test 7 mil, four classes", Envelope("width", "7")),
            ("by width: test 14 mil, four classes", Envelope("width", "14")),
            ("by width: test 21 mil, four classes", Envelope("width", "21")),
            ("by load: test load 3, four classes, the same net", Envelope("load", "3")),
        ],
        [["--seed", "1"], ["--seed", "2"], ["--seed", "3"], ["--seed", "4"], ["--seed", "5"]],
        "The net of the widths was chosen by trainings on a single width that were judged on another one (examples/bearings/README.md); the spectrum without a choice, it has "
            + "the window and the bands of the nearest neighbour. A mil is a thousandth of an inch.")
    { Beside = BearingNeighbours.Table };

    private static string[] Spectrum =>
        [
            .. Recordings("kind", "load", "3"), "--window", "1024", "--hop", "512", "--net", Net("net-load.txt") + "; dense 10",
            "--optimizer", "adamw", "--lr", "0.003", "--weight-decay", "0.1", "--batch", "64", "--epochs", "15", "--schedule", "cosine", "--threads", "1",
        ];

    private static string[] Envelope(string group, string test) =>
        [
            .. Recordings("fault", group, test), "--window", "7765", "--hop", "1024", "--net", Net("net.txt") + "; dense 4", "--freeze", "layernorm1",
            "--optimizer", "adamw", "--lr", "0.01", "--weight-decay", "0.3", "--batch", "64", "--epochs", "15", "--threads", "1",
        ];

    // The parts of the normal recording are groups of their own, early (60 %) and late.
    private static string[] Recordings(string label, string group, string test) =>
        ["--data", "wav:DIR", "--files", "ROOT/examples/bearings/recordings.csv", "--label", label, "--group", group, "--test-group", test + ",late"];

    private static string Net(string file) =>
        File.ReadAllText(Path.Combine(ResultFile.Root, "examples", "bearings", file)).ReplaceLineEndings(" ").TrimEnd();
}
