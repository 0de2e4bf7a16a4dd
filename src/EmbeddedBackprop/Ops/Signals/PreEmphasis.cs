using System.Globalization;
using System.Numerics;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Scalar;

namespace EmbeddedBackprop.Ops;

/// <summary>
/// Raises high frequencies: y[t] = M(-a, x[t-1], x[t]), y[0] = x[0], along the last axis. The sample before the first one is taken as 0.
/// </summary>
public sealed class PreEmphasis : SignalFilter, IPasses<PreEmphasis>
{
    /// <summary>The filter with the factor a, 0.97 or 0.95 for speech.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The factor is not finite.</exception>
    public PreEmphasis(float factor = 0.97f)
    {
        if (!float.IsFinite(factor))
        {
            Errors.OutOfRange(nameof(factor), factor, "finite");
        }

        Factor = factor;
    }

    /// <summary>a.</summary>
    public float Factor { get; }

    /// <inheritdoc/>
    public override string Kind => "preemphasis";

    /// <inheritdoc/>
    public override string Settings => Factor.ToString("R", CultureInfo.InvariantCulture) + CarryText;

    /// <summary>x[t-1].</summary>
    internal override int Memory => 1;

    /// <inheritdoc/>
    protected override Passes Passes => Passes.Of<PreEmphasis>();

    static void IPasses<PreEmphasis>.Forward<T, K>(PreEmphasis op, in OpContext<T> c)
    {
        T factor = T.CreateTruncating(-op.Factor);
        for (int b = 0; b < c.Batch; b++)
        {
            int missing = op.Missing(in c, b);
            Matrix<T> from = op.RowsOf(c.InputRows(0), b), to = op.RowsOf(c.OutputRows, b);
            for (int row = 0; row < from.Rows; row++)
            {
                Span<T> x = from.Row(row)[missing..], y = to.Row(row)[missing..], past = op.Past(in c, b, row);
                to.Row(row)[..missing].Clear();
                if (x.IsEmpty)
                {
                    continue;
                }

                x.CopyTo(y);
                K.MultiplyAdd(c.Arithmetic, factor, x[..^1], y[1..]);
                if (op.Carry)
                {
                    y[0] = ScalarMath.MultiplyAdd(c.Arithmetic, factor, past[0], x[0]);
                    past[0] = x[^1];
                }
            }
        }
    }

    // dx[t] = dx[t] + dy[t] for all t, then M(-a, dy[t+1], dx[t]).
    static void IPasses<PreEmphasis>.Backward<T, K>(PreEmphasis op, in OpContext<T> c)
    {
        if (!c.WantsInputGradient(0))
        {
            return;
        }

        T factor = T.CreateTruncating(-op.Factor);
        Gradients.PassOn<T, K>(c.OutputGradient, c.InputGradient(0), c.ContinueInputGradient(0));
        for (int i = 0; i < c.Batch * op.RowCount; i++)
        {
            K.MultiplyAdd(c.Arithmetic, factor, op.Row(c.OutputGradientRows, i)[1..], op.Row(c.InputGradientRows(0), i)[..^1]);
        }
    }

    private Span<T> Row<T>(in Matrix<T> values, int row) where T : unmanaged => RowsOf(in values, row / RowCount).Row(row % RowCount);
}
