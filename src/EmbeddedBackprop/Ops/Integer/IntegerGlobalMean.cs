using System.Runtime.InteropServices;
using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Integers;
using EmbeddedBackprop.Kernels.Sets;

namespace EmbeddedBackprop.Ops.Integer;

/// <summary>The mean of every channel of integers.</summary>
internal sealed class IntegerGlobalMean : IntegerMean
{
    // Elements of 16 bits whose sum a float holds.
    private const int Block = 512;

    /// <summary>The integer form of a global average pooling.</summary>
    public IntegerGlobalMean(GlobalAveragePool pooling, int bits, Activation? activation, IntegerValue? tied)
        : base(pooling.Unbound(), bits, activation, tied)
    {
    }

    /// <summary>The sums of a block of positions in floats, and of all in 32 bits.</summary>
    public override int ScratchLength(int batch, Layout layout) => 2 * OutputLength;

    /// <inheritdoc/>
    public override void Forward(in OpContext<float> c)
    {
        Matrix<float> x = c.InputRows(0), y = c.OutputRows;
        int channels = y.Columns, positions = x.Columns / channels;
        IntegerEnd end = Open(in c, out Matrix<float> r);
        Multiplier factor = Factor(c.InputType(0), positions, end.Scale);
        Span<float> part = c.Scratch[..channels];
        Span<int> total = MemoryMarshal.Cast<float, int>(c.Scratch.Slice(channels, channels));
        for (int row = 0; row < x.Rows; row++)
        {
            total.Clear();
            for (int first = 0; first < positions; first += Block)
            {
                SimdKernels.SumRows(new(x.Row(row)[first..], channels, Math.Min(Block, positions - first), positions), part);
                Requantize.AddTo(part, 1, total);
            }

            Requantize.Run(total, 0, factor, end.Lowest, end.Highest, r.Row(row));
        }

        LookUp(in c, in end, in y);
    }

    private protected override void Sums<T>(in OpContext<T> c, int sample, ReadOnlySpan<int> x, Span<int> sums, Span<int> counts)
    {
        int positions = x.Length / sums.Length;
        counts.Fill(positions);
        sums.Clear();
        for (int i = 0; i < x.Length; i++)
        {
            sums[i / positions] = checked(sums[i / positions] + x[i]);
        }
    }
}
