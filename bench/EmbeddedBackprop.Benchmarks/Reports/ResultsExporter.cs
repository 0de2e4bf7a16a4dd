using BenchmarkDotNet.Exporters;
using BenchmarkDotNet.Loggers;
using BenchmarkDotNet.Reports;

namespace EmbeddedBackprop.Benchmarks.Reports;

/// <summary>Writes BenchmarkDotNet's own table of a class to bench/results/CPU/CLASS.md.</summary>
internal sealed class ResultsExporter : IExporter
{
    public string Name => "results";

    public IEnumerable<string> ExportToFiles(Summary summary, ILogger consoleLogger)
    {
        string name = summary.BenchmarksCases[0].Descriptor.Type.Name;
        AccumulationLogger table = new();
        MarkdownExporter.GitHub.ExportToLog(summary, table);
        ResultFile.Write(name, name, $"publish --filter *{name}*", table.GetLog());
        return [];
    }

    public void ExportToLog(Summary summary, ILogger logger)
    {
    }
}
