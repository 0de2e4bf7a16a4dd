using System.Globalization;

namespace EmbeddedBackprop.Benchmarks.Reports;

/// <summary>The charts of the training step and of one gradient, drawn from bench/results.</summary>
internal static class Charts
{
    /// <summary>Bars: how many times as fast as the loop.</summary>
    public static void Speed(string path, IReadOnlyList<Measurement> rows)
    {
        const int Left = 235,
            Right = 140,
            Width = 800,
            Top = 92,
            Bar = 13,
            Group = (3 * Bar) + 16;
        Svg svg = new(
            Width,
            Top + (rows.Count * Group) + 8,
            "Times as fast as the loop",
            "Training steps and their matrix products, one core; the same bits in all three forms. Longer is faster.");
        double x = Left;
        foreach (
            (string style, string name, int space) in ((string, string, int)[])
                [("loop", "loop (scalar twin)", 150), ("vector", "Vector<T>", 100), ("tiled", "tiled, widest register", 0)])
        {
            svg.Rectangle(x, 66, 11, 11, style);
            svg.Text(x + 16, 76, "label", name);
            x += space;
        }

        double scale = (Width - Left - Right) / rows.Max(row => row.Loop / Math.Min(row.Vector, row.Tiled));
        for (int i = 0; i < rows.Count; i++)
        {
            Measurement row = rows[i];
            double y = Top + (i * Group);
            svg.Text(Left - 12, y + (1.5 * Bar) + 4, "label", row.Label, "end");
            foreach ((string style, double time) in ((string, double)[])[("loop", row.Loop), ("vector", row.Vector), ("tiled", row.Tiled)])
            {
                double length = Math.Max(2, row.Loop / time * scale);
                svg.Rectangle(Left, y, length, Bar - 2, style);
                svg.Text(
                    Left + length + 6,
                    y + Bar - 3,
                    "note",
                    string.Create(CultureInfo.InvariantCulture, $"{row.Loop / time:F1}x  ({MarkdownTable.Time(time)})"));
                y += Bar;
            }
        }

        svg.Save(path);
    }

    /// <summary>Lines, both axes logarithmic: the time of one gradient over the number of weights.</summary>
    public static void Gradient(string path, IReadOnlyList<Dictionary<string, string>> rows)
    {
        const int Width = 760,
            Height = 430,
            Left = 80,
            Right = 170,
            Top = 76,
            Bottom = 52;
        Svg svg = new(
            Width,
            Height,
            "Time of one gradient",
            "One sample, one core. Finite differences take one forward pass a weight and one more. Dashed: extrapolated.");
        double[] weights = [.. rows.Select(row => MarkdownTable.Number(row["weights"]))];
        double[] differences = [.. rows.Select(row => MarkdownTable.Number(row["differences, us"]) / 1e6)];
        double[] backward = [.. rows.Select(row => MarkdownTable.Number(row["backpropagation, us"]) / 1e6)];
        (int x0, int x1) = (2, 6);
        (int y0, int y1) = ((int)Math.Floor(Math.Log10(backward.Min())), (int)Math.Ceiling(Math.Log10(differences.Max())));
        double X(double value) => Left + ((Math.Log10(value) - x0) / (x1 - x0) * (Width - Left - Right));
        double Y(double value) => Height - Bottom - ((Math.Log10(value) - y0) / (y1 - y0) * (Height - Top - Bottom));
        for (int power = y0; power <= y1; power++)
        {
            double y = Y(Math.Pow(10, power));
            svg.Line(Left, y, Width - Right, y, "grid");
            string unit = power switch { < -6 => "ns", < -3 => "us", < 0 => "ms", _ => "s" };
            int scaled = power switch { < -6 => power + 9, < -3 => power + 6, < 0 => power + 3, _ => power };
            svg.Text(Left - 10, y + 4, "note", Math.Pow(10, scaled).ToString("N0", CultureInfo.InvariantCulture) + " " + unit, "end");
        }

        for (int power = x0; power <= x1; power++)
        {
            double x = X(Math.Pow(10, power));
            svg.Line(x, Top, x, Height - Bottom, "grid");
            svg.Text(x, Height - Bottom + 20, "note", Math.Pow(10, power).ToString("N0", CultureInfo.InvariantCulture), "middle");
        }

        svg.Text((Left + Width - Right) / 2.0, Height - 12, "label", "weights and biases", "middle");
        for (int i = 0; i < rows.Count; i++)
        {
            bool extrapolated = rows[i]["differences, us"].Contains("extrapolated", StringComparison.Ordinal);
            if (i > 0)
            {
                svg.Line(X(weights[i - 1]), Y(differences[i - 1]), X(weights[i]), Y(differences[i]), extrapolated ? "tiled-dashed" : "tiled-line");
                svg.Line(X(weights[i - 1]), Y(backward[i - 1]), X(weights[i]), Y(backward[i]), "vector-line");
            }

            svg.Dot(X(weights[i]), Y(differences[i]), "tiled");
            svg.Dot(X(weights[i]), Y(backward[i]), "vector");
        }

        svg.Text(X(weights[^1]) + 12, Y(differences[^1]) + 4, "label", "finite differences");
        svg.Text(X(weights[^1]) + 12, Y(differences[^1]) + 20, "note", MarkdownTable.Time(differences[^1] * 1e9));
        svg.Text(X(weights[^1]) + 12, Y(backward[^1]) + 4, "label", "backpropagation");
        svg.Text(X(weights[^1]) + 12, Y(backward[^1]) + 20, "note", MarkdownTable.Time(backward[^1] * 1e9));
        svg.Save(path);
    }
}
