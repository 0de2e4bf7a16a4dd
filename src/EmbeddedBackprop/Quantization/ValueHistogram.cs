using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Quantization;

/// <summary>
/// The values of a node over samples: their minimum and maximum, and how many lie in each of 2,048 equal bins between the two (0 included). Values of
/// 0, which every range represents exactly, are counted apart.
/// </summary>
internal sealed class ValueHistogram
{
    /// <summary>Bins of a histogram.</summary>
    public const int Bins = 2048;

    private readonly long[] counts = new long[Bins];

    /// <summary>The least value; +infinity before the first one.</summary>
    public float Minimum { get; private set; } = float.PositiveInfinity;

    /// <summary>The greatest value; -infinity before the first one.</summary>
    public float Maximum { get; private set; } = float.NegativeInfinity;

    /// <summary>The lower end of the first bin: the minimum, or 0 where that is above 0.</summary>
    public double Low => Math.Min(Minimum, 0.0);

    /// <summary>The upper end of the last bin: the maximum, or 0 where that is below 0.</summary>
    public double High => Math.Max(Maximum, 0.0);

    /// <summary>How many values are 0.</summary>
    public long Zeros { get; private set; }

    /// <summary>How many values there are.</summary>
    public long Total { get; private set; }

    /// <summary>Whether all values are equal.</summary>
    public bool IsConstant => Minimum == Maximum;

    /// <summary>
    /// Whether the whole range in 8 bits represents every value to a thousandth of a step: bytes of images, and other values on a grid.
    /// </summary>
    public bool IsGrid { get; private set; } = true;

    /// <summary>Values in each bin, those that are 0 left out.</summary>
    public ReadOnlySpan<long> Counts => counts;

    /// <summary>The value in the middle of a bin.</summary>
    public double Middle(int bin) => Low + ((High - Low) * ((bin + 0.5) / Bins));

    /// <summary>The upper end of a bin.</summary>
    public double End(int bin) => Low + ((High - Low) * ((bin + 1.0) / Bins));

    /// <summary>First pass: widens minimum and maximum.</summary>
    /// <returns>The first row that holds a value that is not finite, and that value; row -1 for none.</returns>
    public (int Row, float Value) Widen(in Matrix<float> values)
    {
        for (int row = 0; row < values.Rows; row++)
        {
            foreach (float value in values.Row(row))
            {
                if (!float.IsFinite(value))
                {
                    return (row, value);
                }

                Minimum = Math.Min(Minimum, value);
                Maximum = Math.Max(Maximum, value);
            }
        }

        return (-1, 0);
    }

    /// <summary>Second pass, when minimum and maximum are known: counts values.</summary>
    public void Count(in Matrix<float> values)
    {
        double low = Low, scale = Bins / (High - low), step = new ValueRange(low, High).Type(8).Scale;
        for (int row = 0; row < values.Rows; row++)
        {
            foreach (float value in values.Row(row))
            {
                Total++;
                if (value == 0)
                {
                    Zeros++;
                }
                else
                {
                    counts[Math.Min((int)((value - low) * scale), Bins - 1)]++;
                    double steps = value / step;
                    IsGrid &= Math.Abs(steps - Math.Round(steps, MidpointRounding.ToEven)) < 1e-3;
                }
            }
        }
    }
}
