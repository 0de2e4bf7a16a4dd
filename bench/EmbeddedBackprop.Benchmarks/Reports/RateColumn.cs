using System.Globalization;
using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;

namespace EmbeddedBackprop.Benchmarks.Reports;

/// <summary>GFLOP/s of the fastest iteration, or those as a share of <see cref="MachinePeak"/>.</summary>
internal sealed class RateColumn(bool share) : IColumn
{
    public string Id => nameof(RateColumn) + share;

    public string ColumnName => share ? "Of peak" : "Rate";

    public string Legend =>
        share
            ? string.Create(
                CultureInfo.InvariantCulture,
                $"Share of the peak of one core, {MachinePeak.Gflops:F0} GFLOP/s (independent multiply-adds, measured by this program)")
            : "Operations of one call in the fastest iteration, billions a second (a multiply-add is two; comparing and work on bits do not count)";

    public bool AlwaysShow => true;

    public ColumnCategory Category => ColumnCategory.Custom;

    public int PriorityInCategory => share ? 1 : 0;

    public bool IsNumeric => true;

    public UnitType UnitType => UnitType.Dimensionless;

    public bool IsAvailable(Summary summary) => true;

    public bool IsDefault(Summary summary, BenchmarkCase benchmarkCase) => false;

    public string GetValue(Summary summary, BenchmarkCase benchmarkCase, SummaryStyle style) => GetValue(summary, benchmarkCase);

    public string GetValue(Summary summary, BenchmarkCase benchmarkCase)
    {
        if (
            summary[benchmarkCase]?.ResultStatistics is not { } statistics
            || Activator.CreateInstance(benchmarkCase.Descriptor.Type) is not Bench bench)
        {
            return "NA";
        }

        bench.Case = (string)benchmarkCase.Parameters[nameof(Bench.Case)];

        // Comparing is no operation: a pooling by maxima has no rate.
        if (bench.Work == 0)
        {
            return "-";
        }

        // Work a nanosecond is billions a second.
        double rate = bench.Work / statistics.Min;
        return share
            ? string.Create(CultureInfo.InvariantCulture, $"{100 * rate / MachinePeak.Gflops:F1} %")
            : string.Create(CultureInfo.InvariantCulture, $"{rate:F2} GFLOP/s");
    }
}
