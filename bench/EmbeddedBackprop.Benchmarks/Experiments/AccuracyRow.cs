namespace EmbeddedBackprop.Benchmarks.Experiments;

/// <summary>A result of docs/results.md: trainings by the ebp program that differ in seed and held-out part alone.</summary>
/// <param name="Name">The command's argument, and the end of the result file's name.</param>
/// <param name="Title">The result file's heading.</param>
/// <param name="Folder">The data set's folder below the data folder.</param>
/// <param name="Nets">The options of each net, with DIR for the data set's folder; every run ends with its <paramref name="Runs"/>.</param>
/// <param name="Runs">The options that differ from run to run of a net.</param>
/// <param name="Choice">How net, rate and epochs were chosen.</param>
internal sealed record AccuracyRow(string Name, string Title, string Folder, (string Label, string[] Options)[] Nets, string[][] Runs, string Choice)
{
    /// <summary>
    /// Files that the finished models are judged on as well, next to the majority class, with balanced accuracy and area under the curve.
    /// </summary>
    public string[] Judged { get; init; } = [];

    /// <summary>What the result file says after the runs, made from the data set's folder: another method on the same split.</summary>
    public Func<string, string>? Beside { get; init; }
}
