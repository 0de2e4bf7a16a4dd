using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Kernels.Signals;
using EmbeddedBackprop.Kernels.Threads;

namespace EmbeddedBackprop.Kernels.Spectra;

/// <summary>The Fourier transform of real signals with the bits of <see cref="Scalar.RealFft"/>.</summary>
/// <remarks>
/// While a quarter of a block fills a vector, a pass has positions in the lanes. The blocks that remain are turned over, so that each has a lane of
/// its own, and are finished there; a row of the turned blocks is a run of the spectrum.
/// </remarks>
internal static class RealFft
{
    /// <inheritdoc cref="Scalar.RealFft.Forward"/>
    public static void Forward(Arithmetic arithmetic, FftTables tables, int rows, ReadOnlySpan<float> x, int length, Span<float> spectra)
    {
        Require.Matrix("RealFft.Forward", nameof(x), rows, length, length, x.Length);
        Require.AtLeast("RealFft.Forward", nameof(spectra), rows * 2 * (tables.Half + 1), spectra.Length);
        ParallelSamples.Run<ForwardKernel, Arguments>(
            arithmetic, Columns(tables.Half), Work(tables), new Arguments(tables, rows, x, length, spectra, spectra.Length / rows, false));
    }

    /// <inheritdoc cref="Scalar.RealFft.Gradient"/>
    public static void Gradient(
        Arithmetic arithmetic, FftTables tables, int rows, ReadOnlySpan<float> spectra, int length, Span<float> dx, bool accumulate)
    {
        Require.AtLeast("RealFft.Gradient", nameof(spectra), rows * 2 * (tables.Half + 1), spectra.Length);
        Require.Matrix("RealFft.Gradient", nameof(dx), rows, length, length, dx.Length);
        ParallelSamples.Run<GradientKernel, Arguments>(
            arithmetic, Columns(tables.Half), Work(tables), new Arguments(tables, rows, spectra, 2 * (tables.Half + 1), dx, length, accumulate));
    }

    /// <summary>The widest vector for which the turned blocks fill the lanes.</summary>
    private static int Columns(int half)
    {
        foreach (int lanes in (ReadOnlySpan<int>)[16, 8, 4])
        {
            if (half / LastBlock(half, lanes) >= lanes)
            {
                return lanes;
            }
        }

        return 1;
    }

    /// <summary>Values of the blocks whose quarter does not fill a vector.</summary>
    private static int LastBlock(int half, int lanes)
    {
        int block = half;
        while (block / 4 >= lanes)
        {
            block /= 4;
        }

        return block;
    }

    private static int Work(FftTables tables) => tables.Half * int.Log2(tables.Length);

    private readonly ref struct Arguments : IRangeArguments<Arguments>
    {
        public readonly FftTables Tables;
        public readonly int Rows;
        public readonly ReadOnlySpan<float> Source;
        public readonly int SourceLength;
        public readonly Span<float> Destination;
        public readonly int DestinationLength;
        public readonly bool Accumulate;

        public Arguments(
            FftTables tables, int rows, ReadOnlySpan<float> source, int sourceLength, Span<float> destination, int destinationLength, bool accumulate)
        {
            Tables = tables;
            Rows = rows;
            Source = source;
            SourceLength = sourceLength;
            Destination = destination;
            DestinationLength = destinationLength;
            Accumulate = accumulate;
        }

        public nuint Length => (nuint)Rows;

        public Arguments Range(nuint first, nuint count) => new(
            Tables, (int)count, Source[((int)first * SourceLength)..], SourceLength, Destination[((int)first * DestinationLength)..],
            DestinationLength, Accumulate);
    }

