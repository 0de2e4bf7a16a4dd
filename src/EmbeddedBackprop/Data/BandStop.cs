using System.Runtime.CompilerServices;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Signals;
using EmbeddedBackprop.Kernels.Spectra;
using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Data;

/// <summary>
/// Takes a band of frequencies out of a signal of any length: frames of 1,024 samples, one every 512, under a Hann window, whose frames add up to the
/// signal. The band of each frame's spectrum becomes 0, and the frames are added again.
/// </summary>
internal static class BandStop
{
    /// <summary>Steps of the spectrum from 0 to half the rate.</summary>
    public const int Steps = Length / 2;

    private const int Length = 1024, Hop = Length / 2;

    private static readonly FftTables Tables = new(Length);
    private static readonly float[] Hann = Window.WeightsOf(WindowFunction.Hann, Length, symmetric: false);

    /// <summary>In place; a frame's first half is written once both frames that see it are done.</summary>
    /// <param name="signal">The samples.</param>
    /// <param name="first">The first frequency that is taken out, in steps.</param>
    /// <param name="count">How many; first + count is at most <see cref="Steps"/> + 1.</param>
    [SkipLocalsInit]
    public static void Apply(Span<float> signal, int first, int count)
    {
        Span<float> frame = stackalloc float[Length], spectrum = stackalloc float[2 * (Steps + 1)];
        Span<float> before = stackalloc float[Hop], sum = stackalloc float[Hop];
        before.Clear();
        sum.Clear();
        for (int at = 0; at < signal.Length + Hop; at += Hop)
        {
            Span<float> next = frame[Hop..];
            before.CopyTo(frame);
            next.Clear();
            if (at < signal.Length)
            {
                signal[at..Math.Min(at + Hop, signal.Length)].CopyTo(next);
            }

            next.CopyTo(before);
            Multiply(frame, Hann);
            RealFft.Forward(Arithmetic.Separate, Tables, 1, frame, Length, spectrum);
            Remove(spectrum[..(Steps + 1)], first, count);
            Remove(spectrum[(Steps + 1)..], first, count);

            // The gradient at a spectrum is its inverse transform, if every frequency but the first and the last counts twice.
            RealFft.Gradient(Arithmetic.Separate, Tables, 1, spectrum, Length, frame, accumulate: false);
            for (int i = Math.Max(at - Hop, 0); i < Math.Min(at, signal.Length); i++)
            {
                signal[i] = sum[i - at + Hop] + frame[i - at + Hop];
            }

            next.CopyTo(sum);
        }
    }

    private static void Remove(Span<float> parts, int first, int count)
    {
        parts.Slice(first, count).Clear();
        for (int k = 0; k <= Steps; k++)
        {
            parts[k] *= (k is 0 or Steps ? 1f : 2f) / Length;
        }
    }

    private static void Multiply(Span<float> x, ReadOnlySpan<float> factors)
    {
        for (int i = 0; i < x.Length; i++)
        {
            x[i] *= factors[i];
        }
    }
}
