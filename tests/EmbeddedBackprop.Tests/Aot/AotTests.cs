using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Probe;

namespace EmbeddedBackprop.Tests.Aot;

/// <summary>The probe published ahead of time trains without an allocation and ends in the weights of the JIT, at every instruction set.</summary>
[Parallelizable(ParallelScope.Self)]
internal sealed class AotTests
{
    private const int Steps = 100;

    private string folder = "";

    [OneTimeSetUp]
    public void CreateFolder() => folder = Directory.CreateTempSubdirectory("ebp-aot-").FullName;

    [OneTimeTearDown]
    public void DeleteFolder() => Directory.Delete(folder, recursive: true);

    [TestCase("", 4, false, false)]
    [TestCase("x86-x64-v3", 8, false, true, Category = "Slow")]
    [TestCase("x86-64-v4", 8, true, true, Category = "Slow")] // .NET 10's name: the package's build file translates it for the compiler of .NET 9
    public void The_published_program_gives_the_hash_of_the_jit(string instructionSet, int vectorWidth, bool vector512, bool fma)
    {
        Dictionary<string, string> lines = PublishAndRun(instructionSet, out long size, out string symbols);
        TestContext.Out.WriteLine($"instruction set {(instructionSet.Length == 0 ? "baseline" : instructionSet)}: {size:N0} bytes");
        Assert.Multiple(() =>
        {
            Assert.That(lines["runtime"], Is.EqualTo("aot"));
            Assert.That(lines["vector_width"], Is.EqualTo($"{vectorWidth}"));
            Assert.That(lines["vector512"], Is.EqualTo($"{vector512}"));
            Assert.That(lines["fma"], Is.EqualTo($"{fma}"));
            Assert.That(lines["hash_fused"], Is.EqualTo(HashRun.Train(Arithmetic.Fused, Steps, Execution.Scalar).Hash));
            Assert.That(lines["hash_separate"], Is.EqualTo(HashRun.Train(Arithmetic.Separate, Steps, Execution.Scalar).Hash));
            Assert.That(lines["hash_layers_fused"], Is.EqualTo(LayersRun.Train(Arithmetic.Fused, 5, Execution.Scalar)));
            Assert.That(lines["hash_layers_separate"], Is.EqualTo(LayersRun.Train(Arithmetic.Separate, 5, Execution.Scalar)));
            Assert.That(lines["bytes_per_step_fused"], Is.EqualTo("0"));
            Assert.That(lines["bytes_per_step_separate"], Is.EqualTo("0"));
            Assert.That(lines["hash_threads"], Is.EqualTo(ThreadsRun.Train(threads: 1, steps: 10, Execution.Scalar).Hash));
            Assert.That(lines["bytes_per_step_threads"], Is.EqualTo("0"));
            Assert.That(size, Is.LessThan(4_000_000));
            Assert.That(symbols, Does.Contain("Activations_Sigmoid").And.Contain("Ops_Gru"), "the control: what is used is there");
            Assert.That(
                symbols,
                Does.Not.Contain("Activations_Gelu")
                    .And.Not.Contain("Optimizers_RmsProp")
                    .And.Not.Contain("Losses_SoftmaxCrossEntropy")
                    .And.Not.Contain("Ops_Lstm")
                    .And.Not.Contain("Ops_BatchNorm"),
                "unused ones are trimmed");
        });
    }

    private Dictionary<string, string> PublishAndRun(string instructionSet, out long size, out string symbols)
    {
        Tools.Require("clang", "clang");
        if (!File.Exists("/usr/include/zlib.h"))
        {
            Tools.Require("zlib.h", "zlib1g-dev");
        }

        // Restored and compiled once, in a folder of its own: no other build is disturbed. No build server outlives the build: it would hold the pipe
        // that the test reads to its end.
        string output = Tools.RunChecked(
            Repository.Root,
            "dotnet",
            "publish",
            Path.Combine("tools", "AotProbe"),
            "-c",
            "Release",
            "-o",
            Path.Combine(folder, "out" + instructionSet),
            "--artifacts-path",
            Path.Combine(folder, "artifacts"),
            $"-p:IlcInstructionSet={instructionSet}",
            $"-p:NativeIntermediateOutputPath={folder}/native{instructionSet}/",
            "-p:StripSymbols=true",
            "-p:RunAnalyzers=false",
            "-v",
            "minimal",
            "-nodeReuse:false",
            "-p:UseSharedCompilation=false");
        Assert.That(output, Does.Not.Contain("warning IL").And.Not.Contain("warning AOT"), "trim and AOT warnings");
        string program = Path.Combine(folder, "out" + instructionSet, "AotProbe");
        size = new FileInfo(program).Length;
        symbols = Tools.RunChecked(folder, Tools.Require("nm", "binutils"), program + ".dbg");
        return Tools.RunChecked(folder, program, $"{Steps}").Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => line.Split(' ', 2)).ToDictionary(parts => parts[0], parts => parts[1]);
    }
}