    private readonly struct ForwardKernel : ILaneKernel<Arguments>
    {
        [SkipLocalsInit]
        public static void Run<T, TTail>(in Arguments g)
            where T : struct, IFloatLanes<T>
            where TTail : struct, IFloatLanes<TTail>
        {
            int half = g.Tables.Half;
            Span<float> memory = stackalloc float[4 * half];
            for (int row = 0; row < g.Rows; row++)
            {
                ReadOnlySpan<float> signal = g.Source.Slice(row * g.SourceLength, g.SourceLength);
                Span<float> spectrum = g.Destination.Slice(row * g.DestinationLength, 2 * (half + 1));
                TakeApart<T>(signal, memory[..half], memory.Slice(half, half));
                Transform<T>(g.Tables, memory[..(2 * half)], memory[(2 * half)..]);
                Split<T, TTail>(g.Tables, memory.Slice(2 * half, half), memory[(3 * half)..], spectrum[..(half + 1)], spectrum[(half + 1)..]);
            }
        }
    }

    private readonly struct GradientKernel : ILaneKernel<Arguments>
    {
        [SkipLocalsInit]
        public static void Run<T, TTail>(in Arguments g)
            where T : struct, IFloatLanes<T>
            where TTail : struct, IFloatLanes<TTail>
        {
            int half = g.Tables.Half;
            Span<float> memory = stackalloc float[4 * half];
            for (int row = 0; row < g.Rows; row++)
            {
                ReadOnlySpan<float> spectrum = g.Source.Slice(row * g.SourceLength, 2 * (half + 1));
                Span<float> dx = g.Destination.Slice(row * g.DestinationLength, g.DestinationLength);
                Join<T, TTail>(g.Tables, spectrum[..(half + 1)], spectrum[(half + 1)..], memory[..half], memory.Slice(half, half));
                Transform<T>(g.Tables, memory[..(2 * half)], memory[(2 * half)..]);
                PutTogether<T>(memory.Slice(2 * half, half), memory[(3 * half)..], dx, g.Accumulate);
            }
        }
    }

    /// <summary>Even samples are real parts, odd ones imaginary parts; what the signal does not reach is 0.</summary>
    private static void TakeApart<T>(ReadOnlySpan<float> signal, Span<float> re, Span<float> im)
        where T : struct, IFloatLanes<T>
    {
        int j = 0;
        if (T.Count > 1)
        {
            ref float x = ref MemoryMarshal.GetReference(signal);
            for (; (2 * (j + T.Count)) <= signal.Length; j += T.Count)
            {
                T low = T.Load(in x, (nuint)(2 * j)), high = T.Load(in x, (nuint)((2 * j) + T.Count));
                T.Store(T.Even(low, high), ref re[j], 0);
                T.Store(T.Odd(low, high), ref im[j], 0);
            }
        }

        for (; j < re.Length; j++)
        {
            re[j] = 2 * j < signal.Length ? signal[2 * j] : 0;
            im[j] = (2 * j) + 1 < signal.Length ? signal[(2 * j) + 1] : 0;
        }
    }

    /// <summary>The conjugate: even samples from real parts, odd ones from imaginary parts with the other sign.</summary>
    private static void PutTogether<T>(ReadOnlySpan<float> re, ReadOnlySpan<float> im, Span<float> dx, bool accumulate)
        where T : struct, IFloatLanes<T>
    {
        int j = 0;
        ref float to = ref MemoryMarshal.GetReference(dx);
        for (; T.Count > 1 && (2 * (j + T.Count)) <= dx.Length; j += T.Count)
        {
            T even = T.Load(in re[j], 0), odd = T.Load(in im[j], 0);
            nuint low = (nuint)(2 * j), high = low + (nuint)T.Count;
            T lowSum = accumulate ? T.Load(in to, low) : T.Zero, highSum = accumulate ? T.Load(in to, high) : T.Zero;
            T.Store(lowSum + T.ZipLow(even, -odd), ref to, low);
            T.Store(highSum + T.ZipHigh(even, -odd), ref to, high);
        }

        for (int t = 2 * j; t < dx.Length; t++)
        {
            dx[t] = (accumulate ? dx[t] : 0) + ((t & 1) == 0 ? re[t / 2] : -im[t / 2]);
        }
    }

