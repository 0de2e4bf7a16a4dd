using System.Globalization;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Probe;

// A small program that trains and predicts, published with NativeAOT by the tests: it must print the weights hash of the JIT run.
int steps = args.Length > 0 ? int.Parse(args[0], CultureInfo.InvariantCulture) : 100;
Print("runtime", RuntimeFeature.IsDynamicCodeSupported ? "jit" : "aot");
Print("framework", Environment.Version.ToString());
Print("vector_width", Vector<float>.Count);
Print("vector512", Vector512.IsHardwareAccelerated);
Print("fma", Fma.IsSupported);
foreach (Arithmetic arithmetic in (ReadOnlySpan<Arithmetic>)[Arithmetic.Fused, Arithmetic.Separate])
{
    (string hash, double bytesPerStep) = HashRun.Train(arithmetic, steps);
    string name = arithmetic == Arithmetic.Fused ? "fused" : "separate";
    Print($"hash_{name}", hash);
    Print($"bytes_per_step_{name}", bytesPerStep);
}

return 0;

static void Print(string name, object value) => Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{name} {value}"));
