using System.Globalization;
using System.Text;

namespace EmbeddedBackprop.Tools.Output;

/// <summary>The values that a net computes of a window, as a table or as a picture that a person can look at.</summary>
/// <param name="Title">The recording, the second, and the value's name.</param>
/// <param name="Values">[frames, features], row-major.</param>
/// <param name="Frames">Rows: frames in order of time.</param>
/// <param name="Features">Columns: of a spectrum, frequencies from low to high.</param>
/// <param name="Seconds">From one frame to the next; 0 where that is not known.</param>
internal sealed record FeatureText(string Title, float[] Values, int Frames, int Features, double Seconds)
{
    /// <summary>More cells than this make no picture.</summary>
    public const int MostCells = 100_000;

    private const int Cell = 8, Left = 50, Top = 30, Bottom = 40, LegendWidth = 20, Right = 120;

    /// <summary>The first bytes of every table.</summary>
    public static ReadOnlySpan<byte> TableBegin => "frame,feature 1"u8;

    /// <summary>The first bytes of every picture.</summary>
    public static ReadOnlySpan<byte> PictureBegin => "<svg xmlns="u8;

    /// <summary>The first bytes of every page.</summary>
    public static ReadOnlySpan<byte> PageBegin => "<!DOCTYPE html><meta charset=\"utf-8\"><title>ebp features"u8;

    /// <summary>A row a frame; a float has as many digits as it takes to read the same bits again.</summary>
    public string Table()
    {
        StringBuilder text = new("frame");
        for (int i = 1; i <= Features; i++)
        {
            text.Append(CultureInfo.InvariantCulture, $",feature {i}");
        }

        text.Append('\n');
        for (int frame = 0; frame < Frames; frame++)
        {
            text.Append(CultureInfo.InvariantCulture, $"{frame}");
            for (int i = 0; i < Features; i++)
            {
                text.Append(CultureInfo.InvariantCulture, $",{Values[(frame * Features) + i]:R}");
            }

            text.Append('\n');
        }

        return text.ToString();
    }

    /// <summary>Time from left to right, features from the bottom up, the lowest value dark and the highest bright.</summary>
    public string Picture()
    {
        (float low, float high) = Range();
        int width = Left + (Frames * Cell) + Right, height = Top + (Features * Cell) + Bottom, floor = Top + (Features * Cell);
        StringBuilder text = new();
        Add($"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" font-family=\"sans-serif\" font-size=\"12\">\n");
        Add($"<text x=\"{Left}\" y=\"20\">{Escaped(Title)}</text>\n");
        for (int frame = 0; frame < Frames; frame++)
        {
            for (int i = 0; i < Features; i++)
            {
                float value = Values[(frame * Features) + i];
                string color = Color(high > low ? (value - low) / (high - low) : 0f);
                Add($"<rect x=\"{Left + (frame * Cell)}\" y=\"{floor - ((i + 1) * Cell)}\" width=\"{Cell}\" height=\"{Cell}\" fill=\"{color}\"/>\n");
            }
        }

        // Ends of both axes, and what dark and bright mean.
        string end = Seconds > 0 ? string.Create(CultureInfo.InvariantCulture, $"{(Frames - 1) * Seconds:0.###} s") : $"frame {Frames - 1}";
        int right = Left + (Frames * Cell), legend = right + 20;
        Add($"<text x=\"{Left}\" y=\"{floor + 18}\">{(Seconds > 0 ? "0 s" : "frame 0")}</text>\n");
        Add($"<text x=\"{right}\" y=\"{floor + 18}\" text-anchor=\"end\">{end}</text>\n");
        Add($"<text x=\"{Left - 6}\" y=\"{floor}\" text-anchor=\"end\">1</text>\n");
        Add($"<text x=\"{Left - 6}\" y=\"{Top + 10}\" text-anchor=\"end\">{Features}</text>\n");
        Add($"<rect x=\"{legend}\" y=\"{Top}\" width=\"{LegendWidth}\" height=\"14\" fill=\"{Color(1f)}\"/>\n");
        Add($"<text x=\"{legend + LegendWidth + 6}\" y=\"{Top + 11}\">{high:G4}</text>\n");
        Add($"<rect x=\"{legend}\" y=\"{Top + 18}\" width=\"{LegendWidth}\" height=\"14\" fill=\"{Color(0f)}\"/>\n");
        Add($"<text x=\"{legend + LegendWidth + 6}\" y=\"{Top + 29}\">{low:G4}</text>\n");
        Add($"</svg>\n");
        return text.ToString();

        void Add(FormattableString line) => text.Append(line.ToString(CultureInfo.InvariantCulture));
    }

    /// <summary>The picture in a page that a browser opens.</summary>
    public string Page() => $"{Encoding.ASCII.GetString(PageBegin)}</title>\n<body>\n{Picture()}</body>\n";

    private (float Low, float High) Range()
    {
        float low = float.PositiveInfinity, high = float.NegativeInfinity;
        foreach (float value in Values)
        {
            if (float.IsFinite(value))
            {
                (low, high) = (Math.Min(low, value), Math.Max(high, value));
            }
        }

        return low <= high ? (low, high) : (0f, 0f);
    }

    /// <summary>From dark blue over red to light yellow; grey for what is no number.</summary>
    private static string Color(float share)
    {
        if (!float.IsFinite(share))
        {
            return "#808080";
        }

        share = Math.Clamp(share, 0f, 1f);
        int red = (int)(255 * Math.Min(1f, 2f * share)), green = (int)(240 * Math.Max(0f, (2f * share) - 1f));
        int blue = (int)(90 * (1f - Math.Abs((2f * share) - 1f))) + (int)(60 * (1f - share)) + (int)(120 * Math.Max(0f, (4f * share) - 3f));
        return string.Create(CultureInfo.InvariantCulture, $"#{red:X2}{green:X2}{blue:X2}");
    }

    private static string Escaped(string text) => text
        .Replace("&", "&amp;", StringComparison.Ordinal)
        .Replace("<", "&lt;", StringComparison.Ordinal)
        .Replace(">", "&gt;", StringComparison.Ordinal);
}
