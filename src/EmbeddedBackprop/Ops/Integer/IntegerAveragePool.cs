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

    /// <summary>The sums of the columns under a row of windows, and of the windows.</summary>
    public override int ScratchLength(int batch, Layout layout) => Sizes.Width + Sizes.OutputWidth;

    /// <summary>The number of elements of a mean over so many rows and columns of the image.</summary>
    public int Count(int rows, int columns) => CountsPadding ? Sizes.KernelHeight * Sizes.KernelWidth : rows * columns;

    /// <inheritdoc/>
    public override void Forward(in OpContext<float> c)
    {
        PoolSizes s = Sizes;
        Matrix<float> x = c.InputRows(0), y = c.OutputRows;
        IntegerEnd end = Open(in c, out Matrix<float> r);
        Span<int> scratch = MemoryMarshal.Cast<float, int>(c.Scratch), columns = scratch[..s.Width], sums = scratch.Slice(s.Width, s.OutputWidth);
        for (int plane = 0; plane < x.Rows * s.Channels; plane++)
        {
            ReadOnlySpan<float> from = x.Row(plane / s.Channels).Slice(plane % s.Channels * s.Height * s.Width, s.Height * s.Width);
            Span<float> to = r.Row(plane / s.Channels).Slice(plane % s.Channels * s.OutputHeight * s.OutputWidth, s.OutputHeight * s.OutputWidth);
            for (int i = 0; i < s.OutputHeight; i++)
            {
                (int top, int bottom) = PoolSizes.Clip(i, s.StrideHeight, s.PaddingHeight, s.KernelHeight, s.Height);
                columns.Clear();
                for (int row = top; row < bottom; row++)
                {
                    Requantize.AddTo(from.Slice(row * s.Width, s.Width), 1, columns);
                }

                Windows(in c, in end, columns, bottom - top, sums, to.Slice(i * s.OutputWidth, s.OutputWidth));
            }
        }

        LookUp(in c, in end, in y);
    }

    /// <summary>A row of windows from the sums of their columns: a run of windows of one size is rounded at once.</summary>
    private void Windows(in OpContext<float> c, in IntegerEnd end, ReadOnlySpan<int> columns, int rows, Span<int> sums, Span<float> y)
    {
        PoolSizes s = Sizes;
        int begin = 0, width = 0;
        for (int j = 0; j <= y.Length; j++)
        {
            (int left, int right) = j < y.Length ? PoolSizes.Clip(j, s.StrideWidth, s.PaddingWidth, s.KernelWidth, s.Width) : default;
            if (j > begin && (j == y.Length || right - left != width))
            {
                Multiplier factor = Factor(c.InputType(0), Math.Max(Count(rows, width), 1), end.Scale);
                Requantize.Run(sums[begin..j], 0, factor, end.Lowest, end.Highest, y[begin..j]);
                begin = j;
            }

            if (j < y.Length)
            {
                width = right - left;
                int sum = 0;
                for (int column = left; column < right; column++)
                {
                    sum += columns[column];
                }

                sums[j] = sum;
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
