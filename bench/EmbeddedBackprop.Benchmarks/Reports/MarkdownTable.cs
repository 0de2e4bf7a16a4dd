using System.Globalization;

namespace EmbeddedBackprop.Benchmarks.Reports;

/// <summary>The rows of the Markdown tables that this program and BenchmarkDotNet write; a cell is found by its column's name.</summary>
internal static class MarkdownTable
{
    /// <summary>All rows of all tables of a file that have the given column; none if there is no such file.</summary>
    public static IEnumerable<Dictionary<string, string>> Read(string path, string column)
    {
        string[]? header = null;
        foreach (string line in File.Exists(path) ? File.ReadAllLines(path) : [])
        {
            if (!line.StartsWith('|'))
            {
                header = null;
                continue;
            }

            string[] cells = [.. line.Trim().Trim('|').Split('|').Select(Plain)];
            if (header is null)
            {
                header = cells;
            }
            else if (
                cells.Length == header.Length
                && header.Contains(column)
                && cells[0].Length > 0
                && !cells[0].StartsWith("--", StringComparison.Ordinal))
            {
                yield return header.Zip(cells).DistinctBy(pair => pair.First).ToDictionary(pair => pair.First, pair => pair.Second);
            }
        }
    }

    /// <summary>"1,234.5 us" in nanoseconds.</summary>
    public static double Nanoseconds(string text)
    {
        string[] parts = text.Split(' ');
        double unit = parts[1] switch { "ns" => 1, "ms" => 1e6, "s" => 1e9, _ => 1e3 };
        return Number(parts[0]) * unit;
    }

    /// <summary>The number that a cell begins with.</summary>
    public static double Number(string text) => double.Parse(text.Split(' ')[0], NumberStyles.Number, CultureInfo.InvariantCulture);

    /// <summary>A time in the unit that suits it.</summary>
    public static string Time(double nanoseconds) => nanoseconds switch
    {
        < 1e3 => string.Create(CultureInfo.InvariantCulture, $"{nanoseconds:F1} ns"),
        < 1e6 => string.Create(CultureInfo.InvariantCulture, $"{nanoseconds / 1e3:F2} us"),
        < 1e9 => string.Create(CultureInfo.InvariantCulture, $"{nanoseconds / 1e6:F2} ms"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{nanoseconds / 1e9:F1} s"),
    };

    private static string Plain(string cell) =>
        cell.Replace("*", "", StringComparison.Ordinal)
            .Replace("&lt;", "<", StringComparison.Ordinal)
            .Replace("&gt;", ">", StringComparison.Ordinal)
            .Trim()
            .Trim('\'');
}
