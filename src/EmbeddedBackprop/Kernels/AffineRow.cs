using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace EmbeddedBackprop.Kernels;

/// <summary>
/// One sample through a small affine layer and its activation: z = b + x W and a = f(z) while z is in registers. At one sample a call costs as much as
/// thirty multiply-adds, so two kernels in one are a fifth of a small net's latency. The bits of <see cref="Gemv.Run"/> and the activation.
/// </summary>
internal static class AffineRow
{
    private const int MaximumVectors = 4;

    /// <summary>Runs the layer if its outputs fill one to four vectors exactly.</summary>
    /// <param name="arithmetic">How M rounds.</param>
    /// <param name="n">Outputs, padding included.</param>
    /// <param name="k">Inputs.</param>
    /// <param name="x">The sample.</param>
    /// <param name="w">W [k, n], rows without a gap.</param>
    /// <param name="bias">n values.</param>
    /// <param name="z">Receives z; the same span as <paramref name="a"/> where nobody wants it.</param>
    /// <param name="a">Receives f(z).</param>
    /// <returns>False, and nothing is written, where the general kernels must do it.</returns>
    public static bool TryRun<TFormula>(
        Arithmetic arithmetic, int n, int k, ReadOnlySpan<float> x, ReadOnlySpan<float> w, ReadOnlySpan<float> bias, Span<float> z, Span<float> a)
        where TFormula : struct, IElementFormula
    {
        int width = LaneDispatch.Width;
        int lanes = width / 32;
        if (width < 128 || n % lanes != 0 || n > MaximumVectors * lanes)
        {
            return false;
        }

        Require.AtLeast("AffineRow", nameof(x), k, x.Length);
        Require.AtLeast("AffineRow", nameof(w), n * k, w.Length);
        Require.AtLeast("AffineRow", nameof(bias), n, bias.Length);
        Require.AtLeast("AffineRow", nameof(z), n, z.Length);
        Require.AtLeast("AffineRow", nameof(a), n, a.Length);
        LaneDispatch.Run<Kernel<TFormula>, Arguments>(arithmetic, new(n, k, x, w, bias, z, a));
        return true;
    }

    private readonly ref struct Arguments(int n, int k, ReadOnlySpan<float> x, ReadOnlySpan<float> w, ReadOnlySpan<float> bias, Span<float> z, Span<float> a)
    {
        public readonly ref readonly float X = ref MemoryMarshal.GetReference(x);
        public readonly ref readonly float W = ref MemoryMarshal.GetReference(w);
        public readonly ref readonly float Bias = ref MemoryMarshal.GetReference(bias);
        public readonly ref float Z = ref MemoryMarshal.GetReference(z);
        public readonly ref float A = ref MemoryMarshal.GetReference(a);
        public readonly nuint N = (nuint)n;
        public readonly nuint K = (nuint)k;
    }

    private readonly unsafe struct Kernel<TFormula> : ILaneKernel<Arguments> where TFormula : struct, IElementFormula
    {
        public static void Run<T, TTail>(in Arguments arguments)
            where T : struct, IFloatLanes<T>
            where TTail : struct, IFloatLanes<TTail>
        {
            switch (arguments.N / (nuint)T.Count)
            {
                case 1: Row<T, One>(in arguments); break;
                case 2: Row<T, Two>(in arguments); break;
                case 3: Row<T, Three>(in arguments); break;
                default: Row<T, Four>(in arguments); break;
            }
        }

        private static void Row<T, TVectors>(in Arguments g)
            where T : struct, IFloatLanes<T>
            where TVectors : unmanaged, ITileSize
        {
            nuint lanes = (nuint)T.Count, second = sizeof(TVectors) > 1 ? lanes : 0, third = sizeof(TVectors) > 2 ? 2 * lanes : 0, fourth = sizeof(TVectors) > 3 ? 3 * lanes : 0;
            ref float x = ref Unsafe.AsRef(in g.X);
            ref readonly float w = ref g.W;
            T s0 = T.Load(in g.Bias, 0), s1 = T.Load(in g.Bias, second), s2 = T.Load(in g.Bias, third), s3 = T.Load(in g.Bias, fourth);
            nuint j = 0;
            for (nuint p = 0; p < g.K; p++)
            {
                T value = T.Broadcast(Unsafe.Add(ref x, p));
                s0 = T.MultiplyAdd(value, T.Load(in w, j), s0);
                if (sizeof(TVectors) > 1)
                    s1 = T.MultiplyAdd(value, T.Load(in w, j + second), s1);
                if (sizeof(TVectors) > 2)
                    s2 = T.MultiplyAdd(value, T.Load(in w, j + third), s2);
                if (sizeof(TVectors) > 3)
                    s3 = T.MultiplyAdd(value, T.Load(in w, j + fourth), s3);
                j += g.N;
            }

            Finish(in g, s0, 0);
            if (sizeof(TVectors) > 1)
                Finish(in g, s1, second);
            if (sizeof(TVectors) > 2)
                Finish(in g, s2, third);
            if (sizeof(TVectors) > 3)
                Finish(in g, s3, fourth);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static void Finish<T>(in Arguments g, T z, nuint at) where T : struct, IFloatLanes<T>
        {
            T.Store(z, ref g.Z, at);
            T.Store(TFormula.Apply(z, z, z, T.Zero, T.Zero), ref g.A, at);
        }
    }
}
