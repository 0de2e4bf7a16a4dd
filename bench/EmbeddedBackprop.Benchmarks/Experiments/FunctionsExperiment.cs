using System.Diagnostics;
using System.Globalization;
using System.Numerics.Tensors;
using System.Text;
using EmbeddedBackprop.Benchmarks.Peers;
using EmbeddedBackprop.Benchmarks.Reports;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Benchmarks.Experiments;

/// <summary>
/// The engine's transcendental functions compared with those of System.Numerics.Tensors: time per element, in turn, and the largest error
/// over the same inputs.
/// </summary>
internal static class FunctionsExperiment
{
    /// <summary>Layers of ten classes and of ordinary size, and one that fills most of the first cache.</summary>
    private static readonly int[] Lengths = [10, 30, 4096];

    // The runtime's own library comes compiled for older processors, and is compiled again in the background once it was called often: some time
    // later, several times as fast. This switch has it compiled for this processor at once.
    private const string Precompiled = "DOTNET_ReadyToRun";

    private static readonly Entry[] Entries =
    [
        new("exp", (x, y) => ElementFunctions.Exp(Arithmetic.Fused, x, y), TensorPrimitives.Exp, Math.Exp, 2),
        new("log", (x, y) => ElementFunctions.Log(Arithmetic.Fused, x, y), TensorPrimitives.Log, Math.Log, 2),
        new("tanh", (x, y) => ElementFunctions.Tanh(Arithmetic.Fused, x, y), TensorPrimitives.Tanh, Math.Tanh, 2),
        new(
            "sigmoid",
            (x, y) => ElementFunctions.Sigmoid(Arithmetic.Fused, x, y),
            TensorPrimitives.Sigmoid,
            x => LaneDouble.Sigmoid(new LaneDouble(x)).Value,
            3),
        new("erf", (x, y) => ElementFunctions.Erf(Arithmetic.Fused, x, y), null, x => LaneDouble.Erf(new LaneDouble(x)).Value, 2),
    ];

    private delegate void Function(ReadOnlySpan<float> x, Span<float> y);

    /// <param name="quick">A few short rounds, fewer inputs, and no file.</param>
    /// <returns>0 if no error is above its limit.</returns>
    public static int Run(bool quick)
    {
        if (Environment.GetEnvironmentVariable(Precompiled) != "0")
        {
            return RunCompiledHere(quick);
        }

        int rounds = quick ? 3 : 41, inputs = quick ? 1 << 14 : 1 << 22;
        double duration = quick ? 0.0005 : 0.002;
        StringBuilder text = new();
        text.Append(
            CultureInfo.InvariantCulture,
            $"Fused arithmetic, registers of {LaneDispatch.Width} bit, one core; both in turn, medians of {rounds} rounds, the ratio is the median of those within a round. "
        );
        text.Append(
            "All code is compiled for this processor (`DOTNET_ReadyToRun=0`). Inputs lie between -6 and 6 (log: between 0.01 and 1.01). System.Numerics.Tensors has no erf.\n\n"
        );
        text.Append(
            "| function | elements | own, ns per element | TensorPrimitives, ns per element | TensorPrimitives / own | no slower |\n| --- | ---: | ---: | ---: | ---: | --- |\n"
        );
        foreach (Entry entry in Entries)
        {
            foreach (int length in Lengths)
            {
                Time(text, entry, length, rounds, duration);
            }
        }

        text.Append(
            CultureInfo.InvariantCulture,
            $"\nErrors in units of the last place (ulp) of the exact result, over {inputs:N0} inputs spread over all bit patterns of a float, denormals included. \"Other kind\" counts results that are NaN, infinite or zero where the exact one, rounded, is not, or the other way round; they are not in the largest error. docs/ulp.md has the own functions over four times as many inputs and in both arithmetics.\n\n"
        );
        text.Append(
            "| function | own, largest ulp | at | other kind | TensorPrimitives, largest ulp | at | other kind | must, ulp | met |\n| --- | ---: | --- | ---: | ---: | --- | ---: | ---: | --- |\n"
        );
        bool met = true;
        foreach (Entry entry in Entries)
        {
            met &= Errors(text, entry, inputs);
        }

        Console.WriteLine(text);
        if (!quick)
        {
            ResultFile.Write("functions", "Own functions beside TensorPrimitives", "experiment functions", text.ToString());
        }

        return met ? 0 : 1;
    }

