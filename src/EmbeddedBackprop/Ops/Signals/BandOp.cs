using System.Numerics;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Signals;

namespace EmbeddedBackprop.Ops;

/// <summary>The common part of ops that make one weighted sum a band of each row of powers or magnitudes.</summary>
public abstract class BandOp : SignalOp
{
    private BandTable? table;

    private protected BandOp(float rate) => Rate = Errors.RequirePositive(nameof(rate), rate);

    /// <summary>Samples a second of the signal, Hz: the last frequency of a row is half of it.</summary>
    public float Rate { get; }

    /// <inheritdoc/>
    public override long MultiplyAdds => (long)RowCount * Table.Weights.Length;

    /// <summary>The bands.</summary>
    internal BandTable Table => table!;

    /// <summary>The bands of rows with so many frequencies.</summary>
    private protected abstract BandTable Make(string name, int frequencies);

    private protected sealed override int OutputLength(string name, int length, Node from)
    {
        if (table?.Columns != length)
        {
            table = Make(name, length);
        }

        return table.Rows;
    }

    /// <summary>y = the sum over each band.</summary>
    private protected void Forward<T, K>(in OpContext<T> c)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where K : struct, IKernels<T>
    {
        for (int b = 0; b < c.Batch; b++)
        {
            K.BandSums(c.Arithmetic, Table, RowCount, c.InputRows(0).Row(b), c.OutputRows.Row(b));
        }
    }

    /// <summary>Each frequency gets the gradients of its bands times their weights.</summary>
    private protected void Backward<T, K>(in OpContext<T> c)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where K : struct, IKernels<T>
    {
        if (!BeginsGradient(in c))
        {
            return;
        }

        for (int b = 0; b < c.Batch; b++)
        {
            K.BandSumsGradient(c.Arithmetic, Table, RowCount, c.OutputGradientRows.Row(b), c.InputGradientRows(0).Row(b));
        }
    }
}
