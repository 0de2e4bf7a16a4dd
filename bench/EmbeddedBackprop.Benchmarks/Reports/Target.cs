using System.Globalization;

namespace EmbeddedBackprop.Benchmarks.Reports;

/// <summary>The project's target for a piece of work, and the measured value.</summary>
/// <param name="Work">The piece of work.</param>
/// <param name="Measured">The figure.</param>
/// <param name="Must">The required value.</param>
/// <param name="Met">"yes", or by how much it was missed.</param>
/// <param name="Aim">The desired value.</param>
/// <param name="Reached">Whether it is.</param>
/// <param name="Source">The file of bench/results.</param>
internal sealed record Target(string Work, string Measured, string Must, string Met, string Aim, string Reached, string Source)
{
    /// <summary>The heading of a table of targets.</summary>
    public const string Heading = "| work | measured | must | met | aim | reached | from |\n| --- | --- | --- | --- | --- | --- | --- |\n";

    /// <summary>A row for work that no file tells of.</summary>
    public static Target Missing(string work, string command, string source) => new(work, "not measured", "", $"run `{command}`", "", "", source);

    /// <summary>Several figures, each of which should be large: the lowest counts.</summary>
    public static Target AtLeast(
        string work,
        IReadOnlyList<(string Name, double Value)> figures,
        double must,
        double? aim,
        string format,
        string source)
    {
        (string lowest, double value) = figures.MinBy(figure => figure.Value);
        string[] missed = [.. figures.Where(figure => figure.Value < must).Select(figure => $"{figure.Name} {Text(figure.Value, format)}")];
        int reached = figures.Count(figure => figure.Value >= aim);
        return new Target(
            work,
            Text(value, format) + (figures.Count > 1 ? $" at least ({lowest})" : ""),
            Text(must, format),
            missed.Length == 0
                ? "yes"
                : string.Create(CultureInfo.InvariantCulture, $"no, missed by {1 - (value / must):P0}: {string.Join(", ", missed)}"),
            aim is { } wanted ? Text(wanted, format) : "",
            aim is null ? "" : Reach(reached, figures.Count, 1 - (value / (aim ?? 1))),
            source);
    }

    /// <summary>A time that should be short.</summary>
    public static Target AtMost(string work, double nanoseconds, double must, double aim, string source) => new(
        work, MarkdownTable.Time(nanoseconds), MarkdownTable.Time(must),
        nanoseconds <= must ? "yes" : string.Create(CultureInfo.InvariantCulture, $"no, missed by {(nanoseconds / must) - 1:P0}"),
        MarkdownTable.Time(aim), Reach(nanoseconds <= aim ? 1 : 0, 1, (nanoseconds / aim) - 1), source);

    /// <summary>The row of a table.</summary>
    public string Row() => $"| {Work} | {Measured} | {Must} | {Met} | {Aim} | {Reached} | {Source} |\n";

    private static string Reach(int reached, int count, double by) => reached == count ? "yes"
        : string.Create(CultureInfo.InvariantCulture, $"no, missed by {by:P0}{(count > 1 ? $" ({reached} of {count} reach it)" : "")}");

    private static string Text(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);
}
