namespace EmbeddedBackprop.Data;

/// <summary>The steps in time between the rows of a table, where gaps are, and where stretches begin.</summary>
internal sealed class SeriesSteps
{
    private readonly double[] steps;
    private readonly int[] groupOf;

    /// <param name="times">The time of each row, which becomes the step before it; empty without times.</param>
    /// <param name="groupOf">The group of each row; empty without groups.</param>
    public SeriesSteps(double[] times, int[] groupOf)
    {
        this.groupOf = groupOf;
        steps = times;
        for (int row = times.Length - 1; row > 0; row--)
        {
            steps[row] = IsOtherGroup(row) ? double.NaN : times[row] - times[row - 1];
        }

        if (steps.Length > 0)
        {
            steps[0] = double.NaN;
        }

        Usual = Median();
    }

    /// <summary>The median of the steps that lead forwards; 0 where there is none.</summary>
    public double Usual { get; }

    /// <summary>The first row after a gap; -1 for none.</summary>
    public int FirstGap
    {
        get
        {
            int row = 0;
            while (row < steps.Length && !IsGap(row))
            {
                row++;
            }

            return row < steps.Length ? row : -1;
        }
    }

    /// <summary>The step before a row.</summary>
    public double Before(int row) => steps[row];

    /// <summary>The rows at which a stretch begins.</summary>
    public int[] Starts(int rows)
    {
        int count = 0;
        for (int row = 0; row < rows; row++)
        {
            count += IsStart(row) ? 1 : 0;
        }

        int[] starts = new int[count];
        for (int row = 0, next = 0; row < rows; row++)
        {
            if (IsStart(row))
            {
                starts[next++] = row;
            }
        }

        return starts;
    }

    private bool IsStart(int row) => row == 0 || IsOtherGroup(row) || (steps.Length > 0 && IsGap(row));

    private bool IsOtherGroup(int row) => groupOf.Length > 0 && groupOf[row] != groupOf[row - 1];

    /// <summary>Whether a step is known and not within a half and one and a half of the usual one.</summary>
    private bool IsGap(int row) => !double.IsNaN(steps[row]) && !(steps[row] > 0.5 * Usual && steps[row] < 1.5 * Usual);

    /// <summary>Found by halving the range of the bits, which rise with positive numbers: without a sorted copy.</summary>
    private double Median()
    {
        long low = 0, high = BitConverter.DoubleToInt64Bits(double.MaxValue);
        int all = Count(double.MaxValue);
        while (low < high)
        {
            long middle = low + ((high - low) / 2);
            (low, high) = 2L * Count(BitConverter.Int64BitsToDouble(middle)) >= all ? (low, middle) : (middle + 1, high);
        }

        return BitConverter.Int64BitsToDouble(low);
    }

    private int Count(double most)
    {
        int count = 0;
        foreach (double step in steps)
        {
            count += step > 0 && step <= most ? 1 : 0;
        }

        return count;
    }
}
