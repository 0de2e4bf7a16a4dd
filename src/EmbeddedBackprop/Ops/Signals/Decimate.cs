using System.Globalization;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Scalar;
using EmbeddedBackprop.Kernels.Signals;

namespace EmbeddedBackprop.Ops;

/// <summary>
/// Keeps one sample of <see cref="Factor"/> after a low-pass filter, so that nothing is folded into the frequencies that remain: y_j = the sum over k
/// of h_k x_(j factor + k), k ascending, from +0, by M. h is a sinc of 0.45 / factor times the rate under a Hamming window, of sum 1.
/// </summary>
public sealed class Decimate : SignalOp, IPasses<Decimate>
{
    private readonly ConstantRow filter;

    /// <summary>The filter and the selection.</summary>
    /// <param name="factor">One sample of so many is kept; at least 2.</param>
    /// <param name="taps">Samples that the filter reads; 0, the default, is 8 factor + 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">A number is too small.</exception>
    public Decimate(int factor, int taps = 0)
    {
        if (factor is < 2 or > 1024)
        {
            Errors.OutOfRange(nameof(factor), factor, "from 2 to 1024");
        }

        if (taps is < 0 or 1 or > 65536)
        {
            Errors.OutOfRange(nameof(taps), taps, "from 2 to 65536, or 0 for the default");
        }

        Factor = factor;
        Taps = taps == 0 ? (8 * factor) + 1 : taps;
        filter = new ConstantRow(LowPass(Factor, Taps));
    }

    /// <summary>One sample of so many is kept.</summary>
    public int Factor { get; }

    /// <summary>Samples that the filter reads.</summary>
    public int Taps { get; }

    /// <summary>h.</summary>
    internal ReadOnlySpan<float> Filter => filter.Of<float>();

    /// <inheritdoc/>
    public override string Kind => "decimate";

    /// <inheritdoc/>
    public override string Settings =>
        string.Create(CultureInfo.InvariantCulture, $"{Factor}")
        + (Taps == (8 * Factor) + 1 ? "" : string.Create(CultureInfo.InvariantCulture, $" taps{Taps}"));

    /// <inheritdoc/>
    public override long MultiplyAdds => (long)RowCount * Count(Length) * Taps;

    private int Count(int length) => 1 + ((length - Taps) / Factor);

    private protected override int OutputLength(string name, int length, Node from)
    {
        if (length < Taps)
        {
            OpErrors.FrameTooLong(name, Taps, length, from.Name);
        }

        return Count(length);
    }

    /// <inheritdoc/>
    internal override TimeRule AlongTime(ReadOnlySpan<Node> inputs, int axis) =>
        axis == inputs[0].Shape.Rank - 1 ? TimeRule.Rows(Taps, Factor, axis) : TimeRule.Each(axis);

    /// <inheritdoc/>
    protected override Passes Passes => Passes.Of<Decimate>();

    static void IPasses<Decimate>.Forward<T, K>(Decimate op, in OpContext<T> c)
    {
        ReadOnlySpan<T> h = op.filter.Of<T>();
        for (int b = 0; b < c.Batch; b++)
        {
            Matrix<T> x = op.RowsOf(c.InputRows(0), b), y = op.RowsOf(c.OutputRows, b);
            for (int row = 0; row < x.Rows; row++)
            {
                Span<T> to = y.Row(row);
                for (int j = 0; j < to.Length; j++)
                {
                    ReadOnlySpan<T> from = x.Row(row).Slice(j * op.Factor, h.Length);
                    T sum = T.Zero;
                    for (int k = 0; k < h.Length; k++)
                    {
                        sum = ScalarMath.MultiplyAdd(c.Arithmetic, from[k], h[k], sum);
                    }

                    to[j] = sum;
                }
            }
        }
    }

    static void IPasses<Decimate>.Backward<T, K>(Decimate op, in OpContext<T> c)
    {
        if (!BeginsGradient(in c))
        {
            return;
        }

        for (int b = 0; b < c.Batch; b++)
        {
            Matrix<T> dy = op.RowsOf(c.OutputGradientRows, b), dx = op.RowsOf(c.InputGradientRows(0), b);
            for (int row = 0; row < dy.Rows; row++)
            {
                Span<T> from = dy.Row(row);
                for (int j = 0; j < from.Length; j++)
                {
                    K.MultiplyAdd(c.Arithmetic, from[j], op.filter.Of<T>(), dx.Row(row).Slice(j * op.Factor, op.Taps));
                }
            }
        }
    }

    private static float[] LowPass(int factor, int taps)
    {
        const double Passed = 0.45;
        double[] h = new double[taps];
        double sum = 0;
        for (int k = 0; k < taps; k++)
        {
            // In half samples from the middle, so that an even filter is symmetric, too.
            double t = k - ((taps - 1) / 2.0), cutoff = 2 * Passed / factor;
            double sinc = t == 0 ? cutoff : UnitRoots.Sine(cutoff * t / 2) / (Math.PI * t);
            h[k] = sinc * (0.54 - (0.46 * UnitRoots.At(k, taps - 1).Cosine));
            sum += h[k];
        }

        return Array.ConvertAll(h, value => (float)(value / sum));
    }
}
