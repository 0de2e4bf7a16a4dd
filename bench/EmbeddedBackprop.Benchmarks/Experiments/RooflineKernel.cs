using EmbeddedBackprop.Benchmarks.Peers;
using EmbeddedBackprop.Benchmarks.Reports;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Benchmarks.Experiments;

/// <summary>A kernel of the roofline: its operations, the bytes it must move, and its time.</summary>
/// <param name="Name">The kernel and its sizes, samples x inputs x outputs.</param>
/// <param name="Family">Its colour group in the chart.</param>
/// <param name="Operations">Floating-point operations of one call.</param>
/// <param name="Bytes">Bytes that one call must read and write, each once.</param>
/// <param name="Memory">Bytes that it works in, which decide the cache.</param>
/// <param name="Seconds">Seconds of one call, measured for about the given time.</param>
internal sealed record RooflineKernel(string Name, string Family, double Operations, double Bytes, double Memory, Func<double, double> Seconds)
{
    private delegate void Body(ReadOnlySpan<float> x, ReadOnlySpan<float> w, Span<float> y);

    /// <summary>The kernels, products first.</summary>
    public static IEnumerable<RooflineKernel> All()
    {
        PeerGemm gemm = new();
        foreach (
            (string kind, int s, int i, int o) in ((string, int, int, int)[])
                [
                    ("NN", 10, 30, 10),
                    ("NN", 10, 784, 30),
                    ("TN", 32, 784, 30),
                    ("NN", 64, 784, 512),
                    ("NT", 64, 512, 512),
                    ("TN", 256, 512, 512),
                    ("NN", 512, 512, 512),
                ])
        {
            (int m, int n, int k) = kind switch
            {
                "NN" => (s, o, i),
                "TN" => (i, o, s),
                _ => (s, i, o),
            };
            yield return new(
                $"{kind} {s}x{i}x{o}",
                "product",
                2.0 * m * n * k,
                4.0 * ((m * k) + (k * n) + (m * n)),
                4.0 * ((m * k) + (k * n) + (m * n)),
                duration => gemm.Run(kind, m, n, k, duration));
        }

        foreach ((int s, int i, int o) in ((int, int, int)[])[(10, 784, 30), (64, 784, 512)])
        {
            // The weights are read and written; the update is one more multiply-add each.
            int x = Layout.Padded.Stride(i),
                w = Layout.Padded.Stride(o);
            yield return Of(
                $"UpdateTN {s}x{i}x{o}",
                "product with update",
                (2.0 * s * i * o) + (2.0 * i * o),
                4.0 * ((s * i) + (s * o) + (2 * i * o)),
                s * x,
                s * w,
                i * w,
                (a, b, c) => Gemm.UpdateTN(Arithmetic.Fused, i, w, s, a, x, b, w, c, w, 1e-12f, 0));
        }

        foreach ((int i, int o) in ((int, int)[])[(784, 30), (512, 512), (784, 512)])
        {
            int w = Layout.Padded.Stride(o);
            yield return Of(
                $"gemv {i}x{o}",
                "one sample",
                2.0 * i * o,
                4.0 * (i + (i * o) + o),
                i,
                i * w,
                w,
                (a, b, c) => Gemv.Run(Arithmetic.Fused, w, i, a, b, w, default, c));
        }

        foreach (int n in (int[])[4096, 25088, 1 << 25])
        {
            yield return Of(
                $"multiply-add {n}",
                "element by element",
                2.0 * n,
                12.0 * n,
                n,
                0,
                n,
                (a, _, c) => Elementwise.MultiplyAdd(Arithmetic.Fused, 1e-9f, a, c));
        }

        int sigmoid = CountingLane.Of(CountingLane.Sigmoid);
        yield return Of(
            "sigmoid 4096",
            "function",
            sigmoid * 4096.0,
            8.0 * 4096,
            4096,
            0,
            4096,
            (a, _, c) => ElementFunctions.Sigmoid(Arithmetic.Fused, a, c));

        // Besides exp: the maximum's subtraction, the sum, the quotient.
        int softmax = CountingLane.Of(CountingLane.Exp) + 3;
        foreach ((int s, int o) in ((int, int)[])[(10, 10), (64, 512)])
        {
            int stride = Layout.Padded.Stride(o);
            yield return Of(
                $"softmax {s}x{o}",
                "function",
                (double)softmax * s * o,
                8.0 * s * o,
                s * stride,
                0,
                s * stride,
                (a, _, c) => SoftmaxRows.Forward(Arithmetic.Fused, s, o, a, stride, c, stride));
        }
    }

    private static RooflineKernel Of(string name, string family, double operations, double bytes, int lengthX, int lengthW, int lengthY, Body body)
    {
        Memory<float> x = Numbers(lengthX, 1),
            w = Numbers(lengthW, 2),
            y = Numbers(lengthY, 3);
        return new(
            name,
            family,
            operations,
            bytes,
            4.0 * (lengthX + lengthW + lengthY),
            duration => Timing.OfCall(duration, new Work(body, x, w, y)));
    }

    private static Memory<float> Numbers(int length, int seed)
    {
        Memory<float> memory = AlignedMemory.Allocate(length);
        new Random(seed).NextSamples(memory.Span);
        return memory;
    }

    private readonly struct Work(Body body, Memory<float> x, Memory<float> w, Memory<float> y) : IWork
    {
        public void Call() => body(x.Span, w.Span, y.Span);
    }
}
