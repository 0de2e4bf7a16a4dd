using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Benchmarks.Reports;

/// <summary>The most multiply-adds that one core does: independent chains in the widest registers, no memory.</summary>
internal static class MachinePeak
{
    // Twelve chains cover a latency of four cycles on two units, with some to spare, and fit into sixteen registers.
    private const int Chains = 12;
    private const int Rounds = 2_000_000;
    private static readonly Lazy<double> Measured = new(() => Best(WidestRegister));

    /// <summary>GFLOP/s, two operations a multiply-add; measured at the first use.</summary>
    public static double Gflops => Measured.Value;

    /// <summary>Bits of the widest register.</summary>
    public static int WidestRegister => Vector512.IsHardwareAccelerated ? 512 : Vector256.IsHardwareAccelerated ? 256 : 128;

    /// <summary>GFLOP/s of one short measurement with registers of some bits, at most <see cref="WidestRegister"/>.</summary>
    public static double Once(int width) =>
        width switch
        {
            512 => Once<Lanes512<Fused>>(),
            256 => Once<Lanes256<Fused>>(),
            _ => Once<Lanes128<Fused>>(),
        };

    /// <summary>The best of many short measurements: anything else that runs on the machine only makes one slower.</summary>
    public static double Best(int width)
    {
        double best = 0;
        for (int run = 0; run < 40; run++)
        {
            best = Math.Max(best, Once(width));
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
