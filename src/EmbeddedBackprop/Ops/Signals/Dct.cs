using System.Globalization;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Signals;

namespace EmbeddedBackprop.Ops;

/// <summary>
/// The discrete cosine transform DCT-II of each row, its first coefficients: y[j] = c_j sum over k of x[k] cos(pi (2k + 1) j / (2n)), with c_0 =
/// sqrt(1 / n) and c_j = sqrt(2 / n), so that the whole transform keeps lengths. Of logarithms of mel bands it gives the cepstrum (MFCC).
/// </summary>
public sealed class Dct : SignalOp, IPasses<Dct>
{
    private ConstantRow weights = new([]);

    /// <summary>The first <paramref name="count"/> coefficients.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The number is not positive.</exception>
    public Dct(int count) => Count = Errors.RequirePositive(nameof(count), count);

    /// <summary>Coefficients of a row.</summary>
    public int Count { get; }

    /// <inheritdoc/>
    public override string Kind => "dct";

    /// <inheritdoc/>
    public override string Settings => Count.ToString(CultureInfo.InvariantCulture);

    /// <inheritdoc/>
    public override long MultiplyAdds => (long)RowCount * Length * Count;

    /// <summary>The factors, [k][j].</summary>
    internal ReadOnlySpan<float> Weights => weights.Of<float>();

    private protected override int OutputLength(string name, int length, Node from)
    {
        if (Count > length)
        {
            OpErrors.TooManyCoefficients(name, Count, length, from.Name);
        }

        float[] table = new float[length * Count];
        for (int k = 0; k < length; k++)
        {
            for (int j = 0; j < Count; j++)
            {
                table[(k * Count) + j] = (float)(Math.Sqrt((j == 0 ? 1.0 : 2.0) / length) * Cosine((2L * k) + 1, j, length));
            }
        }

        weights = new ConstantRow(table);
        return Count;
    }

    /// <summary>cos(pi a j / (2n)): the angle is reduced in integers.</summary>
    private static double Cosine(long a, int j, int n) => UnitRoots.At((int)(a * j % (4L * n)), 4 * n).Cosine;

    /// <inheritdoc/>
    protected override Passes Passes => Passes.Of<Dct>();

    static void IPasses<Dct>.Forward<T, K>(Dct op, in OpContext<T> c)
    {
        for (int b = 0; b < c.Batch; b++)
        {
            K.Affine(c.Arithmetic, op.RowsOf(c.InputRows(0), b), op.Factors<T>(), [], op.RowsOf(c.OutputRows, b));
        }
    }

    static void IPasses<Dct>.Backward<T, K>(Dct op, in OpContext<T> c)
    {
        for (int b = 0; b < c.Batch && c.WantsInputGradient(0); b++)
        {
            K.NT(
                c.Arithmetic, op.RowsOf(c.OutputGradientRows, b), op.Factors<T>(), op.RowsOf(c.InputGradientRows(0), b), c.ContinueInputGradient(0));
        }
    }

    private Matrix<T> Factors<T>() where T : unmanaged, System.Numerics.IBinaryFloatingPointIeee754<T> => new(weights.Of<T>(), Length, Count, Count);
}