    /// <summary>All passes; the values come out in the order of their frequencies.</summary>
    private static void Transform<T>(FftTables tables, Span<float> values, Span<float> sorted)
        where T : struct, IFloatLanes<T>
    {
        int half = tables.Half, block = half;
        ref float re = ref MemoryMarshal.GetReference(values), im = ref Unsafe.Add(ref re, half);
        ref float twiddles = ref MemoryMarshal.GetReference(tables.Twiddles);
        for (; block / 4 >= T.Count; block /= 4)
        {
            int part = block / 4;
            for (int first = 0; first < half; first += block)
            {
                for (int p = 0; p < part; p += T.Count)
                {
                    nuint i = (nuint)(first + p), step = (nuint)part;
                    Radix4(
                        ref re, ref im, i, step, out T y0, out T y0i, out T y1, out T y1i, out T y2, out T y2i, out T y3, out T y3i);
                    T.Store(y0, ref re, i);
                    T.Store(y0i, ref im, i);
                    if (block >= 8)
                    {
                        ref float w = ref Unsafe.Add(ref twiddles, p);
                        Multiply(ref y1, ref y1i, T.Load(in w, 0), T.Load(in w, step));
                        Multiply(ref y2, ref y2i, T.Load(in w, 2 * step), T.Load(in w, 3 * step));
                        Multiply(ref y3, ref y3i, T.Load(in w, 4 * step), T.Load(in w, 5 * step));
                    }

                    Store3(ref re, ref im, i, step, y1, y1i, y2, y2i, y3, y3i);
                }
            }

            twiddles = ref Unsafe.Add(ref twiddles, 6 * part);
        }

        Blocks<T>(tables, block, ref twiddles, ref re, ref im, sorted);
    }

    /// <summary>The last passes, a block in each lane.</summary>
    [SkipLocalsInit]
    private static void Blocks<T>(FftTables tables, int block, ref float twiddles, ref float re, ref float im, Span<float> sorted)
        where T : struct, IFloatLanes<T>
    {
        int half = tables.Half, blocks = half / block;
        ReadOnlySpan<int> reversed = tables.Reversed;
        Span<float> turned = stackalloc float[2 * block * T.Count];
        ref float turnedRe = ref MemoryMarshal.GetReference(turned), turnedIm = ref Unsafe.Add(ref turnedRe, block * T.Count);
        ref float to = ref MemoryMarshal.GetReference(sorted);
        for (int group = 0; group < blocks; group += T.Count)
        {
            // Frequencies group, group + 1, ...: the blocks of four neighbours are a quarter of the whole apart.
            int neighbours = Math.Min(T.Count, 4);
            for (int lane = 0; lane < T.Count; lane += neighbours)
            {
                int from = BlockOf(group + lane, blocks) * block, distance = half / neighbours;
                Products.Transpose.Pack(
                    in Unsafe.Add(ref re, from), (nuint)distance, (nuint)neighbours, (nuint)block,
                    ref Unsafe.Add(ref turnedRe, lane), (nuint)T.Count);
                Products.Transpose.Pack(
                    in Unsafe.Add(ref im, from), (nuint)distance, (nuint)neighbours, (nuint)block,
                    ref Unsafe.Add(ref turnedIm, lane), (nuint)T.Count);
            }

            FinishBlocks<T>(block, ref twiddles, ref turnedRe, ref turnedIm);
            for (int row = 0; row < block; row++)
            {
                nuint at = (nuint)(reversed[row] + group);
                T.Store(T.Load(in turnedRe, (nuint)(row * T.Count)), ref to, at);
                T.Store(T.Load(in turnedIm, (nuint)(row * T.Count)), ref to, at + (nuint)half);
            }
        }
    }

