namespace EmbeddedBackprop.Data;

/// <summary>A table in order of time: where a stretch without a gap begins, and the group of each row.</summary>
public sealed class CsvSeries
{
    private readonly int[] groupOf;

    internal CsvSeries(FloatDataset table, int[] groupOf, IReadOnlyList<string>? groupNames, int[] starts, double step, bool isInSeconds)
    {
        Table = table;
        this.groupOf = groupOf;
        GroupNames = groupNames;
        Starts = starts;
        Step = step;
        IsInSeconds = isInSeconds;
    }

    /// <summary>The rows: neither the time nor the group is an input.</summary>
    public FloatDataset Table { get; }

    /// <summary>The names of the groups (<see cref="CsvOptions.Group"/>); null without a column of groups.</summary>
    public IReadOnlyList<string>? GroupNames { get; }

    /// <summary>The rows at which a stretch begins: the first row, each row of another group than the one before it, each row after a gap.</summary>
    public IReadOnlyList<int> Starts { get; }

    /// <summary>The usual step from row to row, the median: seconds where times are dates, else in the unit of the column; 0 without one.</summary>
    public double Step { get; }

    /// <summary>Whether times are dates.</summary>
    public bool IsInSeconds { get; }

    /// <summary>The group of a row; null without a column of groups.</summary>
    /// <param name="row">The row, from 0 on.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such row.</exception>
    public string? GroupOf(int row) => (uint)row < (uint)Table.Count
        ? GroupNames?[groupOf[row]]
        : throw DataErrors.NoSuchSample(row, Table.Count);
}
