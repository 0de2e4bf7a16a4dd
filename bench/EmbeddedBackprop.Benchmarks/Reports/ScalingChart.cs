using System.Globalization;

namespace EmbeddedBackprop.Benchmarks.Reports;

/// <summary>Two panels drawn from scaling.md: throughput over the batch by threads, and over the width of a layer by registers.</summary>
internal static class ScalingChart
{
    private const int Width = 920, Height = 420, Top = 84, Bottom = 58;

    /// <param name="folder">The folder of scaling.md.</param>
    /// <param name="charts">The folder to write scaling.svg to.</param>
    /// <returns>The file written, or nothing if there is no scaling.md.</returns>
    public static string Draw(string folder, string charts)
    {
        string source = Path.Combine(folder, "scaling.md"), target = Path.Combine(charts, "scaling.svg");
        Dictionary<string, string>[] batches = [.. MarkdownTable.Read(source, "batch")], layers = [.. MarkdownTable.Read(source, "H")];
        if (batches.Length == 0 || layers.Length == 0)
        {
            return "";
        }

        string[] columns = [.. layers[0].Keys.Where(key => key.StartsWith("GFLOP/s, ", StringComparison.Ordinal))];
        double highest = batches
            .SelectMany(row => row.Where(cell => cell.Key.StartsWith("GFLOP/s", StringComparison.Ordinal)))
            .Max(cell => MarkdownTable.Number(cell.Value));
        double most = Math.Ceiling(highest / 100) * 100;

        Svg svg = new(
            Width,
            Height,
            "Training throughput, GFLOP/s",
            "Whole training steps: sigmoid layers, quadratic loss, SGD. The bits depend on neither threads nor registers.");
        Panel left = new(svg, 60, 300, 1, 512, most, "batch");
        left.Frame();
        (string Style, string Net)[] nets = [("tiled", "[784,512,512,10]"), ("vector", "[784,30,10]")];
        foreach ((string style, string net) in nets)
        {
            Dictionary<string, string>[] rows = [.. batches.Where(row => row["net"] == net)];
            foreach (
                (string column, string line, string threads) in ((string, string, string)[])
                    [("GFLOP/s", "line", "1 thread"), ("GFLOP/s, two threads", "dashed", "2 threads")])
            {
                if (rows.Length > 0 && rows[0].ContainsKey(column))
                {
                    left.Series(
                        [.. rows.Select(row => (MarkdownTable.Number(row["batch"]), MarkdownTable.Number(row[column])))],
                        style,
                        line,
                        $"{net}, {threads}");
                }
            }
        }

        Panel right = new(svg, 580, 220, 8, 1024, most, "H of [784,H,10] at batch 32, one thread");
        right.Frame();
        string[] styles = ["loop", "vector", "tiled", "vector"];
        for (int i = 0; i < columns.Length; i++)
        {
            // Vector<T> lies on the line of its own width, so it is dashed.
            string name = columns[i]["GFLOP/s, ".Length..];
            right.Series(
                [.. layers.Select(row => (MarkdownTable.Number(row["H"]), MarkdownTable.Number(row[columns[i]])))],
                styles[i % styles.Length],
                name.Contains("Vector", StringComparison.Ordinal) ? "dashed" : "line",
                name);
        }

        left.Labels();
        right.Labels();
        svg.Save(target);
        return Path.GetRelativePath(ResultFile.Root, target);
    }

    /// <summary>One diagram, x logarithmic, y from 0.</summary>
    private sealed class Panel(Svg svg, double left, double width, double from, double to, double most, string axis)
    {
        private readonly List<(double Y, string Style, string Text)> ends = [];

        private double X(double value) => left + (Math.Log2(value / from) / Math.Log2(to / from) * width);

        private double Y(double value) => Height - Bottom - (value / most * (Height - Top - Bottom));

        public void Frame()
        {
            for (double value = 0; value <= most; value += 100)
            {
                svg.Line(left, Y(value), left + width, Y(value), "grid");
                svg.Text(left - 8, Y(value) + 4, "note", value.ToString("F0", CultureInfo.InvariantCulture), "end");
            }

            for (double value = from; value <= to; value *= 2)
            {
                svg.Line(X(value), Y(0), X(value), Y(0) + 4, "grid");
                svg.Text(X(value), Y(0) + 19, "note", value.ToString("F0", CultureInfo.InvariantCulture), "middle");
            }

            svg.Text(left + (width / 2), Height - 16, "label", axis, "middle");
        }

        public void Series((double X, double Y)[] points, string style, string line, string name)
        {
            for (int i = 0; i < points.Length; i++)
            {
                if (i > 0)
                {
                    svg.Line(X(points[i - 1].X), Y(points[i - 1].Y), X(points[i].X), Y(points[i].Y), $"{style}-{line}");
                }

                if (line == "line")
                {
                    svg.Dot(X(points[i].X), Y(points[i].Y), style);
                }
            }

            ends.Add((Y(points[^1].Y) + 4, style, name));
        }

        /// <summary>Names at the lines' ends, moved apart where they would cover each other.</summary>
        public void Labels()
        {
            double last = double.NegativeInfinity;
            foreach ((double y, _, string text) in ends.OrderBy(end => end.Y))
            {
                last = Math.Max(y, last + 15);
                svg.Text(left + width + 10, last, "label", text);
            }
        }
    }
}