    /// <summary>The same in a process of its own, in which all code is compiled for this processor.</summary>
    private static int RunCompiledHere(bool quick)
    {
        ProcessStartInfo start = new(
            "dotnet",
            [typeof(FunctionsExperiment).Assembly.Location, "experiment", "functions", .. quick ? (string[])["--quick"] : []]);
        start.Environment[Precompiled] = "0";
        using Process process = Process.Start(start)!;
        process.WaitForExit();
        return process.ExitCode;
    }

    private static void Time(StringBuilder text, Entry entry, int length, int rounds, double duration)
    {
        Memory<float> x = AlignedMemory.Allocate(length), y = AlignedMemory.Allocate(length);
        new Random(1).NextSamples(x.Span);
        foreach (ref float value in x.Span)
        {
            value = entry.Name == "log" ? MathF.Abs(value) + 0.01f : 6 * value;
        }

        double[][] taken = Turns.Take(rounds, [
            () => Timing.OfCall(duration, new Call(entry.Own, x, y)),
            .. entry.Theirs is { } theirs ? (Func<double>[])[() => Timing.OfCall(duration, new Call(theirs, x, y))] : [],
        ]);
        text.Append(CultureInfo.InvariantCulture, $"| {entry.Name} | {length:N0} | {1e9 * Turns.Median(taken[0]) / length:F3} |");
        if (taken.Length == 1)
        {
            text.Append(" none | | |\n");
            return;
        }

        double ratio = Turns.Ratio(taken[1], taken[0]);
        text.Append(
            CultureInfo.InvariantCulture,
            $" {1e9 * Turns.Median(taken[1]) / length:F3} | {ratio:F2} | {(ratio >= 1 ? "yes" : string.Create(CultureInfo.InvariantCulture, $"no: {1 / ratio:F2} times as long"))} |\n"
        );
    }

    private static bool Errors(StringBuilder text, Entry entry, int inputs)
    {
        Error own = Measure(entry.Own, entry.Exact, inputs);
        bool met = own.Largest <= entry.Limit && own.OtherKind == 0;
        text.Append(CultureInfo.InvariantCulture, $"| {entry.Name} | {own.Largest:F2} | {own.At:G9} | {own.OtherKind} ");
        if (entry.Theirs is { } theirs)
        {
            Error error = Measure(theirs, entry.Exact, inputs);
            text.Append(
                CultureInfo.InvariantCulture,
                $"| {(error.Largest < 1e6 ? error.Largest.ToString("F2", CultureInfo.InvariantCulture) : error.Largest.ToString("E1", CultureInfo.InvariantCulture))} | {error.At:G9} | {error.OtherKind} "
            );
        }
        else
        {
            text.Append("| none | | ");
        }

        text.Append(CultureInfo.InvariantCulture, $"| {entry.Limit} | {(met ? "yes" : "no")} |\n");
        return met;
    }

    private static Error Measure(Function function, Func<double, double> exact, int inputs)
    {
        const int Block = 1 << 12;
        float[] x = new float[Block], y = new float[Block];
        (double largest, float at, int otherKind) = (0, 0, 0);
        int spacing = (int)((1L << 32) / inputs);
        for (int first = 0; first < inputs; first += Block)
        {
            for (int i = 0; i < Block; i++)
            {
                // One of each group of neighbouring bit patterns, not always the same one.
                uint index = (uint)(first + i);
                x[i] = BitConverter.UInt32BitsToSingle((index * (uint)spacing) + ((index * 2654435769u) >> 8) % (uint)spacing);
            }

            function(x, y);
            for (int i = 0; i < Block; i++)
            {
                double right = exact(x[i]);
                if (Kind((float)right) != Kind(y[i]))
                {
                    otherKind++;
                }
                else if (Kind(y[i]) == 0)
                {
                    double error = Math.ScaleB(Math.Abs(y[i] - right), -Math.Max(Math.ILogB(right) - 23, -149));
                    if (error > largest)
                    {
                        (largest, at) = (error, x[i]);
                    }
                }
            }
        }

        return new Error(largest, at, otherKind);
    }

    /// <summary>0 for an ordinary number, else which of NaN, the infinities and zero it is.</summary>
    private static int Kind(float y) => float.IsNaN(y) ? 1 : float.IsPositiveInfinity(y) ? 2 : float.IsNegativeInfinity(y) ? 3 : y == 0 ? 4 : 0;

    private sealed record Entry(string Name, Function Own, Function? Theirs, Func<double, double> Exact, double Limit);

    private readonly record struct Error(double Largest, float At, int OtherKind);

    private readonly struct Call(Function function, Memory<float> x, Memory<float> y) : IWork
    {
        void IWork.Call() => function(x.Span, y.Span);
    }
}
