using System.Globalization;

namespace EmbeddedBackprop.Benchmarks.Reports;

/// <summary>The roofline drawn from roofline.md: both axes logarithmic, roofs as lines, kernels as dots.</summary>
internal static class RooflineChart
{
    private const int Width = 920, Height = 580, Left = 66, Right = 24, Top = 108, Bottom = 58;
    private const double FromX = 1.0 / 16, ToX = 256, FromY = 2, ToY = 512;

    private static readonly (string Family, string Style)[] Styles =
        [("product", "tiled"), ("product with update", "green"), ("one sample", "vector"), ("element by element", "loop"), ("function", "violet")];

    /// <param name="folder">The folder of roofline.md.</param>
    /// <param name="charts">The folder to write roofline.svg to.</param>
    /// <returns>The file written, or nothing if there is no roofline.md.</returns>
    public static string Draw(string folder, string charts)
    {
        string source = Path.Combine(folder, "roofline.md"),
            target = Path.Combine(charts, "roofline.svg");
        Dictionary<string, string>[] peaks = [.. MarkdownTable.Read(source, "registers")],
            roofs = [.. MarkdownTable.Read(source, "roof").Where(row => row.ContainsKey("GB/s"))],
            kernels = [.. MarkdownTable.Read(source, "kernel")];
        if (peaks.Length == 0 || kernels.Length == 0)
        {
            return "";
        }

        Svg svg = new(
            Width,
            Height,
            "Roofline of one core",
            "What a kernel reaches (dots) over the operations it has for each byte it must move; a dot cannot be above the roof of its memory.");
        double x = Left + 24;
        foreach ((string family, string style) in Styles)
        {
            svg.Dot(x + 5, 80, style);
            svg.Text(x + 15, 84, "label", family);
            x += 40 + (6.8 * family.Length);
        }

        Frame(svg);
        LabelPlacer labels = new(Left, Top, Width - Right, Height - Bottom);
        double peak = MarkdownTable.Number(peaks[^1]["peak, GFLOP/s"]);
        foreach (Dictionary<string, string> row in peaks)
        {
            double y = Y(MarkdownTable.Number(row["peak, GFLOP/s"]));
            svg.Line(Left, y, Width - Right, y, row == peaks[^1] ? "roof" : "roof-dashed");
            string name = string.Create(CultureInfo.InvariantCulture, $"{row["registers"]}: {row["peak, GFLOP/s"]} GFLOP/s");
            svg.Text(Width - Right - 6, y - 5, "note", name, "end");
            labels.Block(Width - Right - 6 - (6.6 * name.Length), y - 17, 6.6 * name.Length, 14);
            labels.Block(Left, y - 1, Width - Right - Left, 2, 0.15);
        }

        foreach (Dictionary<string, string> row in roofs)
        {
            double bandwidth = MarkdownTable.Number(row["GB/s"]), low = Math.Max(FromX, FromY / bandwidth), high = peak / bandwidth;
            svg.Line(X(low), Y(low * bandwidth), X(high), Y(peak), "roof");
            string name = string.Create(CultureInfo.InvariantCulture, $"{row["roof"]} {bandwidth:F0} GB/s");

            for (double at = X(low); at < X(high); at += 3)
            {
                labels.Block(at, Y(low * bandwidth) + ((at - X(low)) / (X(high) - X(low)) * (Y(peak) - Y(low * bandwidth))), 3, 3, 0.08);
            }

            // The name is at the foot of its line, turned along it.
            double foot = low * 1.12, angle = -Math.Atan2(Y(1) - Y(2), X(2) - X(1)) * 180 / Math.PI;
            svg.TurnedText(X(foot), Y(foot * bandwidth) - 6, angle, "note", name);
            for (int step = 0; step < 10; step++)
            {
                labels.Block(X(foot) + (step * 8), Y(foot * bandwidth) - 14 - (step * 8 * Math.Tan(-angle * Math.PI / 180)), 10, 14);
            }
        }

        foreach (Dictionary<string, string> row in kernels)
        {
            labels.Block(X(MarkdownTable.Number(row["FLOP/byte"])) - 5, Y(MarkdownTable.Number(row["GFLOP/s"])) - 5, 10, 10);
        }

        foreach (Dictionary<string, string> row in kernels)
        {
            double kernelX = X(MarkdownTable.Number(row["FLOP/byte"])), kernelY = Y(MarkdownTable.Number(row["GFLOP/s"]));
            string style = Styles.FirstOrDefault(pair => pair.Family == row["family"]).Style ?? "loop";
            (double labelX, double labelY) = labels.Place(kernelX, kernelY, 6.7 * row["kernel"].Length, 13);
            if (Math.Abs(labelY + 6 - kernelY) > 16 || labelX > kernelX + 14)
            {
                svg.Line(
                    kernelX,
                    kernelY,
                    labelX + (labelX > kernelX ? -2 : 3.3 * row["kernel"].Length),
                    labelY
                        + (
                            labelX > kernelX ? 7
                            : labelY > kernelY ? 0
                            : 13),
                    "leader");
            }

            svg.Dot(kernelX, kernelY, style);
            svg.Text(labelX, labelY + 10.5, "small", row["kernel"]);
        }

        svg.Save(target);
        return Path.GetRelativePath(ResultFile.Root, target);
    }

    private static double X(double value) => Left + (Math.Log2(value / FromX) / Math.Log2(ToX / FromX) * (Width - Left - Right));

    private static double Y(double value) => Height - Bottom - (Math.Log2(value / FromY) / Math.Log2(ToY / FromY) * (Height - Top - Bottom));

    private static void Frame(Svg svg)
    {
        for (double value = FromX; value <= ToX; value *= 2)
        {
            svg.Line(X(value), Top, X(value), Height - Bottom, "grid");
            svg.Text(
                X(value),
                Height - Bottom + 18,
                "note",
                value < 1 ? string.Create(CultureInfo.InvariantCulture, $"1/{1 / value:F0}") : value.ToString("F0", CultureInfo.InvariantCulture),
                "middle");
        }

        for (double value = FromY; value <= ToY; value *= 2)
        {
            svg.Line(Left, Y(value), Width - Right, Y(value), "grid");
            svg.Text(Left - 8, Y(value) + 4, "note", value.ToString("F0", CultureInfo.InvariantCulture), "end");
        }

        svg.Text((Left + Width - Right) / 2.0, Height - 14, "label", "floating-point operations per byte moved", "middle");
        svg.Text(12, Top - 12, "label", "GFLOP/s");
    }
}
