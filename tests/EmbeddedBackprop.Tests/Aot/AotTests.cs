using System.Diagnostics;
using EmbeddedBackprop.Probe;

namespace EmbeddedBackprop.Tests.Aot;

/// <summary>The probe published ahead of time trains without an allocation and ends in the weights of the JIT, at every instruction set.</summary>
[Parallelizable(ParallelScope.Self)]
internal sealed class AotTests
{
    private const int Steps = 100, EmulatedSteps = 10;

    /// <summary>Bytes of a program of forty lines: 2 % more than it has.</summary>
    private const long LargestSmall = 1_940_000;

    private const string Probe = "tools/AotProbe", Sizes = "bench/aot/Sizes";

    private readonly Dictionary<string, string> natives = [];
    private string folder = "";
    private int publishes;

    [OneTimeSetUp]
    public void CreateFolder() => folder = Directory.CreateTempSubdirectory("ebp-aot-").FullName;

    [OneTimeTearDown]
    public void DeleteFolder() => Directory.Delete(folder, recursive: true);

    [TestCase("", 4, false, false)]
    [TestCase("x86-x64-v3", 8, false, true, Category = "Slow")]
    [TestCase("x86-64-v4", 8, true, true, Category = "Slow")] // .NET 10's name: the package's build file translates it for the compiler of .NET 9
    public void The_published_program_gives_the_hash_of_the_jit(string instructionSet, int vectorWidth, bool vector512, bool fma)
    {
        string program = Native(instructionSet);
        Dictionary<string, string> lines = Lines(Tools.RunChecked(folder, program, $"{Steps}"));
        long size = new FileInfo(program).Length;
        string symbols = Tools.RunChecked(folder, Tools.Require("nm", "binutils"), program + ".dbg");
        TestContext.Out.WriteLine($"instruction set {(instructionSet.Length == 0 ? "baseline" : instructionSet)}: {size:N0} bytes");
        Assert.Multiple(() =>
        {
            Assert.That(lines["runtime"], Is.EqualTo("aot"));
            Assert.That(lines["vector_width"], Is.EqualTo($"{vectorWidth}"));
            Assert.That(lines["vector512"], Is.EqualTo($"{vector512}"));
            Assert.That(lines["fma"], Is.EqualTo($"{fma}"));
            CheckHashes(lines);
            CheckAllocations(lines);
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

    [Test]
    [Category("Slow")]
    public void One_deployment_starts_the_best_build_for_the_processor()
    {
        string emulator = Tools.Require("qemu-x86_64", "qemu-user");
        string deployed = Directory.CreateDirectory(Path.Combine(folder, "deployed")).FullName, program = Path.Combine(deployed, "AotProbe");
        File.Copy(Native(""), program);
        File.Copy(Native("x86-x64-v3"), program + "-v3");
        File.Copy(Native("x86-64-v4"), program + "-v4");
        const string Hint = "This program was compiled for processors without AVX, and this one has ";
        Dictionary<string, string> nehalem = Lines(Emulated("Nehalem", program, "build")), haswell = Lines(Emulated("Haswell", program, "build"));
        Assert.Multiple(() =>
        {
            Assert.That(nehalem["build"], Is.EqualTo("AotProbe"));
            Assert.That(nehalem["table"], Does.StartWith("workspace"), "no hint: the build has what the processor has");
            Assert.That(haswell["build"], Is.EqualTo("AotProbe-v3"));
            Assert.That(haswell["table"], Does.StartWith(Hint + "AVX2: <EmbeddedBackpropProcessors>avx2<"));
        });

        // A program that the emulator's program becomes would run on the real processor: each build is started by itself.
        Dictionary<string, string> oldest = Lines(Emulated("Nehalem", program, $"{EmulatedSteps}")),
            newer = Lines(Emulated("Haswell", program + "-v3", $"{EmulatedSteps}"));
        Tools.Result refused = Tools.Run(deployed, emulator, "-cpu", "Nehalem", program + "-v3", "1");
        Assert.Multiple(() =>
        {
            Assert.That(oldest["vector_width"], Is.EqualTo("4"));
            CheckHashes(oldest, EmulatedSteps);
            Assert.That(newer["vector_width"], Is.EqualTo("8"));
            CheckHashes(newer, EmulatedSteps);
            Assert.That(refused.ExitCode, Is.Not.Zero, "the control: AVX2 is what Nehalem does not have");
        });

        // On this processor the process becomes the best build, and stays the same process.
        using Process process = Started(program, "exit", "7", "a b", "");
        Dictionary<string, string> lines = Lines(process.StandardOutput.ReadToEnd());
        ChildProcess.WaitForExit(process);
        using Process stopped = Started(program, "1000000000");
        Assert.That(stopped.StandardOutput.ReadLine(), Is.EqualTo("runtime aot"));
        Tools.RunChecked(folder, "kill", "-TERM", $"{stopped.Id}");
        ChildProcess.WaitForExit(stopped);
        Assert.Multiple(() =>
        {
            Assert.That(process.ExitCode, Is.EqualTo(7));
            Assert.That(lines["build_level"], Is.EqualTo($"{Processor.Level}"));
            Assert.That(lines["process"], Is.EqualTo($"{process.Id}"));
            Assert.That(lines["arguments"], Is.EqualTo("exit|7|a b|"));
            Assert.That(stopped.ExitCode, Is.EqualTo(128 + 15), "SIGTERM");
        });

        string Emulated(string processor, params ReadOnlySpan<string> command) =>
            Tools.RunChecked(deployed, emulator, ["-cpu", processor, .. command]);
    }

    [Test]
    [Category("Slow")]
    public void A_program_for_Arm64_gives_the_hash_of_the_jit()
    {
        string emulator = Tools.Require("qemu-aarch64", "qemu-user");
        Tools.Require("aarch64-linux-gnu-gcc", "gcc-aarch64-linux-gnu libc6-dev-arm64-cross");
        string program = PublishNative(Probe, "-p:ProbeFor=linux-arm64");
        Dictionary<string, string> lines = Lines(Tools.RunChecked(folder, emulator, "-L", "/usr/aarch64-linux-gnu", program, $"{EmulatedSteps}"));
        TestContext.Out.WriteLine($"Arm64: {new FileInfo(program).Length:N0} bytes");
        Assert.Multiple(() =>
        {
            Assert.That(lines["runtime"], Is.EqualTo("aot"));
            Assert.That(lines["processor"], Is.EqualTo("Arm64"));
            Assert.That(lines["vector_width"], Is.EqualTo("4"));
            CheckHashes(lines, EmulatedSteps);
            CheckAllocations(lines);
        });
    }

    [Test]
    [Category("Slow")]
    public void A_small_program_holds_no_more_than_it_uses()
    {
        string program = PublishNative(Sizes, "-p:Program=Small", "-p:Small=true", "-p:IlcInstructionSet=x86-x64-v3");
        long size = new FileInfo(program).Length;
        string symbols = Tools.RunChecked(folder, Tools.Require("nm", "binutils"), program + ".dbg");
        TestContext.Out.WriteLine($"Small: {size:N0} bytes");
        Assert.Multiple(() =>
        {
            Assert.That(size, Is.LessThan(LargestSmall));
            Assert.That(symbols, Does.Contain("Graphs_PlanTable").And.Contain("Products_GemmTile"), "the control: what is used is there");
            Assert.That(symbols, Does.Not.Contain("SelectIterator").And.Not.Contain("TypeLoaderEnvironment__TryBuild"), "Graphs/Lists.cs says why");
        });
        Assert.That(Tools.RunChecked(folder, program), Does.Match(@"^\d+ of 400 points\n$"));
    }

    private static Process Started(string program, params string[] arguments) =>
        Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true })!;

    private static Dictionary<string, string> Lines(string output) =>
        output.Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => line.Split(' ', 2)).ToDictionary(parts => parts[0], parts => parts[1]);

