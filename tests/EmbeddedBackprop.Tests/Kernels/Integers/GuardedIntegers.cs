using System.Runtime.InteropServices;
using EmbeddedBackprop.Kernels.Integers;

namespace EmbeddedBackprop.Tests.Kernels;

/// <summary>The integer kernels on spans between guard pages; see <see cref="GuardedKernels"/>.</summary>
internal static class GuardedIntegers
{
    public static void Run(bool atEnd)
    {
        for (int n = 0; n <= 70; n++)
        {
            Span<float> sums = GuardedKernels.Put(0, 1, n, n, atEnd), y = GuardedKernels.Put(1, 1, n, n, atEnd);
            IntegerWeights.Round(sums, 0.01f, Integers(1, n, 0, atEnd));
            IntegerWeights.Round(sums, 0.01f, GuardedKernels.Put(1, 1, n, n, atEnd));
            IntegerWeights.Largest(sums);
            foreach (int shift in (ReadOnlySpan<int>)[40, 32, 1])
            {
                Requantize.Run(sums, 3, new(1 << 30, shift), -128, 127, y);
                Requantize.Run(Integers(0, n, 5, atEnd), 3, new(1 << 30, shift), -128, 127, y);
            }

            Digits.Take(Integers(2, n, 77, atEnd), 4, 15, y);
            Digits.Take(sums, 8, -1, y);
            Requantize.AddTo(sums, 256, Integers(2, n, 7, atEnd));
            Lookup.Apply(y, Integers(0, 257, 5, atEnd), 128, y);
            Span<float> products = GuardedKernels.Put(2, 1, 4 * n, 4 * n, atEnd), state = GuardedKernels.Put(3, 1, n, n, atEnd);
            RecurrentGates.Rnn(sums, sums, y);
            RecurrentGates.Gru(products[n..], products[n..], state, y);
            RecurrentGates.Lstm(products, products, 3, state, state, y);
            foreach (int gap in (ReadOnlySpan<int>)[0, 3])
            {
                const int Rows = 18;
                Span<int> bias = Integers(2, n, 9, atEnd), m = Integers(3, n, 1 << 30, atEnd), shift = Integers(4, n, 41, atEnd);
                Span<float> rows = GuardedKernels.Put(0, Rows, n, n + gap, atEnd), results = GuardedKernels.Put(1, Rows, n, n + gap, atEnd);
                Matrix<float> to = new(results, Rows, n, n + gap);
                Requantize.Columns(new Matrix<float>(rows, Rows, n, n + gap), bias, m, shift, -128, 127, in to);
                Span<float> scales = GuardedKernels.Put(2, 1, n, n, atEnd);
                Span<int> integers = MemoryMarshal.Cast<float, int>(GuardedKernels.Put(4, Rows, n, n + gap, atEnd));
                IntegerWeights.Round(Rows, n, rows, scales, integers, n + gap, Integers(3, n, 0, atEnd));
                IntegerWeights.Round(Rows, n, rows, scales, MemoryMarshal.Cast<int, float>(integers), n + gap, Integers(3, n, 0, atEnd));
                IntegerWeights.Largest(Rows, n, rows, n + gap, GuardedKernels.Put(2, 1, n, n, atEnd));
                rows.Clear();
                Requantize.Columns(new Matrix<int>(MemoryMarshal.Cast<float, int>(rows), Rows, n, n + gap), bias, m, shift, -128, 127, in to);
            }
        }
    }

    private static Span<int> Integers(int slot, int length, int value, bool atEnd)
    {
        Span<int> integers = MemoryMarshal.Cast<float, int>(GuardedKernels.Put(slot, 1, length, length, atEnd));
        integers.Fill(value);
        return integers;
    }
}
