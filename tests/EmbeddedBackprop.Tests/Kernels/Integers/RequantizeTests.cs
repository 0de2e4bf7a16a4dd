using System.Runtime.InteropServices;
using EmbeddedBackprop.Kernels.Integers;
using EmbeddedBackprop.Kernels.Scalar;

namespace EmbeddedBackprop.Tests.Kernels.Integers;

/// <summary>The kernels from sums to integers against the rounding R, one sum after the other, at every width.</summary>
[TestFixture]
[NonParallelizable]
public sealed class RequantizeTests
{
    // Layers have 33 to 50; the others are where words, wraps and clamps have their edges.
    private static readonly int[] Shifts = [33, 34, 40, 45, 55, 56, 62];
    private static readonly int[] NearShifts = [1, 2, 3, 14, 15, 16, 24, 31, 32];
    private static readonly (int Lowest, int Highest)[] Ends = [(-128, 127), (0, 255), (-255, 0), (-32768, 32767), (-(1 << 24), 1 << 24)];

    [Test]
    public void Columns_of_every_length_have_their_own_multipliers()
    {
        for (int columns = 0; columns <= 67; columns++)
        {
            foreach (int rows in (ReadOnlySpan<int>)[0, 1, 2, 19])
            {
                CheckColumns(rows, columns, columns % 4, Ends[columns % Ends.Length], near: columns % 3 == 0);
            }
        }
    }

    [Test]
    public void A_run_of_every_length_has_one_multiplier()
    {
        for (int length = 0; length <= 67; length++)
        {
            CheckRun(length, Shifts[length % Shifts.Length], Ends[length % Ends.Length]);
        }
    }

    [Test]
    public void Every_shift_and_every_end_is_rounded_alike()
    {
        foreach ((int Lowest, int Highest) ends in Ends)
        {
            for (int shift = 1; shift <= 62; shift++)
            {
                CheckRun(37, shift, ends);
            }
        }
    }

    [Test]
    public void Parts_are_added_to_a_total_of_every_length()
    {
        for (int length = 0; length <= 67; length++)
        {
            foreach (int factor in (ReadOnlySpan<int>)[1, 16, 256, -3, 1 << 14])
            {
                // The first half are parts, the second is the total; a float more at each end must not change.
                float[] before = new float[(2 * length) + 3];
                Span<int> total = MemoryMarshal.Cast<float, int>(before.AsSpan(length + 2));
                Fill(before.AsSpan(1, length), total, length);
                KernelCheck.Same(
                    $"add {length} x {factor}",
                    before,
                    memory =>
                    {
                        Span<int> sums = MemoryMarshal.Cast<float, int>(memory.AsSpan(length + 2, length));
                        for (int i = 0; i < length; i++)
                        {
                            sums[i] += factor * (int)memory[i + 1];
                        }
                    },
                    memory => Requantize.AddTo(
                        memory.AsSpan(1, length), factor, MemoryMarshal.Cast<float, int>(memory.AsSpan(length + 2, length))));
            }
        }
    }

    [Test]
    public void Control_another_rounding_in_one_lane_is_found()
    {
        float[] before = [.. Enumerable.Range(-20, 41).Select(i => (float)i)];
        static void Loop(float[] y)
        {
            for (int i = 0; i < y.Length; i++)
            {
                y[i] = Rounding.R((int)y[i], 1 << 30, 33);
            }
        }

        Assert.That(KernelCheck.Difference(before, Loop, y => Requantize.Run(y, 0, new(1 << 30, 33), -128, 127, y)), Is.Null);
        Assert.That(
            KernelCheck.Difference(before, Loop, y => Requantize.Run(y, 0, new((1 << 30) - 1, 33), -128, 127, y)),
            Does.Contain("width"),
            "4 / 8 is rounded down");
    }

    [Test]
    public void Lengths_that_do_not_fit_are_refused()
    {
        float[] sums = new float[12];
        int[] three = new int[3];
        Assert.That(() => Requantize.Run(sums, 0, default, -1, 1, new float[11]), Throws.ArgumentException);
        Assert.That(() => Requantize.AddTo(sums, 1, three), Throws.ArgumentException);
        Assert.That(() => Columns(three, 3), Throws.Nothing);
        Assert.That(() => Columns(three, 4), Throws.ArgumentException);
        Assert.That(() => Columns(new int[8], 7), Throws.ArgumentException);

        void Columns(int[] perColumn, int columns) => Requantize.Columns(
            new Matrix<float>(sums, 2, columns, columns), perColumn, perColumn, [34, 34, 34, 34, 34, 34, 34], -1, 1,
            new Matrix<float>(new float[12], 2, columns, columns));
    }

