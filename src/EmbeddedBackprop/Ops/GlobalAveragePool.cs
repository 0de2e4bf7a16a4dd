using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Ops;

/// <summary>
/// The mean of every channel. It is one long sum, so it has 16 parts: position p goes to part p mod 16, the parts are joined by
/// <see cref="Reduce.Fold"/>, and the
/// sum is divided by the number of positions. Each position gets the gradient divided by that number. Source: Lin, Chen and Yan 2014.
/// </summary>
public sealed class GlobalAveragePool : GlobalPooling, IPasses<GlobalAveragePool>
{
    /// <inheritdoc/>
    public override string Kind => "global-avgpool";

    /// <inheritdoc/>
    public override BackwardReads BackwardReads => BackwardReads.Nothing;

    /// <inheritdoc/>
    internal override Op? Quantized(in QuantizeContext c) =>
        Integer.IntegerActivation.Ends(c.Activation) ? new Integer.IntegerGlobalMean(this, c.Bits, c.Activation, c.Tied) : null;

    /// <inheritdoc/>
    protected override Passes Passes => Passes.Of<GlobalAveragePool>();

    static void IPasses<GlobalAveragePool>.Forward<T, K>(GlobalAveragePool op, in OpContext<T> c)
    {
        for (int b = 0; b < c.Batch; b++)
        {
            Matrix<T> x = new(c.InputRows(0).Row(b), op.Channels, op.Positions, op.Positions);
            Span<T> y = c.OutputRows.Row(b);
            K.SumRows(x, y);
            K.Divide(y, T.CreateChecked(op.Positions), y);
        }
    }

    static void IPasses<GlobalAveragePool>.Backward<T, K>(GlobalAveragePool op, in OpContext<T> c)
    {
        for (int b = 0; b < c.Batch && c.WantsInputGradient(0); b++)
        {
            for (int channel = 0; channel < op.Channels; channel++)
            {
                T d = c.OutputGradient[(b * c.OutputStride) + channel] / T.CreateChecked(op.Positions);
                Span<T> dx = op.Channel(in c, c.InputGradient(0), b, channel);
                if (c.ContinueInputGradient(0))
                {
                    K.Add(dx, d, dx);
                }
                else
                {
                    dx.Fill(d);
                }
            }
        }
    }
}
