namespace EmbeddedBackprop.Benchmarks.Reports;

/// <summary>
/// The rows of the published tables whose timed call allocates. A kernel or a step allocates nothing, so such a row also times something else.
/// </summary>
internal static class Allocations
{
    /// <summary>"PoolBench max 1x16x8x8, tiled: 224 B" for each such row; also for a row whose bytes were not measured.</summary>
    /// <param name="folder">A folder of bench/results.</param>
    public static string[] Read(string folder) =>
    [
        .. from file in Directory.GetFiles(folder, "*Bench.md").Order(StringComparer.Ordinal)
           from row in MarkdownTable.Read(file, "Allocated")
           where row["Allocated"] is not ("-" or "0 B")
           select $"{Path.GetFileNameWithoutExtension(file)} {row["Case"]}, {row["Method"]}: {row["Allocated"]}",
    ];
}