    // The scalar twins of this process are the definition.
    private static void CheckHashes(Dictionary<string, string> lines, int steps = Steps)
    {
        Assert.That(lines["hash_fused"], Is.EqualTo(HashRun.Train(Arithmetic.Fused, steps, Execution.Scalar).Hash));
        Assert.That(lines["hash_separate"], Is.EqualTo(HashRun.Train(Arithmetic.Separate, steps, Execution.Scalar).Hash));
        Assert.That(lines["hash_layers_fused"], Is.EqualTo(LayersRun.Train(Arithmetic.Fused, 5, Execution.Scalar)));
        Assert.That(lines["hash_layers_separate"], Is.EqualTo(LayersRun.Train(Arithmetic.Separate, 5, Execution.Scalar)));
        Assert.That(lines["hash_threads"], Is.EqualTo(ThreadsRun.Train(threads: 1, steps: 10, Execution.Scalar).Hash));
    }

    private static void CheckAllocations(Dictionary<string, string> lines)
    {
        Assert.That(lines["bytes_per_step_fused"], Is.EqualTo("0"));
        Assert.That(lines["bytes_per_step_separate"], Is.EqualTo("0"));
        Assert.That(lines["bytes_per_step_threads"], Is.EqualTo("0"));
    }

    /// <summary>The probe for an instruction set, published once.</summary>
    private string Native(string instructionSet)
    {
        if (!natives.TryGetValue(instructionSet, out string? program))
        {
            program = PublishNative(
                Probe, $"-p:IlcInstructionSet={instructionSet}", $"-p:NativeIntermediateOutputPath={folder}/native{instructionSet}/");
            natives.Add(instructionSet, program);
        }

        return program;
    }

    /// <returns>The program's file.</returns>
    private string PublishNative(string project, params ReadOnlySpan<string> properties)
    {
        Tools.Require("clang", "clang");
        if (!File.Exists("/usr/include/zlib.h"))
        {
            Tools.Require("zlib.h", "zlib1g-dev");
        }

        return Path.Combine(Publish(project, ["-p:StripSymbols=true", .. properties]), project == Probe ? "AotProbe" : "Small");
    }

    // Restored and compiled once for each framework, in a folder of its own: no other build is disturbed. No build server outlives the build: it
    // would hold the pipe that the test reads to its end.
    private string Publish(string project, params ReadOnlySpan<string> properties)
    {
        string target = Path.Combine(folder, "out" + ++publishes);
        string output = Tools.RunChecked(
            Repository.Root,
            "dotnet",
            [
                "publish", project, "-c", "Release", "-o", target, "--artifacts-path", Path.Combine(folder, "artifacts"),
                "-p:RunAnalyzers=false", "-v", "minimal", "-nodeReuse:false", "-p:UseSharedCompilation=false", .. properties,
            ]);
        Assert.That(output, Does.Not.Contain("warning IL").And.Not.Contain("warning AOT"), "trim and AOT warnings");
        return target;
    }
}
