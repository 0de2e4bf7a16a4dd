using System.Globalization;
using System.Numerics;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels.Signals;

namespace EmbeddedBackprop.Ops;

/// <summary>
/// The Fourier transform of each row: X[k] = sum over t of x[t] e^(-2 pi i k t / n) for k = 0 ... n / 2, n a power of two. A row of the output has
/// the n / 2 + 1 real parts, then as many imaginary ones. A row shorter than n is taken as followed by zeros.
/// </summary>
public sealed class Spectrum : SignalOp, IPasses<Spectrum>
{
    private readonly int asked;
    private FftTables? tables;

    /// <summary>A transform of n samples; 0, the default, takes the least power of two that holds a row.</summary>
    /// <exception cref="ArgumentOutOfRangeException">n is no power of two from 4 to 8192.</exception>
    public Spectrum(int n = 0)
    {
        if (n != 0 && !FftTables.IsLength(n))
        {
            Errors.OutOfRange(nameof(n), n, $"a power of two from 4 to {FftTables.LongestLength}");
        }

        asked = n;
    }

    /// <summary>n; 0 before the op is applied if it follows from the input.</summary>
    public int TransformLength => tables?.Length ?? asked;

    /// <inheritdoc/>
    public override string Kind => "rfft";

    /// <inheritdoc/>
    public override string Settings => asked == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $"n{asked}");

    /// <inheritdoc/>
    public override long MultiplyAdds => RowCount * Tables.MultiplyAdds;

    /// <summary>The constants of the transform.</summary>
    internal FftTables Tables => tables!;

    private protected override int OutputLength(string name, int length, Node from)
    {
        long n = asked != 0 ? asked : Math.Max(4, (long)BitOperations.RoundUpToPowerOf2((uint)length));
        if (length > n || n > FftTables.LongestLength)
        {
            OpErrors.TransformTooShort(name, length, (int)Math.Min(n, FftTables.LongestLength), from.Name);
        }

        if (tables?.Length != n)
        {
            tables = new FftTables((int)n);
        }

        return (int)n + 2;
    }

    /// <summary>The exported C keeps the complex values of one row; the engine has them on its stack.</summary>
    public override int ExportScratchLength(Layout layout) => tables!.Length;

    internal override int ExportTrainingScratchLength(int batch, bool backward) => backward ? 0 : tables!.Length;

    /// <inheritdoc/>
    protected override Passes Passes => Passes.Of<Spectrum>();

    static void IPasses<Spectrum>.Forward<T, K>(Spectrum op, in OpContext<T> c)
    {
        for (int b = 0; b < c.Batch; b++)
        {
            K.Spectra(c.Arithmetic, op.Tables, op.RowCount, c.InputRows(0).Row(b), op.Length, c.OutputRows.Row(b));
        }
    }

    static void IPasses<Spectrum>.Backward<T, K>(Spectrum op, in OpContext<T> c)
    {
        for (int b = 0; b < c.Batch && c.WantsInputGradient(0); b++)
        {
            K.SpectraGradient(
                c.Arithmetic, op.Tables, op.RowCount, c.OutputGradientRows.Row(b), op.Length, c.InputGradientRows(0).Row(b),
                c.ContinueInputGradient(0));
        }
    }
}
