using System.Reflection;
using NUnit.Framework;
using NUnit.Framework.Api;
using NUnit.Framework.Interfaces;
using NUnit.Framework.Internal;

namespace EmbeddedBackprop.Mutation;

/// <summary>
/// The fixtures that judge the mutants of an area (EBP_AREA; all without it), without their slow tests. A fixture is one test here, which ends with
/// its first failure: the runner selects tests by name, and names of cases hold quotes and backslashes that it cannot read.
/// </summary>
[TestFixture]
public sealed class Fixtures
{
    // Random files by the ten thousand, files cut at every byte, whole data sets, and threads, which see nothing that one does not.
    private const string Slow = "[Mm]utants|truncation|Control|small_digits|Occupancy|Iris|Threads_change";

    private static readonly Dictionary<string, string[]> Areas = new()
    {
        ["kernels"] =
        [
            "Kernels.ElementwiseTests", "Kernels.FiniteTests", "Kernels.ReduceTests", "Kernels.OneSampleAffineTests", "Kernels.LiveColumnsTests",
            "Kernels.NormTests", "Kernels.SoftmaxTests", "Kernels.MaxNormTests", "Kernels.CounterRandomTests", "Kernels.DropoutMaskTests",
            "Kernels.Integers.RequantizeTests", "Kernels.Integers.RoundingTests", "Kernels.Pool2DTests", "Kernels.GemmTests",
        ],
        ["planner"] =
        [
            "Graphs.PlanTests", "Graphs.PlannerTests", "Graphs.FusionTests", "Graphs.BudgetTests", "Graphs.MovesTests", "Graphs.StateTests",
            "Graphs.WrongUseTests", "Graphs.GraphNetworkTests", "Graphs.PlanPeakTests", "Graphs.PlanCheckerTests",
        ],
        ["readers"] =
        [
            "Data.CsvReaderTests", "Data.IdxReaderTests", "Data.StrokeReaderTests", "IO.SafetensorsFileTests", "IO.SafetensorsWriterTests",
            "Onnx.ProtoReaderTests", "Onnx.OnnxImportTests", "Onnx.OnnxNodeTests", "Onnx.OnnxRefusalTests", "Onnx.OnnxMessageTests",
        ],
        ["exporter"] = ["Export.CTextTests", "Export.CProgramTests", "Export.CFormulaTests", "Export.CTargetTests"],
    };

    private bool hasFailed;

    public static IEnumerable<TestCaseData> All() =>
        Areas
            .Where(area => Environment.GetEnvironmentVariable("EBP_AREA") is not { Length: > 0 } asked || asked == area.Key)
            .SelectMany(area => area.Value.Select(fixture => new TestCaseData(fixture).SetName($"{area.Key}_{fixture.Replace('.', '_')}")));

    [TestCaseSource(nameof(All))]
    public void Passes(string fixture)
    {
        // One failure condemns a mutant: the other fixtures of the run need not see it.
        Assert.That(hasFailed, Is.False, "another fixture failed");
        hasFailed = true;
        NUnitTestAssemblyRunner runner = new(new DefaultTestAssemblyBuilder());
        Dictionary<string, object> settings = new()
        {
            ["LOAD"] = new List<string> { $"EmbeddedBackprop.Tests.{fixture}" },
            ["StopOnError"] = true,
            ["NumberOfTestWorkers"] = 0,
        };
        _ = runner.Load(Assembly.LoadFrom(Path.Combine(AppContext.BaseDirectory, "EmbeddedBackprop.Tests.dll")), settings);
        TestFilter quick = TestFilter.FromXml(
            $"<filter><not><or><cat>Slow</cat><cat>Exhaustive</cat><name re='1'>{Slow}</name></or></not></filter>");
        ITestResult result = runner.Run(TestListener.NULL, quick);
        Assert.That(result.FailCount, Is.Zero, () => FirstFailure(result));
        Assert.That(result.PassCount, Is.GreaterThan(0), $"{fixture} has no quick test");
        hasFailed = false;
    }

    private static string FirstFailure(ITestResult result) => result.HasChildren
        ? result.Children.Where(child => child.FailCount > 0).Select(FirstFailure).FirstOrDefault("")
        : $"{result.FullName}: {result.Message}";
}
