using EmbeddedBackprop.Kernels.Scalar;

namespace EmbeddedBackprop.Kernels.Integers;

/// <summary>
/// Sums of a layer to the integers of its output: y = min(max(R(sum + bias; m, s), lowest), highest), R as in <see cref="Rounding"/>.
/// </summary>
/// <remarks>
/// Values are centred (without zero point) and held in floats; a sum in a float is an integer below 2^24 in magnitude, so conversions are exact.
/// sum + bias must fit into 32 bits. y may be the memory of the sums.
/// </remarks>
internal static class Requantize
{
    /// <summary>y[r, j] from sums[r, j]: bias, multiplier and shift are those of the column (a dense layer's output).</summary>
    public static void Columns(
        in Matrix<float> sums, ReadOnlySpan<int> bias, ReadOnlySpan<int> m, ReadOnlySpan<int> shift, int lowest, int highest, in Matrix<float> y)
    {
        RequireColumns(sums.Columns, bias.Length, m.Length, shift.Length);
        for (int row = 0; row < sums.Rows; row++)
        {
            ReadOnlySpan<float> source = sums.Row(row);
            Span<float> destination = y.Row(row);
            for (int j = 0; j < source.Length; j++)
            {
                destination[j] = Rounding.R((int)source[j] + bias[j], m[j], shift[j], lowest, highest);
            }
        }
    }

    /// <summary>The same from sums that are 32-bit integers.</summary>
    public static void Columns(
        in Matrix<int> sums, ReadOnlySpan<int> bias, ReadOnlySpan<int> m, ReadOnlySpan<int> shift, int lowest, int highest, in Matrix<float> y)
    {
        RequireColumns(sums.Columns, bias.Length, m.Length, shift.Length);
        for (int row = 0; row < sums.Rows; row++)
        {
            ReadOnlySpan<int> source = sums.Row(row);
            Span<float> destination = y.Row(row);
            for (int j = 0; j < source.Length; j++)
            {
                destination[j] = Rounding.R(source[j] + bias[j], m[j], shift[j], lowest, highest);
            }
        }
    }

    /// <summary>y[i] from sums[i] with one bias and one multiplier: the positions of a convolution's output channel.</summary>
    public static void Run(ReadOnlySpan<float> sums, int bias, Multiplier factor, int lowest, int highest, Span<float> y)
    {
        Require.Equal("Requantize.Run", nameof(y), sums.Length, y.Length);
        for (int i = 0; i < sums.Length; i++)
        {
            y[i] = Rounding.R((int)sums[i] + bias, factor.M, factor.Shift, lowest, highest);
        }
    }

    /// <summary>The same from sums that are 32-bit integers.</summary>
    public static void Run(ReadOnlySpan<int> sums, int bias, Multiplier factor, int lowest, int highest, Span<float> y)
    {
        Require.Equal("Requantize.Run", nameof(y), sums.Length, y.Length);
        for (int i = 0; i < sums.Length; i++)
        {
            y[i] = Rounding.R(sums[i] + bias, factor.M, factor.Shift, lowest, highest);
        }
    }

    /// <summary>total[i] += factor * part[i]: the sums of a block of inputs, or of one byte of 16-bit values.</summary>
    public static void AddTo(ReadOnlySpan<float> part, int factor, Span<int> total)
    {
        Require.Equal("Requantize.AddTo", nameof(total), part.Length, total.Length);
        for (int i = 0; i < part.Length; i++)
        {
            total[i] += factor * (int)part[i];
        }
    }

    private static void RequireColumns(int columns, int bias, int m, int shift)
    {
        Require.AtLeast("Requantize.Columns", nameof(bias), columns, bias);
        Require.AtLeast("Requantize.Columns", nameof(m), columns, m);
        Require.AtLeast("Requantize.Columns", nameof(shift), columns, shift);
    }
}
