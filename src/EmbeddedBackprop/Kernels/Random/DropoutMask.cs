using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Kernels.Threads;

namespace EmbeddedBackprop.Kernels.Random;

/// <summary>Dropout with the bits of <see cref="Scalar.DropoutMask"/>.</summary>
/// <remarks>Eight, four or two Philox blocks side by side, one in every 64-bit lane: the generator takes most of the time.</remarks>
internal static class DropoutMask
{
    private const uint Multiplier0 = 0xD2511F53u, Multiplier1 = 0xCD9E8D57u, Weyl0 = 0x9E3779B9u, Weyl1 = 0xBB67AE85u;

    /// <inheritdoc cref="Scalar.DropoutMask.Apply"/>
    public static void Apply(in DropoutDraw draw, int batch, int columns, int stride, ReadOnlySpan<float> x, Span<float> y, bool accumulate)
    {
        Require.Matrix("DropoutMask.Apply", nameof(x), batch, columns, stride, x.Length);
        Require.Matrix("DropoutMask.Apply", nameof(y), batch, columns, stride, y.Length);
        Require.SameOrApart("DropoutMask.Apply", nameof(x), x, y);
        Arguments arguments = new(draw, batch, columns, stride, x, y, accumulate);
        // A drawn number costs some ten times a copied one.
        ParallelSamples.Run<Kernel, Arguments>(LaneDispatch.Either, int.MaxValue, 8 * Math.Min(columns, int.MaxValue / 8), in arguments);
    }

    private readonly ref struct Arguments(
        DropoutDraw draw, int batch, int columns, int stride, ReadOnlySpan<float> x, Span<float> y, bool accumulate) : IRangeArguments<Arguments>
    {
        public readonly DropoutDraw Draw = draw;
        public readonly int Batch = batch;
        public readonly int Columns = columns;
        public readonly int Stride = stride;
        public readonly ReadOnlySpan<float> X = x;
        public readonly Span<float> Y = y;
        public readonly bool Accumulate = accumulate;

        public nuint Length => (nuint)Batch;

        public Arguments Range(nuint first, nuint count)
        {
            int from = Math.Min((int)first * Stride, X.Length);
            return new(Draw.From((int)first), (int)count, Columns, Stride, X[from..], Y[from..], Accumulate);
        }
    }

