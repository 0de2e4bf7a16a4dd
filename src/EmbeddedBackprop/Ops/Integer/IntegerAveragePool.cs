using System.Runtime.InteropServices;
using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Integers;

namespace EmbeddedBackprop.Ops.Integer;

/// <summary>Means over windows of integers. A window at an edge has fewer elements, and a multiplier of its own, unless padding counts.</summary>
internal sealed class IntegerAveragePool : IntegerMean
{
    private readonly AveragePooling pooling;

    /// <summary>The integer form of a pooling.</summary>
    public IntegerAveragePool(AveragePooling pooling, int bits, Activation? activation, IntegerValue? tied)
        : base(pooling.Unbound(), bits, activation, tied) => this.pooling = (AveragePooling)Layer;

    /// <summary>The sizes, known when the op is applied.</summary>
    public PoolSizes Sizes => pooling.Sizes;

    /// <summary>Whether positions in the padding count.</summary>
    public bool CountsPadding => pooling.CountIncludePad;

    /// <summary>
    /// The sums of the columns under a row of windows, those of all windows, and bias, multiplier and shift of a channel's windows.
    /// </summary>
    public override int ScratchLength(int batch, Layout layout) => Sizes.Width + ((Sizes.Channels + 3) * Sizes.OutputHeight * Sizes.OutputWidth);

    /// <summary>The number of elements of a mean over so many rows and columns of the image.</summary>
    public int Count(int rows, int columns) => CountsPadding ? Sizes.KernelHeight * Sizes.KernelWidth : rows * columns;

    /// <inheritdoc/>
    public override void Forward(in OpContext<float> c)
    {
        PoolSizes s = Sizes;
        Matrix<float> x = c.InputRows(0), y = c.OutputRows;
        IntegerEnd end = Open(in c, out Matrix<float> r);
        int windows = s.OutputHeight * s.OutputWidth, plane = s.Height * s.Width;
        Span<int> rest = MemoryMarshal.Cast<float, int>(c.Scratch), columns = rest[..s.Width], sums = rest.Slice(s.Width, s.Channels * windows);
        rest = rest[(columns.Length + sums.Length)..];
        Span<int> bias = rest[..windows], m = rest.Slice(windows, windows), shift = rest.Slice(2 * windows, windows);
        bias.Clear();
        Factors(c.InputType(0), end.Scale, m, shift);
        for (int row = 0; row < x.Rows; row++)
        {
            for (int channel = 0; channel < s.Channels; channel++)
            {
                Windows(x.Row(row).Slice(channel * plane, plane), columns, sums.Slice(channel * windows, windows));
            }

            Requantize.Columns(
                new Matrix<int>(sums, s.Channels, windows, windows), bias, m, shift, end.Lowest, end.Highest,
                new Matrix<float>(r.Row(row), s.Channels, windows, windows));
        }

        LookUp(in c, in end, in y);
    }

    /// <summary>Multiplier and shift of each window of a channel: neighbours mostly have the same number of elements.</summary>
    private void Factors(IntegerType x, double scale, Span<int> m, Span<int> shift)
    {
        PoolSizes s = Sizes;
        int before = 0;
        Multiplier factor = default;
        for (int at = 0; at < m.Length; at++)
        {
            (int top, int bottom) = PoolSizes.Clip(at / s.OutputWidth, s.StrideHeight, s.PaddingHeight, s.KernelHeight, s.Height);
            (int left, int right) = PoolSizes.Clip(at % s.OutputWidth, s.StrideWidth, s.PaddingWidth, s.KernelWidth, s.Width);
            int count = Count(bottom - top, right - left);
            if (count != before)
            {
                (before, factor) = (count, Factor(x, count, scale));
            }

            (m[at], shift[at]) = factor;
        }
    }

    /// <summary>The sums of the windows of a channel, from those of the columns under a row of windows.</summary>
    private void Windows(ReadOnlySpan<float> x, Span<int> columns, Span<int> sums)
    {
        PoolSizes s = Sizes;
        for (int i = 0; i < s.OutputHeight; i++)
        {
            (int top, int bottom) = PoolSizes.Clip(i, s.StrideHeight, s.PaddingHeight, s.KernelHeight, s.Height);
            columns.Clear();
            for (int row = top; row < bottom; row++)
            {
                Requantize.AddTo(x.Slice(row * s.Width, s.Width), 1, columns);
            }

            for (int j = 0; j < s.OutputWidth; j++)
            {
                (int left, int right) = PoolSizes.Clip(j, s.StrideWidth, s.PaddingWidth, s.KernelWidth, s.Width);
                int sum = 0;
                foreach (int column in columns[left..right])
                {
                    sum += column;
                }

                sums[(i * s.OutputWidth) + j] = sum;
            }
        }
    }

    private protected override void Sums<T>(in OpContext<T> c, int sample, ReadOnlySpan<int> x, Span<int> sums, Span<int> counts)
    {
        PoolSizes s = Sizes;
        for (int at = 0; at < sums.Length; at++)
        {
            int channel = at / (s.OutputHeight * s.OutputWidth), i = at / s.OutputWidth % s.OutputHeight, j = at % s.OutputWidth, taps = 0;
            sums[at] = 0;
            for (int row = (i * s.StrideHeight) - s.PaddingHeight; row < (i * s.StrideHeight) - s.PaddingHeight + s.KernelHeight; row++)
            {
                for (int column = (j * s.StrideWidth) - s.PaddingWidth; column < (j * s.StrideWidth) - s.PaddingWidth + s.KernelWidth; column++)
                {
                    if (row >= 0 && row < s.Height && column >= 0 && column < s.Width)
                    {
                        sums[at] += x[(((channel * s.Height) + row) * s.Width) + column];
                        taps++;
                    }
                }
            }

            counts[at] = CountsPadding ? s.KernelHeight * s.KernelWidth : taps;
        }
    }
}
