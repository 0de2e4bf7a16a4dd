using System.Globalization;
using System.Text;

namespace EmbeddedBackprop.Training;

/// <summary>The result of a gradient check, a row per tensor.</summary>
public sealed class GradientCheckReport
{
    internal GradientCheckReport(IReadOnlyList<GradientCheckRow> rows, long forwardPasses)
    {
        Rows = rows;
        ForwardPasses = forwardPasses;
    }

    /// <summary>A row per tensor.</summary>
    public IReadOnlyList<GradientCheckRow> Rows { get; }

    /// <summary>Forward passes that the differences cost; backpropagation needs one and a backward pass.</summary>
    public long ForwardPasses { get; }

    /// <summary>Whether every tensor passed.</summary>
    public bool Passed => Rows.All(row => row.Passed);

    /// <summary>The rows as a table.</summary>
    public override string ToString()
    {
        int width = Math.Max("tensor".Length, Rows.Max(row => row.Name.Length));
        StringBuilder text = new();
        text.Append("tensor".PadRight(width)).Append("    count  checked  kinks  |gradient|   double/differences  float/double\n");
        foreach (GradientCheckRow row in Rows)
        {
            text.Append(
                CultureInfo.InvariantCulture,
                $"{row.Name.PadRight(width)}  {row.Count, 7}  {row.Checked, 7}  {row.Kinks, 5}  {row.Norm, 10:E2}   ");
            text.Append(CultureInfo.InvariantCulture, $"{row.DifferenceError, 18:E2}  {row.FloatError, 12:E2}  {(row.Passed ? "ok" : "FAILED")}\n");
        }

        return text.ToString();
    }
}