    private readonly struct Kernel : ILaneKernel<Arguments>
    {
        public static void Run<T, TTail>(in Arguments g)
            where T : struct, IFloatLanes<T>
            where TTail : struct, IFloatLanes<TTail>
        {
            float scale = 1f / (1f - g.Draw.Probability);
            for (int b = 0; b < g.Batch; b++)
            {
                ReadOnlySpan<float> x = g.X.Slice(b * g.Stride, g.Columns);
                Span<float> y = g.Y.Slice(b * g.Stride, g.Columns);
                int sample = g.Draw.FirstSample + b, e = 0;
                if (Avx512F.IsSupported && T.Count == 16)
                {
                    for (; g.Columns - e >= 32; e += 32)
                    {
                        Blocks8(in g.Draw, sample, e / 4, out Vector512<uint> low, out Vector512<uint> high);
                        Keep(low, g.Draw.Threshold, scale, x, y, e, g.Accumulate);
                        Keep(high, g.Draw.Threshold, scale, x, y, e + 16, g.Accumulate);
                    }
                }
                else if (Avx2.IsSupported && T.Count == 8)
                {
                    for (; g.Columns - e >= 16; e += 16)
                    {
                        Blocks4(in g.Draw, sample, e / 4, out Vector256<uint> low, out Vector256<uint> high);
                        Keep(low, g.Draw.Threshold, scale, x, y, e, g.Accumulate);
                        Keep(high, g.Draw.Threshold, scale, x, y, e + 8, g.Accumulate);
                    }
                }
                else if ((Sse2.IsSupported || AdvSimd.IsSupported) && T.Count == 4)
                {
                    for (; g.Columns - e >= 8; e += 8)
                    {
                        Blocks2(in g.Draw, sample, e / 4, out Vector128<uint> low, out Vector128<uint> high);
                        Keep(low, g.Draw.Threshold, scale, x, y, e, g.Accumulate);
                        Keep(high, g.Draw.Threshold, scale, x, y, e + 4, g.Accumulate);
                    }
                }

                uint x0 = 0, x1 = 0, x2 = 0, x3 = 0;
                for (; e < g.Columns; e++)
                {
                    if (e % 4 == 0)
                    {
                        g.Draw.Random.Block(g.Draw.Stream, DropoutDraw.Block(sample, e / 4), out x0, out x1, out x2, out x3);
                    }

                    float t = x0 >> 8 >= g.Draw.Threshold ? x[e] * scale : 0f;
                    y[e] = g.Accumulate ? y[e] + t : t;
                    (x0, x1, x2) = (x1, x2, x3);
                }
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Keep(Vector512<uint> bits, uint threshold, float scale, ReadOnlySpan<float> x, Span<float> y, int e, bool accumulate)
    {
        // Below 2^24 the order of signed and of unsigned numbers is the same.
        Vector512<int> kept = Vector512.GreaterThanOrEqual((bits >> 8).AsInt32(), Vector512.Create((int)threshold));
        Vector512<float> t = (Vector512.LoadUnsafe(ref MemoryMarshal.GetReference(x), (nuint)e) * Vector512.Create(scale)) & kept.AsSingle();
        ref float to = ref Unsafe.Add(ref MemoryMarshal.GetReference(y), e);
        (accumulate ? Vector512.LoadUnsafe(ref to) + t : t).StoreUnsafe(ref to);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Keep(Vector256<uint> bits, uint threshold, float scale, ReadOnlySpan<float> x, Span<float> y, int e, bool accumulate)
    {
        Vector256<int> kept = Vector256.GreaterThanOrEqual((bits >> 8).AsInt32(), Vector256.Create((int)threshold));
        Vector256<float> t = (Vector256.LoadUnsafe(ref MemoryMarshal.GetReference(x), (nuint)e) * Vector256.Create(scale)) & kept.AsSingle();
        ref float to = ref Unsafe.Add(ref MemoryMarshal.GetReference(y), e);
        (accumulate ? Vector256.LoadUnsafe(ref to) + t : t).StoreUnsafe(ref to);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Keep(Vector128<uint> bits, uint threshold, float scale, ReadOnlySpan<float> x, Span<float> y, int e, bool accumulate)
    {
        Vector128<int> kept = Vector128.GreaterThanOrEqual((bits >> 8).AsInt32(), Vector128.Create((int)threshold));
        Vector128<float> t = (Vector128.LoadUnsafe(ref MemoryMarshal.GetReference(x), (nuint)e) * Vector128.Create(scale)) & kept.AsSingle();
        ref float to = ref Unsafe.Add(ref MemoryMarshal.GetReference(y), e);
        (accumulate ? Vector128.LoadUnsafe(ref to) + t : t).StoreUnsafe(ref to);
    }

    // Eight consecutive blocks: their 32 words in order. The upper halves of the lanes hold what the products do not read.
    private static void Blocks8(in DropoutDraw draw, int sample, int quad, out Vector512<uint> low, out Vector512<uint> high)
    {
        Vector512<ulong> c0 = Vector512.Create((ulong)(uint)quad) + Vector512.Create(0ul, 1, 2, 3, 4, 5, 6, 7);
        Vector512<ulong> c1 = Vector512.Create((ulong)(uint)sample), c2 = Vector512.Create((ulong)draw.Stream);
        Vector512<ulong> c3 = Vector512.Create((ulong)(uint)draw.Random.Purpose);
        Vector512<uint> m0 = Vector512.Create((ulong)Multiplier0).AsUInt32(), m1 = Vector512.Create((ulong)Multiplier1).AsUInt32();
        uint k0 = (uint)draw.Random.Seed, k1 = (uint)(draw.Random.Seed >> 32);
        for (int round = 0; round < 10; round++)
        {
            Vector512<ulong> p0 = Avx512F.Multiply(m0, c0.AsUInt32()), p1 = Avx512F.Multiply(m1, c2.AsUInt32());
            c0 = (p1 >> 32) ^ c1 ^ Vector512.Create((ulong)k0);
            c2 = (p0 >> 32) ^ c3 ^ Vector512.Create((ulong)k1);
            (c1, c3) = (p1, p0);
            k0 += Weyl0;
            k1 += Weyl1;
        }

        Vector512<ulong> half = Vector512.Create((ulong)uint.MaxValue);
        Vector512<ulong> first = (c0 & half) | (c1 << 32), second = (c2 & half) | (c3 << 32);
        low = Avx512F.PermuteVar8x64x2(first, Vector512.Create(0ul, 8, 1, 9, 2, 10, 3, 11), second).AsUInt32();
        high = Avx512F.PermuteVar8x64x2(first, Vector512.Create(4ul, 12, 5, 13, 6, 14, 7, 15), second).AsUInt32();
    }

    // The same with four blocks and 16 words.
    private static void Blocks4(in DropoutDraw draw, int sample, int quad, out Vector256<uint> low, out Vector256<uint> high)
    {
        Vector256<ulong> c0 = Vector256.Create((ulong)(uint)quad) + Vector256.Create(0ul, 1, 2, 3);
        Vector256<ulong> c1 = Vector256.Create((ulong)(uint)sample), c2 = Vector256.Create((ulong)draw.Stream);
        Vector256<ulong> c3 = Vector256.Create((ulong)(uint)draw.Random.Purpose);
        Vector256<uint> m0 = Vector256.Create((ulong)Multiplier0).AsUInt32(), m1 = Vector256.Create((ulong)Multiplier1).AsUInt32();
        uint k0 = (uint)draw.Random.Seed, k1 = (uint)(draw.Random.Seed >> 32);
        for (int round = 0; round < 10; round++)
        {
            Vector256<ulong> p0 = Avx2.Multiply(m0, c0.AsUInt32()), p1 = Avx2.Multiply(m1, c2.AsUInt32());
            c0 = (p1 >> 32) ^ c1 ^ Vector256.Create((ulong)k0);
            c2 = (p0 >> 32) ^ c3 ^ Vector256.Create((ulong)k1);
            (c1, c3) = (p1, p0);
            k0 += Weyl0;
            k1 += Weyl1;
        }

        Vector256<ulong> half = Vector256.Create((ulong)uint.MaxValue);
        Vector256<ulong> first = (c0 & half) | (c1 << 32), second = (c2 & half) | (c3 << 32);
        Vector256<ulong> even = Avx2.UnpackLow(first, second), odd = Avx2.UnpackHigh(first, second);
        low = Avx2.Permute2x128(even, odd, 0x20).AsUInt32();
        high = Avx2.Permute2x128(even, odd, 0x31).AsUInt32();
    }

    // The same with two blocks and 8 words.
    private static void Blocks2(in DropoutDraw draw, int sample, int quad, out Vector128<uint> low, out Vector128<uint> high)
    {
        Vector128<ulong> c0 = Vector128.Create((ulong)(uint)quad) + Vector128.Create(0ul, 1);
        Vector128<ulong> c1 = Vector128.Create((ulong)(uint)sample), c2 = Vector128.Create((ulong)draw.Stream);
        Vector128<ulong> c3 = Vector128.Create((ulong)(uint)draw.Random.Purpose);
        Vector128<ulong> m0 = Vector128.Create((ulong)Multiplier0), m1 = Vector128.Create((ulong)Multiplier1);
        uint k0 = (uint)draw.Random.Seed, k1 = (uint)(draw.Random.Seed >> 32);
        for (int round = 0; round < 10; round++)
        {
            Vector128<ulong> p0 = ProductOfLowHalves(m0, c0), p1 = ProductOfLowHalves(m1, c2);
            c0 = (p1 >> 32) ^ c1 ^ Vector128.Create((ulong)k0);
            c2 = (p0 >> 32) ^ c3 ^ Vector128.Create((ulong)k1);
            (c1, c3) = (p1, p0);
            k0 += Weyl0;
            k1 += Weyl1;
        }

        Vector128<ulong> half = Vector128.Create((ulong)uint.MaxValue);
        Vector128<ulong> first = (c0 & half) | (c1 << 32), second = (c2 & half) | (c3 << 32);
        low = Vector128.Create(first.GetLower(), second.GetLower()).AsUInt32();
        high = Vector128.Create(first.GetUpper(), second.GetUpper()).AsUInt32();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<ulong> ProductOfLowHalves(Vector128<ulong> a, Vector128<ulong> b) => Sse2.IsSupported
        ? Sse2.Multiply(a.AsUInt32(), b.AsUInt32())
        : AdvSimd.MultiplyWideningLower(AdvSimd.ExtractNarrowingLower(a), AdvSimd.ExtractNarrowingLower(b));
}
