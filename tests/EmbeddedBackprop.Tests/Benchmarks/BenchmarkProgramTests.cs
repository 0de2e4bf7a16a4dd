using EmbeddedBackprop.Tests.Support;
using NUnit.Framework;

namespace EmbeddedBackprop.Tests.Benchmarks;

/// <summary>What is measured is also right: the benchmark program's own check, in a process of its own because it changes the vector width.</summary>
public class BenchmarkProgramTests
{
    [Test]
    public void Every_benchmark_gives_the_same_bits_in_its_three_forms()
    {
        DirectoryInfo here = new(AppContext.BaseDirectory.TrimEnd(Path.DirectorySeparatorChar));
        string program = Path.Combine(
            Repository.Root, "bench", "EmbeddedBackprop.Benchmarks", "bin", here.Parent!.Name, here.Name, "EmbeddedBackprop.Benchmarks.dll");
        string output = Tools.RunChecked(Repository.Root, "dotnet", program, "check");
        Assert.That(output, Does.Match("^[1-9][0-9]+ cases, .*the same bits"));
    }
}
