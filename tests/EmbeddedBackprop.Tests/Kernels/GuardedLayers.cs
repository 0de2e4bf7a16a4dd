using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Kernels.Norms;
using EmbeddedBackprop.Kernels.Pooling;
using EmbeddedBackprop.Kernels.Random;
using EmbeddedBackprop.Kernels.Signals;
using EmbeddedBackprop.Kernels.Spectra;

namespace EmbeddedBackprop.Tests.Kernels;

/// <summary>Poolings, normalisations, dropout and Fourier transforms on spans between guard pages; see <see cref="GuardedKernels"/>.</summary>
internal static class GuardedLayers
{
    public static void Poolings(bool atEnd)
    {
        for (int width = 2; width <= 70; width++)
        {
            for (int height = 2; height <= 3; height++)
            {
                Pooling(new PoolSizes(2, height, width, 2, 2, 2, 2, 0, 0), atEnd);
            }
        }

        for (int width = 3; width <= 40; width++)
        {
            Pooling(new PoolSizes(1, 4, width, 3, 3, 2, 2, 1, 1), atEnd);
            Pooling(new PoolSizes(1, 4, width, 2, 3, 1, 1, 1, 2), atEnd);
            Pooling(new PoolSizes(2, 3, width, 3, 2, 1, 3, 0, 0), atEnd);
        }
    }

    public static void Norms(bool atEnd)
    {
        foreach (int channels in (ReadOnlySpan<int>)[1, 3, 21])
        {
            for (int length = 1; length <= 36; length++)
            {
                Channels(2, channels, length, atEnd);
            }
        }

        for (int n = 1; n <= 70; n++)
        {
            Rows(2, 2, n, atEnd);
            DropoutMask.Apply(
                new DropoutDraw(1, 2, 3, 4, 0.5f),
                2,
                n,
                n + 1,
                GuardedKernels.Put(0, 2, n, n + 1, atEnd),
                GuardedKernels.Put(1, 2, n, n + 1, atEnd),
                accumulate: false);
        }
    }

    public static void Signals(bool atEnd)
    {
        for (int n = 4; n <= 1024; n *= 2)
        {
            FftTables tables = new(n);
            foreach (int length in (ReadOnlySpan<int>)[n, n - 1, n - 2, (n / 2) + 1, 1])
            {
                Span<float> x = GuardedKernels.Put(0, 2, length, length, atEnd), spectra = GuardedKernels.Put(1, 2, n + 2, n + 2, atEnd);
                RealFft.Forward(Arithmetic.Fused, tables, 2, x, length, spectra);
                RealFft.Gradient(Arithmetic.Separate, tables, 2, spectra, length, x, accumulate: true);
                RealFft.Gradient(Arithmetic.Fused, tables, 2, spectra, length, x, accumulate: false);
            }
        }
    }

    private static void Pooling(PoolSizes s, bool atEnd)
    {
        foreach (int gap in (ReadOnlySpan<int>)[0, 2])
        {
            int ldx = s.InputLength + gap, ldy = s.OutputLength + gap;
            Span<float> x = GuardedKernels.Put(0, 2, s.InputLength, ldx, atEnd), dx = GuardedKernels.Put(1, 2, s.InputLength, ldx, atEnd);
            Span<float> y = GuardedKernels.Put(2, 2, s.OutputLength, ldy, atEnd);
            Pool2D.MaxForward(in s, 2, x, ldx, y, ldy);
            Pool2D.AverageForward(in s, true, 2, x, ldx, y, ldy);
            foreach (bool accumulate in (ReadOnlySpan<bool>)[false, true])
            {
                Pool2D.MaxBackward(in s, 2, x, y, ldy, dx, ldx, accumulate);
                Pool2D.AverageBackward(in s, false, 2, y, ldy, dx, ldx, accumulate);
            }
        }
    }

    private static void Channels(int batch, int channels, int length, bool atEnd)
    {
        int n = channels * length;
        Span<float> x = GuardedKernels.Put(0, batch, n, n + 1, atEnd), y = GuardedKernels.Put(1, batch, n, n + 1, atEnd);
        Span<float> each = GuardedKernels.Put(2, 1, channels, channels, atEnd), other = GuardedKernels.Put(3, 1, channels, channels, atEnd);
        ChannelNorm.Moments(Arithmetic.Fused, batch, channels, length, x, n + 1, each, other);
        ChannelNorm.Normalize(Arithmetic.Fused, batch, channels, length, x, n + 1, each, other, each, other, y, n + 1);
        ChannelNorm.Sums(Arithmetic.Fused, batch, channels, length, x, n + 1, each, each, y, n + 1, each, other);
        ChannelNorm.Backward(Arithmetic.Fused, batch, channels, length, x, n + 1, each, each, other, x, n + 1, each, other, y, accumulate: true);
    }

    private static void Rows(int batch, int rows, int n, bool atEnd)
    {
        int length = rows * n, ld = length + 1;
        Span<float> x = GuardedKernels.Put(0, batch, length, ld, atEnd), y = GuardedKernels.Put(1, batch, length, ld, atEnd);
        Span<float> each = GuardedKernels.Put(2, 1, batch * rows, batch * rows, atEnd), gamma = GuardedKernels.Put(3, 1, n, n, atEnd);
        RowNorm.Forward(Arithmetic.Fused, batch, rows, n, x, ld, gamma, gamma, 1e-5f, y, ld, each, each);
        RowNorm.Backward(Arithmetic.Fused, batch, rows, n, x, ld, gamma, each, each, x, ld, gamma, gamma, y, accumulate: true);
    }
}
