using System.Numerics;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Elements;

namespace EmbeddedBackprop.Ops;

/// <summary>
/// The common part of ops that make one real number of a complex one: a row of real parts, then imaginary parts, to a row of results.
/// </summary>
public abstract class SpectrumSize : SignalOp
{
    private protected SpectrumSize()
    {
    }

    /// <inheritdoc/>
    public override BackwardReads BackwardReads => BackwardReads.Inputs;

    private protected override int OutputLength(string name, int length, Node from)
    {
        if (length % 2 != 0)
        {
            OpErrors.NotASpectrum(name, length, from.Name);
        }

        return length / 2;
    }

    /// <summary>y = f(re, im), for every row.</summary>
    private protected void Forward<T, K, TFormula>(in OpContext<T> c)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where K : struct, IKernels<T>
        where TFormula : struct, IElementFormula
    {
        int n = Length / 2;
        for (int b = 0; b < c.Batch; b++)
        {
            Matrix<T> x = RowsOf(c.InputRows(0), b), y = RowsOf(c.OutputRows, b);
            for (int row = 0; row < x.Rows; row++)
            {
                K.Apply<TFormula>(c.Arithmetic, x.Row(row)[..n], x.Row(row)[n..], y.Row(row));
            }
        }
    }

    /// <summary>
    /// dre = f'(re, im) dy and dim = f'(im, re) dy: the formula gets its own part as x, the other one as y and dy as d. Both parts are symmetric.
    /// </summary>
    private protected void Backward<T, K, TDerivative>(in OpContext<T> c)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where K : struct, IKernels<T>
        where TDerivative : struct, IElementFormula
    {
        if (!c.WantsInputGradient(0))
        {
            return;
        }

        int n = Length / 2;
        Span<T> part = c.Scratch[..n];
        for (int b = 0; b < c.Batch; b++)
        {
            Matrix<T> x = RowsOf(c.InputRows(0), b), dx = RowsOf(c.InputGradientRows(0), b), dy = RowsOf(c.OutputGradientRows, b);
            for (int row = 0; row < x.Rows; row++)
            {
                Span<T> re = x.Row(row)[..n], im = x.Row(row)[n..];
                dy.Row(row).CopyTo(part);
                K.Apply<TDerivative>(c.Arithmetic, re, im, part);
                Gradients.PassOn<T, K>(part, dx.Row(row)[..n], c.ContinueInputGradient(0));
                dy.Row(row).CopyTo(part);
                K.Apply<TDerivative>(c.Arithmetic, im, re, part);
                Gradients.PassOn<T, K>(part, dx.Row(row)[n..], c.ContinueInputGradient(0));
            }
        }
    }

    /// <inheritdoc/>
    public override int BackwardScratchLength(int batch, Layout layout) => Length / 2;
}