    private static void FinishBlocks<T>(int block, ref float twiddles, ref float re, ref float im)
        where T : struct, IFloatLanes<T>
    {
        int size = block;
        for (; size >= 4; size /= 4)
        {
            int part = size / 4;
            nuint step = (nuint)(part * T.Count);
            for (int p = 0; p < part; p++)
            {
                for (int first = 0; first < block; first += size)
                {
                    nuint i = (nuint)((first + p) * T.Count);
                    Radix4(
                        ref re, ref im, i, step, out T y0, out T y0i, out T y1, out T y1i, out T y2, out T y2i, out T y3, out T y3i);
                    T.Store(y0, ref re, i);
                    T.Store(y0i, ref im, i);
                    if (size >= 8)
                    {
                        ref float w = ref Unsafe.Add(ref twiddles, p);
                        Multiply(ref y1, ref y1i, T.Broadcast(w), T.Broadcast(Unsafe.Add(ref w, part)));
                        Multiply(ref y2, ref y2i, T.Broadcast(Unsafe.Add(ref w, 2 * part)), T.Broadcast(Unsafe.Add(ref w, 3 * part)));
                        Multiply(ref y3, ref y3i, T.Broadcast(Unsafe.Add(ref w, 4 * part)), T.Broadcast(Unsafe.Add(ref w, 5 * part)));
                    }

                    Store3(ref re, ref im, i, step, y1, y1i, y2, y2i, y3, y3i);
                }
            }

            twiddles = ref Unsafe.Add(ref twiddles, 6 * part);
        }

        for (int row = 0; size == 2 && row < block; row += 2)
        {
            nuint i = (nuint)(row * T.Count), j = i + (nuint)T.Count;
            T a = T.Load(in re, i), b = T.Load(in re, j), ai = T.Load(in im, i), bi = T.Load(in im, j);
            T.Store(a + b, ref re, i);
            T.Store(a - b, ref re, j);
            T.Store(ai + bi, ref im, i);
            T.Store(ai - bi, ref im, j);
        }
    }

