using System.Globalization;
using System.Numerics;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Scalar;

namespace EmbeddedBackprop.Ops;

/// <summary>
/// A recursive filter of second order along the last axis: y_t = b0 x_t + b1 x_(t-1) + b2 x_(t-2) - a1 y_(t-1) - a2 y_(t-2), in this order from s =
/// b0 x_t, each further term by M. What comes before the first sample is 0.
/// </summary>
public sealed class Biquad : SignalFilter, IPasses<Biquad>
{
    /// <summary>The filter (b0 + b1 / z + b2 / z^2) / (1 + a1 / z + a2 / z^2).</summary>
    /// <exception cref="ArgumentOutOfRangeException">
    /// A coefficient is not finite, or the filter is not stable: |a2| below 1 and |a1| below 1 + a2.
    /// </exception>
    public Biquad(float b0, float b1, float b2, float a1, float a2)
    {
        foreach (float b in (ReadOnlySpan<float>)[b0, b1, b2])
        {
            if (!float.IsFinite(b))
            {
                Errors.OutOfRange("coefficient", b, "finite");
            }
        }

        if (!(MathF.Abs(a2) < 1 && MathF.Abs(a1) < 1 + a2))
        {
            Errors.OutOfRange(nameof(a1), a1, "below 1 + a2 in magnitude, and a2 below 1: the filter would not be stable");
        }

        (B0, B1, B2, A1, A2) = (b0, b1, b2, a1, a2);
    }

    /// <summary>The factor of x_t.</summary>
    public float B0 { get; }

    /// <summary>The factor of x_(t-1).</summary>
    public float B1 { get; }

    /// <summary>The factor of x_(t-2).</summary>
    public float B2 { get; }

    /// <summary>The factor of -y_(t-1).</summary>
    public float A1 { get; }

    /// <summary>The factor of -y_(t-2).</summary>
    public float A2 { get; }

    /// <inheritdoc/>
    public override string Kind => "biquad";

    /// <inheritdoc/>
    public override string Settings => string.Create(CultureInfo.InvariantCulture, $"{B0:R} {B1:R} {B2:R} {A1:R} {A2:R}{CarryText}");

    /// <summary>x_(t-1), x_(t-2), y_(t-1), y_(t-2).</summary>
    internal override int Memory => 4;

    /// <inheritdoc/>
    public override long MultiplyAdds => 5L * RowCount * Length;

    /// <inheritdoc/>
    protected override Passes Passes => Passes.Of<Biquad>();

    static void IPasses<Biquad>.Forward<T, K>(Biquad op, in OpContext<T> c)
    {
        (T b0, T b1, T b2, T a1, T a2) = op.Coefficients<T>();
        for (int b = 0; b < c.Batch; b++)
        {
            int missing = op.Missing(in c, b);
            Matrix<T> x = op.RowsOf(c.InputRows(0), b), y = op.RowsOf(c.OutputRows, b);
            for (int row = 0; row < x.Rows; row++)
            {
                Span<T> from = x.Row(row), to = y.Row(row), past = op.Past(in c, b, row);
                to[..missing].Clear();
                (T x1, T x2, T y1, T y2) = past.IsEmpty ? default : (past[0], past[1], past[2], past[3]);
                for (int t = missing; t < from.Length; t++)
                {
                    T s = b0 * from[t];
                    s = ScalarMath.MultiplyAdd(c.Arithmetic, b1, x1, s);
                    s = ScalarMath.MultiplyAdd(c.Arithmetic, b2, x2, s);
                    s = ScalarMath.MultiplyAdd(c.Arithmetic, -a1, y1, s);
                    s = ScalarMath.MultiplyAdd(c.Arithmetic, -a2, y2, s);
                    (x1, x2, y1, y2) = (from[t], x1, s, y1);
                    to[t] = s;
                }

                if (op.Carry)
                {
                    (past[0], past[1], past[2], past[3]) = (x1, x2, y1, y2);
                }
            }
        }
    }

    // The same filter, time downwards: g_t = M(-a2, g_(t+2), M(-a1, g_(t+1), dy_t)); dx_t = dx_t + M(b2, g_(t+2), M(b1, g_(t+1), b0 g_t)).
    static void IPasses<Biquad>.Backward<T, K>(Biquad op, in OpContext<T> c)
    {
        if (!BeginsGradient(in c))
        {
            return;
        }

        (T b0, T b1, T b2, T a1, T a2) = op.Coefficients<T>();
        for (int b = 0; b < c.Batch; b++)
        {
            Matrix<T> dy = op.RowsOf(c.OutputGradientRows, b), dx = op.RowsOf(c.InputGradientRows(0), b);
            for (int row = 0; row < dy.Rows; row++)
            {
                Span<T> from = dy.Row(row), to = dx.Row(row);
                T g1 = T.Zero, g2 = T.Zero;
                for (int t = from.Length - 1; t >= 0; t--)
                {
                    T g = ScalarMath.MultiplyAdd(c.Arithmetic, -a2, g2, ScalarMath.MultiplyAdd(c.Arithmetic, -a1, g1, from[t]));
                    to[t] += ScalarMath.MultiplyAdd(c.Arithmetic, b2, g2, ScalarMath.MultiplyAdd(c.Arithmetic, b1, g1, b0 * g));
                    (g1, g2) = (g, g1);
                }
            }
        }
    }

    private (T B0, T B1, T B2, T A1, T A2) Coefficients<T>() where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        (T.CreateTruncating(B0), T.CreateTruncating(B1), T.CreateTruncating(B2), T.CreateTruncating(A1), T.CreateTruncating(A2));
}
