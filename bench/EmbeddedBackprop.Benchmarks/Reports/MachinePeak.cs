using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Benchmarks.Reports;

/// <summary>The most multiply-adds that one core does: independent chains in the widest registers, no memory.</summary>
internal static class MachinePeak
{
    // Twelve chains cover a latency of four cycles on two units, with some to spare, and fit into sixteen registers.
    private const int Chains = 12;
    private const int Rounds = 2_000_000;
    private static readonly Lazy<double> Measured = new(Measure);

    /// <summary>GFLOP/s, two operations a multiply-add; measured at the first use.</summary>
    public static double Gflops => Measured.Value;

    private static double Measure()
    {
        double best = 0;

        // The best of many short runs: anything else that runs on the machine only makes a run slower.
        for (int run = 0; run < 40; run++)
        {
            best = Math.Max(best, Vector512.IsHardwareAccelerated ? Once<Lanes512<Fused>>() : Vector256.IsHardwareAccelerated ? Once<Lanes256<Fused>>() : Once<Lanes128<Fused>>());
        }

        return best;
    }

    private static double Once<T>() where T : struct, IFloatLanes<T>
    {
        long began = Stopwatch.GetTimestamp();
        float result = Multiply<T>();
        double seconds = Stopwatch.GetElapsedTime(began).TotalSeconds;
        return float.IsNaN(result) ? 0 : 2e-9 * Chains * T.Count * Rounds / seconds;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static float Multiply<T>() where T : struct, IFloatLanes<T>
    {
        T x = T.Broadcast(0.999f), y = T.Broadcast(0.001f);
        T a = T.One, b = T.One, c = T.One, d = T.One, e = T.One, f = T.One, g = T.One, h = T.One, i = T.One, j = T.One, k = T.One, l = T.One;
        for (int round = 0; round < Rounds; round++)
        {
            a = T.MultiplyAdd(a, x, y);
            b = T.MultiplyAdd(b, x, y);
            c = T.MultiplyAdd(c, x, y);
            d = T.MultiplyAdd(d, x, y);
            e = T.MultiplyAdd(e, x, y);
            f = T.MultiplyAdd(f, x, y);
            g = T.MultiplyAdd(g, x, y);
            h = T.MultiplyAdd(h, x, y);
            i = T.MultiplyAdd(i, x, y);
            j = T.MultiplyAdd(j, x, y);
            k = T.MultiplyAdd(k, x, y);
            l = T.MultiplyAdd(l, x, y);
        }

        Span<float> sum = stackalloc float[T.Count];
        T.Store(a + b + c + d + e + f + g + h + i + j + k + l, ref sum[0], 0);
        return sum[0];
    }
}