    /// <summary>The index of the block that holds frequency f and those f + blocks, f + 2 blocks, ...: the digits to the base 4 in reverse.</summary>
    private static int BlockOf(int f, int blocks)
    {
        int block = 0;
        for (int rest = blocks; rest > 1; rest /= 4)
        {
            (block, f) = ((block * 4) + (f & 3), f >> 2);
        }

        return block;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Radix4<T>(
        ref float re, ref float im, nuint i, nuint step, out T y0, out T y0i, out T y1, out T y1i, out T y2, out T y2i, out T y3, out T y3i)
        where T : struct, IFloatLanes<T>
    {
        T a = T.Load(in re, i), b = T.Load(in re, i + step), c = T.Load(in re, i + (2 * step)), d = T.Load(in re, i + (3 * step));
        T ai = T.Load(in im, i), bi = T.Load(in im, i + step), ci = T.Load(in im, i + (2 * step)), di = T.Load(in im, i + (3 * step));
        T sum = a + c, difference = a - c, oddSum = b + d, oddDifference = b - d;
        T sumI = ai + ci, differenceI = ai - ci, oddSumI = bi + di, oddDifferenceI = bi - di;
        (y0, y0i) = (sum + oddSum, sumI + oddSumI);
        (y1, y1i) = (difference + oddDifferenceI, differenceI - oddDifference);
        (y2, y2i) = (sum - oddSum, sumI - oddSumI);
        (y3, y3i) = (difference - oddDifferenceI, differenceI + oddDifference);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store3<T>(ref float re, ref float im, nuint i, nuint step, T y1, T y1i, T y2, T y2i, T y3, T y3i)
        where T : struct, IFloatLanes<T>
    {
        T.Store(y1, ref re, i + step);
        T.Store(y1i, ref im, i + step);
        T.Store(y2, ref re, i + (2 * step));
        T.Store(y2i, ref im, i + (2 * step));
        T.Store(y3, ref re, i + (3 * step));
        T.Store(y3i, ref im, i + (3 * step));
    }

    /// <summary>(a + bi)(c + di) = M(a, c, -(b d)) + M(a, d, b c) i.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Multiply<T>(ref T a, ref T b, T c, T d)
        where T : struct, IFloatLanes<T> =>
        (a, b) = (T.MultiplyAdd(a, c, -(b * d)), T.MultiplyAdd(a, d, b * c));

    /// <inheritdoc cref="Scalar.RealFft.Split"/>
    private static void Split<T, TTail>(FftTables tables, ReadOnlySpan<float> zRe, ReadOnlySpan<float> zIm, Span<float> re, Span<float> im)
        where T : struct, IFloatLanes<T>
        where TTail : struct, IFloatLanes<TTail>
    {
        int half = tables.Half;
        (re[0], im[0], re[half], im[half]) = (zRe[0] + zIm[0], 0, zRe[0] - zIm[0], 0);
        if (half / 2 < T.Count)
        {
            for (int k = 1; k <= half / 2; k++)
            {
                SplitPairs<TTail>(tables, k, zRe, zIm, re, im);
            }

            return;
        }

        // The last vector begins early: the same results once more.
        for (int k = 1; k <= half / 2; k += T.Count)
        {
            SplitPairs<T>(tables, Math.Min(k, (half / 2) - T.Count + 1), zRe, zIm, re, im);
        }
    }

    private static void SplitPairs<T>(FftTables tables, int k, ReadOnlySpan<float> zRe, ReadOnlySpan<float> zIm, Span<float> re, Span<float> im)
        where T : struct, IFloatLanes<T>
    {
        int mirror = tables.Half - k - T.Count + 1;
        T one = T.Constant(0.5);
        T a = T.Load(in zRe[k], 0), b = T.Reverse(T.Load(in zRe[mirror], 0)), ai = T.Load(in zIm[k], 0), bi = T.Reverse(T.Load(in zIm[mirror], 0));
        T even = (a + b) * one, evenI = (ai - bi) * one, odd = (ai + bi) * one, oddI = (b - a) * one;
        Turn(tables, k, ref odd, ref oddI);
        T.Store(T.Reverse(even - odd), ref re[mirror], 0);
        T.Store(T.Reverse(oddI - evenI), ref im[mirror], 0);
        T.Store(even + odd, ref re[k], 0);
        T.Store(evenI + oddI, ref im[k], 0);
    }

    /// <inheritdoc cref="Scalar.RealFft.Join"/>
    private static void Join<T, TTail>(FftTables tables, ReadOnlySpan<float> re, ReadOnlySpan<float> im, Span<float> zRe, Span<float> zIm)
        where T : struct, IFloatLanes<T>
        where TTail : struct, IFloatLanes<TTail>
    {
        int half = tables.Half;
        (zRe[0], zIm[0]) = (re[0] + re[half], re[half] - re[0]);
        if (half / 2 < T.Count)
        {
            for (int k = 1; k <= half / 2; k++)
            {
                JoinPairs<TTail>(tables, k, re, im, zRe, zIm);
            }

            return;
        }

        for (int k = 1; k <= half / 2; k += T.Count)
        {
            JoinPairs<T>(tables, Math.Min(k, (half / 2) - T.Count + 1), re, im, zRe, zIm);
        }
    }

    private static void JoinPairs<T>(FftTables tables, int k, ReadOnlySpan<float> re, ReadOnlySpan<float> im, Span<float> zRe, Span<float> zIm)
        where T : struct, IFloatLanes<T>
    {
        int mirror = tables.Half - k - T.Count + 1;
        T one = T.Constant(0.5);
        T a = T.Load(in re[k], 0), b = T.Reverse(T.Load(in re[mirror], 0)), ai = T.Load(in im[k], 0), bi = T.Reverse(T.Load(in im[mirror], 0));
        T even = (a + b) * one, evenI = (ai - bi) * one, odd = (a - b) * one, oddI = -((ai + bi) * one);
        Turn(tables, k, ref odd, ref oddI);
        T.Store(T.Reverse(even - oddI), ref zRe[mirror], 0);
        T.Store(T.Reverse(evenI - odd), ref zIm[mirror], 0);
        T.Store(even + oddI, ref zRe[k], 0);
        T.Store(-(evenI + odd), ref zIm[k], 0);
    }

    private static void Turn<T>(FftTables tables, int k, ref T re, ref T im)
        where T : struct, IFloatLanes<T>
    {
        ref float w = ref Unsafe.Add(ref MemoryMarshal.GetReference(tables.Split), k);
        Multiply(ref re, ref im, T.Load(in w, 0), T.Load(in w, (nuint)((tables.Half / 2) + 1)));
    }
}