    [TestCase("", "")]
    [TestCase("sums", "sums [2, 3] with leading dimension 3: expected 6 floats, got 5")]
    [TestCase("y", "y [2, 3] with leading dimension 3: expected 6 floats, got 5")]
    [TestCase("bias", "bias: expected 3 floats, got 2")]
    [TestCase("m", "m: expected 3 floats, got 2")]
    [TestCase("shift", "shift: expected 3 floats, got 2")]
    public void A_column_too_few_is_told(string shortOne, string message)
    {
        void Run() => Requantize.Columns(
            new Matrix<float>(new float[Length("sums", 6)], 2, 3, 3), new int[Length("bias", 3)], new int[Length("m", 3)], [34, .. Shift()], -1, 1,
            new Matrix<float>(new float[Length("y", 6)], 2, 3, 3));
        Assert.That(Run, message.Length == 0 ? Throws.Nothing : Throws.ArgumentException.With.Message.Contains(message));

        int Length(string name, int enough) => name == shortOne ? enough - 1 : enough;
        int[] Shift() => [.. Enumerable.Repeat(34, Length("shift", 2))];
    }

    private static void CheckColumns(int rows, int columns, int gap, (int Lowest, int Highest) ends, bool near)
    {
        int stride = columns + gap, size = (rows * stride) + 1;
        Random random = new(columns);
        int[] bias = new int[columns], m = new int[columns], shift = new int[columns];
        for (int j = 0; j < columns; j++)
        {
            bias[j] = random.Next(-(1 << 20), 1 << 20);
            m[j] = random.Next(9) == 0 ? 0 : random.Next(1 << 30, int.MaxValue);
            shift[j] = near && random.Next(20) == 0 ? NearShifts[random.Next(NearShifts.Length)] : random.Next(33, 63);
        }

        // Sums, then integers; in place the sums are also the destination.
        float[] before = new float[2 * size];
        foreach (bool inPlace in (ReadOnlySpan<bool>)[false, true])
        {
            int to = inPlace ? 0 : size;
            Fill(before.AsSpan(0, size), default, columns);
            KernelCheck.Same(
                $"columns {rows}x{columns}",
                before,
                memory => Loop(memory, memory.AsSpan(to), i => (int)memory[i]),
                memory => Requantize.Columns(
                    new Matrix<float>(memory, rows, columns, stride), bias, m, shift, ends.Lowest, ends.Highest,
                    new Matrix<float>(memory.AsSpan(to), rows, columns, stride)));
            Fill(default, MemoryMarshal.Cast<float, int>(before.AsSpan(0, size)), columns);
            KernelCheck.Same(
                $"columns {rows}x{columns} of 32 bits",
                before,
                memory => Loop(memory, memory.AsSpan(to), i => BitConverter.SingleToInt32Bits(memory[i])),
                memory => Requantize.Columns(
                    new Matrix<int>(MemoryMarshal.Cast<float, int>(memory.AsSpan()), rows, columns, stride), bias, m, shift,
                    ends.Lowest, ends.Highest, new Matrix<float>(memory.AsSpan(to), rows, columns, stride)));
        }

        void Loop(float[] memory, Span<float> y, Func<int, int> sum)
        {
            for (int i = 0; i < rows * stride; i++)
            {
                if (i % stride is int j && j < columns)
                {
                    y[i] = Rounding.R(sum(i) + bias[j], m[j], shift[j], ends.Lowest, ends.Highest);
                }
            }
        }
    }

    private static void CheckRun(int length, int shift, (int Lowest, int Highest) ends)
    {
        float[] before = new float[(2 * length) + 3];
        foreach (int m in (ReadOnlySpan<int>)[0, 1 << 30, 1431655765, int.MaxValue])
        {
            foreach (int bias in (ReadOnlySpan<int>)[0, -77, 1 << 30])
            {
                foreach (bool inPlace in (ReadOnlySpan<bool>)[false, true])
                {
                    int to = inPlace ? 1 : length + 2;
                    Fill(before.AsSpan(1, length), default, length + shift);
                    KernelCheck.Same(
                        $"run {length}, {m} / 2^{shift}",
                        before,
                        memory => Loop(memory, i => (int)memory[i + 1]),
                        memory => Requantize.Run(
                            memory.AsSpan(1, length), bias, new(m, shift), ends.Lowest, ends.Highest, memory.AsSpan(to, length)));
                    Fill(default, MemoryMarshal.Cast<float, int>(before.AsSpan(1, length)), length + shift);
                    KernelCheck.Same(
                        $"run {length} of 32 bits, {m} / 2^{shift}",
                        before,
                        memory => Loop(memory, i => BitConverter.SingleToInt32Bits(memory[i + 1])),
                        memory => Requantize.Run(
                            MemoryMarshal.Cast<float, int>(memory.AsSpan(1, length)), bias, new(m, shift), ends.Lowest, ends.Highest,
                            memory.AsSpan(to, length)));

                    void Loop(float[] memory, Func<int, int> sum)
                    {
                        for (int i = 0; i < length; i++)
                        {
                            memory[to + i] = Rounding.R(sum(i) + bias, m, shift, ends.Lowest, ends.Highest);
                        }
                    }
                }
            }
        }
    }

    /// <summary>Sums of every magnitude: below 2^24 in floats, within 30 bits in integers.</summary>
    private static void Fill(Span<float> floats, Span<int> integers, int seed)
    {
        Random random = new(seed);
        foreach (ref float value in floats)
        {
            value = random.Next(-(1 << 24) + 1, 1 << 24) >> random.Next(24);
        }

        foreach (ref int value in integers)
        {
            value = random.Next(-(1 << 30), 1 << 30) >> random.Next(30);
        }
    }
}
