using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using EmbeddedBackprop.Benchmarks.Peers;
using EmbeddedBackprop.Benchmarks.Reports;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Kernels.Signals;
using EmbeddedBackprop.Kernels.Spectra;

namespace EmbeddedBackprop.Benchmarks.Experiments;

/// <summary>Fourier transforms beside Debian's kissfft and FFTW (estimate mode), in turn, and a minute of sound through features.</summary>
internal static class SignalExperiment
{
    private static readonly int[] Lengths = [64, 256, 512, 1024, 4096];

    private static readonly (string Name, int Rate, string Net)[] Features =
    [
        ("log-mel, 8 kHz, 20 bands", 8000, "frames 256 hop 128; window hann; rfft; power; mel 20 rate8000; log"),
        (
            "MFCC, 16 kHz, 40 bands, 13 coefficients", 16000,
            "preemphasis 0.97; frames 400 hop 160; window hamming; rfft; power; mel 40 rate16000; log; dct 13"
        ),
        ("statistics of vibration, 12 kHz", 12000, "frames 1024 hop 512; statistics mean rms deviation skewness kurtosis zero-crossings crest peak"),
    ];

    private unsafe delegate double Transform(int n, double seconds, float* x, float* spectrum);

    /// <param name="quick">A few short rounds, and no file.</param>
    public static int Run(bool quick)
    {
        StringBuilder text = new();
        int rounds = quick ? 3 : 41;
        double duration = quick ? 0.0005 : 0.004;
        Transforms(text, rounds, duration);
        text.Append("\nA minute of sound as one signal through features, one sample of a prediction plan, one core:\n\n");
        text.Append("| features | samples | frames | ms | times faster than the sound |\n| --- | ---: | ---: | ---: | ---: |\n");
        foreach ((string name, int rate, string net) in Features)
        {
            Minute(text, name, rate, net, quick ? 1 : 11);
        }

        Console.WriteLine(text);
        if (!quick)
        {
            ResultFile.Write("signals", "Fourier transforms and features of signals", "experiment signals", text.ToString());
        }

        return 0;
    }

    private static void Transforms(StringBuilder text, int rounds, double duration)
    {
        text.Append(
            CultureInfo.InvariantCulture,
            $"A transform of n real samples, fused arithmetic, registers of {LaneDispatch.Width} bit, one core; all in turn, medians of {rounds} rounds, ratios are medians of those within a round. ");
        string? library = Compile(out string? missing);
        text.Append(
            library is null
                ? $"Without others: {missing}.\n\n"
                : "Debian's libkissfft-float (131.1.0) and libfftw3f (3.3.10, estimate mode) are as packaged, called from C.\n\n");
        text.Append("| n | own, ns | kissfft, ns | FFTW, ns | kissfft / own | FFTW / own | no slower than kissfft |\n");
        text.Append("| ---: | ---: | ---: | ---: | ---: | ---: | --- |\n");
        nint handle = library is null ? 0 : NativeLibrary.Load(library);
        foreach (int n in Lengths)
        {
            FftTables tables = new(n);
            float[] x = GC.AllocateArray<float>(n, pinned: true), spectrum = GC.AllocateArray<float>(n + 2, pinned: true);
            new Random(1).NextSamples(x);
            Func<double> own = () => Timing.OfCall(duration, new Work(tables, x, spectrum));
            double[][] taken = handle == 0
                ? Turns.Take(rounds, [own])
                : Turns.Take(rounds, [own, Other(handle, "fft_kiss", n, duration, x, spectrum), Other(handle, "fft_fftw", n, duration, x, spectrum)]);
            text.Append(CultureInfo.InvariantCulture, $"| {n} | {1e9 * Turns.Median(taken[0]):F0} |");
            if (handle == 0)
            {
                text.Append(" | | | | |\n");
                continue;
            }

            double kiss = Turns.Ratio(taken[1], taken[0]), fftw = Turns.Ratio(taken[2], taken[0]);
            text.Append(
                CultureInfo.InvariantCulture,
                $" {1e9 * Turns.Median(taken[1]):F0} | {1e9 * Turns.Median(taken[2]):F0} | {kiss:F2} | {fftw:F2} | {(kiss >= 1 ? "yes" : "no")} |\n");
        }
    }

    private static unsafe Func<double> Other(nint handle, string function, int n, double duration, float[] x, float[] spectrum)
    {
        Transform transform = Marshal.GetDelegateForFunctionPointer<Transform>(NativeLibrary.GetExport(handle, function));
        return () =>
        {
            fixed (float* from = x, to = spectrum)
            {
                return transform(n, duration, from, to);
            }
        };
    }

    /// <summary>The path of the others' shared library; null if a compiler or a package is missing.</summary>
    private static string? Compile(out string? missing)
    {
        string folder = Directory.CreateTempSubdirectory("ebp-fft").FullName, library = Path.Combine(folder, "peer_fft.so");
        string source = Path.Combine(ResultFile.Root, "bench", "peers", "peer_fft.c");
        missing = "gcc, libkissfft-dev and libfftw3-dev are needed";
        try
        {
            ProcessStartInfo start = new("gcc", ["-O3", "-march=native", "-shared", "-fPIC", source, "-o", library, "-lkissfft-float", "-lfftw3f"])
            {
                RedirectStandardError = true,
            };
            using Process process = Process.Start(start)!;
            _ = process.StandardError.ReadToEnd();
            process.WaitForExit();
            return process.ExitCode == 0 ? library : null;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return null;
        }
    }

    private static void Minute(StringBuilder text, string name, int rate, string net, int rounds)
    {
        Graph graph = NetText.Build(net, Registry.Activation, new Shape(60 * rate));
        Node input = graph.Nodes[0], output = graph.Nodes[^1];
        Plan plan = Plan.ForInference(graph, new PlanOptions { Batch = 1 }, output);
        float[] workspace = GC.AllocateArray<float>(plan.WorkspaceLength, pinned: true);
        float[] signal = new float[60 * rate];
        new Random(2).NextSamples(signal);
        double[][] taken = Turns.Take(rounds, [() =>
        {
            long began = Stopwatch.GetTimestamp();
            signal.CopyTo(plan.ValueSpan<float>(workspace, input, 1));
            plan.Forward(new PlanMemory<float>([], [], workspace), RunInfo.Single(1, training: false));
            return Stopwatch.GetElapsedTime(began).TotalSeconds;
        }]);
        double seconds = Turns.Median(taken[0]);
        text.Append(
            CultureInfo.InvariantCulture, $"| {name} | {60 * rate:N0} | {output.Shape[0]:N0} | {1e3 * seconds:F1} | {60 / seconds:N0} |\n");
    }

    private readonly struct Work(FftTables tables, float[] x, float[] spectrum) : IWork
    {
        public void Call() => RealFft.Forward(Arithmetic.Fused, tables, 1, x, x.Length, spectrum);
    }
}
