using System.Globalization;
using System.Numerics;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Scalar;
using EmbeddedBackprop.Kernels.Signals;

namespace EmbeddedBackprop.Ops;

/// <summary>
/// The power of a few frequencies of each row without a whole transform: with c = 2 cos(2 pi f / rate), s_t = M(c, s_(t-1), x_t - s_(t-2)) from s =
/// 0, and y = M(-c, a b, M(a, a, b b)) of the last two, a and b. At 0 Hz and half the rate s grows with t, so the rounding errors do. Source:
/// Goertzel 1958.
/// </summary>
public sealed class Goertzel : SignalOp, IPasses<Goertzel>
{
    private readonly float[] frequencies;
    private readonly ConstantRow factors;

    /// <summary>The powers at given frequencies.</summary>
    /// <param name="rate">Samples a second, Hz.</param>
    /// <param name="frequencies">At least one, from 0 to half the rate, Hz.</param>
    /// <exception cref="ArgumentException">There is none, or one lies outside.</exception>
    public Goertzel(float rate, params ReadOnlySpan<float> frequencies)
    {
        Rate = Errors.RequirePositive(nameof(rate), rate);
        if (frequencies.IsEmpty)
        {
            Errors.NotPositive(nameof(frequencies), 0);
        }

        foreach (float frequency in frequencies)
        {
            if (!(frequency >= 0 && frequency <= rate / 2))
            {
                Errors.OutOfRange(nameof(frequencies), frequency, "from 0 to half the rate");
            }
        }

        this.frequencies = frequencies.ToArray();
        factors = new ConstantRow(Array.ConvertAll(this.frequencies, f => (float)(2 * UnitRoots.Cosine((double)f / rate))));
    }

    /// <summary>Samples a second, Hz.</summary>
    public float Rate { get; }

    /// <summary>Hz.</summary>
    public ReadOnlySpan<float> Frequencies => frequencies;

    /// <summary>c of each frequency.</summary>
    internal ReadOnlySpan<float> Factors => factors.Of<float>();

    /// <inheritdoc/>
    public override string Kind => "goertzel";

    /// <inheritdoc/>
    public override string Settings =>
        string.Join(' ', frequencies.Select(f => f.ToString("R", CultureInfo.InvariantCulture)))
        + string.Create(CultureInfo.InvariantCulture, $" rate{Rate:R}");

    /// <inheritdoc/>
    public override BackwardReads BackwardReads => BackwardReads.Inputs;

    /// <inheritdoc/>
    public override long MultiplyAdds => (long)RowCount * Length * frequencies.Length;

    private protected override int OutputLength(string name, int length, Node from) => frequencies.Length;

    /// <inheritdoc/>
    protected override Passes Passes => Passes.Of<Goertzel>();

    static void IPasses<Goertzel>.Forward<T, K>(Goertzel op, in OpContext<T> c)
    {
        for (int b = 0; b < c.Batch; b++)
        {
            Matrix<T> x = op.RowsOf(c.InputRows(0), b), y = op.RowsOf(c.OutputRows, b);
            for (int row = 0; row < x.Rows; row++)
            {
                for (int i = 0; i < op.frequencies.Length; i++)
                {
                    T factor = op.factors.Of<T>()[i];
                    (T last, T before) = Run(c.Arithmetic, factor, x.Row(row));
                    y.Row(row)[i] = ScalarMath.MultiplyAdd(
                        c.Arithmetic, -factor, last * before, ScalarMath.MultiplyAdd(c.Arithmetic, last, last, before * before));
                }
            }
        }
    }

    // The recursion runs backwards: g_t = M(c, g_(t+1), -g_(t+2)), from the derivatives by the last two; dx_t = dx_t + g_t, frequencies ascending.
    static void IPasses<Goertzel>.Backward<T, K>(Goertzel op, in OpContext<T> c)
    {
        if (!BeginsGradient(in c))
        {
            return;
        }

        for (int b = 0; b < c.Batch; b++)
        {
            Matrix<T> x = op.RowsOf(c.InputRows(0), b), dx = op.RowsOf(c.InputGradientRows(0), b), dy = op.RowsOf(c.OutputGradientRows, b);
            for (int row = 0; row < x.Rows; row++)
            {
                for (int i = 0; i < op.frequencies.Length; i++)
                {
                    T factor = op.factors.Of<T>()[i], d = dy.Row(row)[i];
                    (T last, T before) = Run(c.Arithmetic, factor, x.Row(row));
                    T next = ((last + last) - (factor * before)) * d, other = ((before + before) - (factor * last)) * d, after = T.Zero;
                    Span<T> to = dx.Row(row);
                    for (int t = to.Length - 1; t >= 0; t--)
                    {
                        to[t] += next;
                        (next, after) = (ScalarMath.MultiplyAdd(c.Arithmetic, factor, next, other - after), next);
                        other = T.Zero;
                    }
                }
            }
        }
    }

    /// <summary>The last two values of the recursion.</summary>
    private static (T Last, T Before) Run<T>(Arithmetic arithmetic, T factor, ReadOnlySpan<T> x)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        T last = T.Zero, before = T.Zero;
        foreach (T value in x)
        {
            (last, before) = (ScalarMath.MultiplyAdd(arithmetic, factor, last, value - before), last);
        }

        return (last, before);
    }
}
