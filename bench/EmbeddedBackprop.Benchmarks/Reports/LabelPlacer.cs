namespace EmbeddedBackprop.Benchmarks.Reports;

/// <summary>Finds positions for the names of dots so that none covers another name or dot: the nearest free one of a few around the dot.</summary>
internal sealed class LabelPlacer(double left, double top, double right, double bottom)
{
    private readonly List<(double X, double Y, double W, double H, double Weight)> taken = [];

    /// <summary>Keeps a rectangle free; a small weight allows it to be covered where there is no better position.</summary>
    public void Block(double x, double y, double w, double h, double weight = 1) => taken.Add((x, y, w, h, weight));

    /// <summary>The left upper corner for a name of some size next to the dot.</summary>
    public (double X, double Y) Place(double x, double y, double w, double h)
    {
        (double X, double Y) best = (x + 8, y - (h / 2));
        double least = double.PositiveInfinity;
        foreach (double distance in (double[])[0, 14, 28, 42, 56])
        {
            foreach (
                (double cornerX, double cornerY) in ((double, double)[])
                    [
                        (x + 8, y - (h / 2) - distance),
                        (x + 8, y - (h / 2) + distance),
                        (x - 8 - w, y - (h / 2) - distance),
                        (x - 8 - w, y - (h / 2) + distance),
                        (x - (w / 2), y - h - 7 - distance),
                        (x - (w / 2), y + 7 + distance),
                    ])
            {
                double cost = distance;
                foreach ((double bx, double by, double bw, double bh, double weight) in taken)
                {
                    cost += weight * Overlap(cornerX, w, bx, bw) * Overlap(cornerY, h, by, bh);
                }

                cost += cornerX < left || cornerX + w > right || cornerY < top || cornerY + h > bottom ? 1e4 : 0;
                if (cost < least)
                {
                    (least, best) = (cost, (cornerX, cornerY));
                }
            }
        }

        Block(best.X, best.Y, w, h);
        return best;
    }

    private static double Overlap(double a, double lengthA, double b, double lengthB) =>
        Math.Max(0, Math.Min(a + lengthA, b + lengthB) - Math.Max(a, b));
}
