using System.Runtime.InteropServices;
using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Integers;

namespace EmbeddedBackprop.Ops.Integer;

/// <summary>The mean of every feature over the steps of a sequence, or over those that a mask of floats counts; 0 where none counts.</summary>
internal sealed class IntegerMeanOverTime : IntegerMean
{
    /// <summary>The integer form of a mean over time.</summary>
    public IntegerMeanOverTime(MeanOverTime mean, int bits, Activation? activation, IntegerValue? tied)
        : base(mean.Unbound(), bits, activation, tied)
    {
    }

    /// <inheritdoc/>
    public override bool HasGradient(int input) => input == 0;

    /// <summary>The sums in 32 bits.</summary>
    public override int ScratchLength(int batch, Layout layout) => OutputLength;

    /// <inheritdoc/>
    public override void Forward(in OpContext<float> c)
    {
        Matrix<float> x = c.InputRows(0), y = c.OutputRows;
        IntegerEnd end = Open(in c, out Matrix<float> r);
        int features = OutputLength;
        Span<int> total = MemoryMarshal.Cast<float, int>(c.Scratch)[..features];
        for (int row = 0; row < x.Rows; row++)
        {
            total.Clear();
            int count = 0;
            for (int t = 0; t < x.Columns / features; t++)
            {
                if (OverTime.Counts(in c, row, t))
                {
                    Requantize.AddTo(x.Row(row).Slice(t * features, features), 1, total);
                    count++;
                }
            }

            Requantize.Run(total, 0, Factor(c.InputType(0), Math.Max(count, 1), end.Scale), end.Lowest, end.Highest, r.Row(row));
        }

        LookUp(in c, in end, in y);
    }

    private protected override void Sums<T>(in OpContext<T> c, int sample, ReadOnlySpan<int> x, Span<int> sums, Span<int> counts)
    {
        int features = OutputLength;
        sums.Clear();
        counts.Clear();
        for (int i = 0; i < x.Length; i++)
        {
            if (OverTime.Counts(in c, sample, i / features))
            {
                sums[i % features] = checked(sums[i % features] + x[i]);
                counts[i % features]++;
            }
        }
    }
}
