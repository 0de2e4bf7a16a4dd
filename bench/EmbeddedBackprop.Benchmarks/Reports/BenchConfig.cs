using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Diagnosers;
using BenchmarkDotNet.Exporters;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Loggers;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Toolchains.CsProj;
using BenchmarkDotNet.Toolchains.DotNetCli;
using Perfolizer.Horology;

namespace EmbeddedBackprop.Benchmarks.Reports;

/// <summary>The measuring options of every benchmark and the columns of its table.</summary>
internal static class BenchConfig
{
    /// <summary>The configuration for BenchmarkDotNet's own command line; a job named there replaces ours.</summary>
    public static ManualConfig Create(bool ownJob, IExporter? exporter)
    {
        ManualConfig config = ManualConfig.CreateEmpty()
            .AddLogger(ConsoleLogger.Default)
            .AddAnalyser([.. DefaultConfig.Instance.GetAnalysers()])
            .AddValidator([.. DefaultConfig.Instance.GetValidators()])
            .AddDiagnoser(MemoryDiagnoser.Default)
            .AddColumnProvider(DefaultColumnProviders.Instance)
            .AddColumn(StatisticColumn.Median, StatisticColumn.Min, new RateColumn(share: false), new RateColumn(share: true))
            .HideColumns("Error", "RatioSD", "Alloc Ratio", "Gen0", "Gen1", "Gen2", "Job")
            .WithSummaryStyle(SummaryStyle.Default.WithRatioStyle(RatioStyle.Trend).WithMaxParameterColumnWidth(40))
            .AddExporter(exporter ?? MarkdownExporter.GitHub);
        return ownJob ? config.AddJob(Published) : config;
    }

    /// <summary>Short iterations, many of them: on a shared machine some of them run undisturbed, and Min is one of those.</summary>
    private static Job Published => Environment.GetEnvironmentVariable("EBP_BENCH_DOTNET") is { Length: > 0 } dotnet
        ? PublishedBy.WithToolchain(CsProjCoreToolchain.From(new NetCoreAppSettings("net10.0", null!, ".NET 10", dotnet)))
        : PublishedBy;

    // EBP_BENCH_DOTNET: a program that replaces dotnet, for machines where measuring needs a lock, a core or a priority.
    private static Job PublishedBy => Job.Default
        .WithId("published")
        .WithLaunchCount(1)
        .WithWarmupCount(4)
        .WithIterationCount(12)
        .WithIterationTime(TimeInterval.FromMilliseconds(120))

        // As the project's own programs are built (Directory.Build.props).
        .WithEnvironmentVariable("DOTNET_TC_QuickJit", "0");
}
