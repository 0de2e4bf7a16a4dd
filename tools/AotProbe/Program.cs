using System.Globalization;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Probe;
using EmbeddedBackprop.Training;

// A small program that trains and predicts, published with NativeAOT by the tests: it must print the weights hash of the JIT run.
// AotProbe [steps]: hashes; AotProbe speed: microseconds of a step and of a prediction; AotProbe build: what BestBuild would start, and the last line
// of a network's table; AotProbe exit CODE ...: which process and which build end with this code.
if (args is ["build"])
{
    Print("build", Path.GetFileName(BestBuild.Find() ?? Environment.ProcessPath)!);
    Print("table", new Sequential(1).Dense<Sigmoid>(1).Compile(new NetworkOptions()).ToString().TrimEnd().Split('\n')[^1]);
    return 0;
}

BestBuild.Start(args);
if (args is ["exit", string code, ..])
{
    Print("process", Environment.ProcessId);
    Print("build_level", Processor.BuildLevel);
    Print("arguments", string.Join('|', args));
    return int.Parse(code, CultureInfo.InvariantCulture);
}

bool speed = args is ["speed"];
int steps = args.Length > 0 && !speed ? int.Parse(args[0], CultureInfo.InvariantCulture) : 100;
Print("runtime", RuntimeFeature.IsDynamicCodeSupported ? "jit" : "aot");
Print("framework", Environment.Version.ToString());
Print("processor", RuntimeInformation.ProcessArchitecture);
Print("vector_width", Vector<float>.Count);
Print("vector512", Vector512.IsHardwareAccelerated);
Print("fma", Fma.IsSupported);
foreach (Arithmetic arithmetic in (ReadOnlySpan<Arithmetic>)[Arithmetic.Fused, Arithmetic.Separate])
{
    string name = arithmetic == Arithmetic.Fused ? "fused" : "separate";
    if (speed)
    {
        (double step, double prediction) = SpeedRun.Measure(arithmetic);
        Print($"step_us_{name}", Math.Round(step, 3));
        Print($"prediction_us_{name}", Math.Round(prediction, 3));
        continue;
    }

    (string hash, double bytesPerStep) = HashRun.Train(arithmetic, steps);
    Print($"hash_{name}", hash);
    Print($"bytes_per_step_{name}", bytesPerStep);
    Print($"hash_layers_{name}", LayersRun.Train(arithmetic, 5));
}

// WebAssembly has one thread.
if (!speed && !OperatingSystem.IsBrowser())
{
    (string hash, double bytesPerStep) = ThreadsRun.Train(threads: 3, steps: 10);
    Print("hash_threads", hash);
    Print("bytes_per_step_threads", bytesPerStep);
}

return 0;

static void Print(string name, object value) => Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{name} {value}"));
