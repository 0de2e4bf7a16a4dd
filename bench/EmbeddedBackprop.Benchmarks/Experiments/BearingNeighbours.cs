using System.Globalization;
using System.Text;
using EmbeddedBackprop.Benchmarks.Reports;
using EmbeddedBackprop.Data;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Benchmarks.Experiments;

/// <summary>
/// The nearest neighbour beside the nets of <see cref="BearingRow"/>: the logarithms of 64 bands of the mean power of frames of 1,024 samples,
/// Euclidean distance, windows without overlap.
/// </summary>
internal static class BearingNeighbours
{
    private const int BandCount = 64;

    private static string Edges => string.Join(' ', Enumerable.Range(0, 65).Select(k => (k * 93.75).ToString(CultureInfo.InvariantCulture)));

    public static string Table(string folder)
    {
        StringBuilder text = new("\n## The nearest neighbour\n\n");
        text.Append("| window | load 3 | 7 mil | 14 mil | 21 mil | mean of widths |\n| ---: | ---: | ---: | ---: | ---: | ---: |\n");
        foreach (int window in new[] { 1024, 7765 })
        {
            double load = Judge(folder, "kind", "load", "3", window), narrow = Judge(folder, "fault", "width", "7", window),
                middle = Judge(folder, "fault", "width", "14", window), wide = Judge(folder, "fault", "width", "21", window);
            text.Append(
                CultureInfo.InvariantCulture,
                $"| {window:N0} | {load:P2} | {narrow:P2} | {middle:P2} | {wide:P2} | {(narrow + middle + wide) / 3:P2} |\n");
        }

        return text.ToString();
    }

    private static double Judge(string folder, string label, string group, string test, int window)
    {
        using Network features = NetCompiler.Compile(
            $"x = input {window}; frames 1024 hop 512; window hann; rfft; power; mean-time; bands {Edges} rate12000; log floor1e-20",
            null, new NetworkOptions());
        CsvText table = CsvText.Read(Path.Combine(ResultFile.Root, "examples", "bearings", "recordings.csv"));
        int labels = table.Find(label), groups = table.Find(group), first = table.Find("from"), end = table.Find("to");
        List<(float[] Features, string Label)> known = [], asked = [];
        for (int row = 0; row < table.Count; row++)
        {
            IReadOnlyList<string> fields = table.Row(row);
            ReadOnlySpan<float> samples = WavReader.Read(Path.Combine(folder, fields[0])).Samples.Span;
            int from = fields[first].Length == 0 ? 0 : int.Parse(fields[first], CultureInfo.InvariantCulture);
            int to = fields[end].Length == 0 ? samples.Length : int.Parse(fields[end], CultureInfo.InvariantCulture);
            bool isTest = fields[groups] == test || fields[groups] == "late";
            for (int t = from; t + window <= to; t += window)
            {
                (isTest ? asked : known).Add((features.Predict(samples.Slice(t, window)).ToArray(), fields[labels]));
            }
        }

        return asked.Count(sample => known.MinBy(other => Distance(other.Features, sample.Features)).Label == sample.Label) / (double)asked.Count;
    }

    private static double Distance(float[] a, float[] b)
    {
        double sum = 0;
        for (int i = 0; i < a.Length; i++)
        {
            sum += (a[i] - b[i]) * (a[i] - b[i]);
        }

        return sum;
    }
}
