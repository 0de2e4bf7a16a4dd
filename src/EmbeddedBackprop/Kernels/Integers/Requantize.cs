using EmbeddedBackprop.Kernels.Scalar;

namespace EmbeddedBackprop.Kernels.Integers;

/// <summary>
/// Sums of a layer to the integers of its output: y = min(max(R(sum + bias; m, s), lowest), highest), R as in <see cref="Rounding"/>.
/// </summary>
/// <remarks>
/// Values are centred (without zero point) and held in floats. A sum in a float is an integer below 2^24 in magnitude, and so are lowest and highest:
/// conversions are exact. sum + bias must fit into 32 bits. y may be the memory of the sums.
/// </remarks>
internal static class Requantize
{
    /// <summary>y[r, j] from sums[r, j]: bias, multiplier and shift are those of the column (a dense layer's output).</summary>
    public static void Columns(
        in Matrix<float> sums, ReadOnlySpan<int> bias, ReadOnlySpan<int> m, ReadOnlySpan<int> shift, int lowest, int highest, in Matrix<float> y) =>
        RunColumns(in sums, bias, m, shift, lowest, highest, in y);

    /// <summary>The same from sums that are 32-bit integers.</summary>
    public static void Columns(
        in Matrix<int> sums, ReadOnlySpan<int> bias, ReadOnlySpan<int> m, ReadOnlySpan<int> shift, int lowest, int highest, in Matrix<float> y) =>
        RunColumns(in sums, bias, m, shift, lowest, highest, in y);

    /// <summary>y[i] from sums[i] with one bias and one multiplier: the positions of a convolution's output channel.</summary>
    public static void Run(ReadOnlySpan<float> sums, int bias, Multiplier factor, int lowest, int highest, Span<float> y) =>
        RunOne(sums, bias, factor, lowest, highest, y);

    /// <summary>The same from sums that are 32-bit integers.</summary>
    public static void Run(ReadOnlySpan<int> sums, int bias, Multiplier factor, int lowest, int highest, Span<float> y) =>
        RunOne(sums, bias, factor, lowest, highest, y);

    /// <summary>total[i] += factor * part[i]: the sums of a block of inputs, or of one byte of 16-bit values.</summary>
    public static void AddTo(ReadOnlySpan<float> part, int factor, Span<int> total)
    {
        Require.Equal("Requantize.AddTo", nameof(total), part.Length, total.Length);
        if (!part.IsEmpty)
        {
            IntegerDispatch.RunWithin<AddKernel, AddArguments>(part.Length, new AddArguments { Part = part, Factor = factor, Total = total });
        }
    }

    private static void RunColumns<TSum>(
        in Matrix<TSum> sums, ReadOnlySpan<int> bias, ReadOnlySpan<int> m, ReadOnlySpan<int> shift, int lowest, int highest, in Matrix<float> y)
        where TSum : unmanaged
    {
        int rows = sums.Rows, columns = sums.Columns;
        Require.Matrix("Requantize.Columns", nameof(sums), rows, columns, sums.Stride, sums.Values.Length);
        Require.Matrix("Requantize.Columns", nameof(y), rows, columns, y.Stride, y.Values.Length);
        Require.AtLeast("Requantize.Columns", nameof(bias), columns, bias.Length);
        Require.AtLeast("Requantize.Columns", nameof(m), columns, m.Length);
        Require.AtLeast("Requantize.Columns", nameof(shift), columns, shift.Length);
        if (rows > 0 && columns > 0)
        {
            RequantizeColumnsArguments<TSum> arguments = new()
            {
                Sums = sums.Values, SumStride = sums.Stride, Rows = rows, Columns = columns, Bias = bias, M = m, Shift = shift, Lowest = lowest,
                Highest = highest, Y = y.Values, Stride = y.Stride,
            };
            IntegerDispatch.RunWithin<RequantizeColumns<TSum>, RequantizeColumnsArguments<TSum>>(columns, in arguments);
        }
    }

    private static void RunOne<TSum>(ReadOnlySpan<TSum> sums, int bias, Multiplier factor, int lowest, int highest, Span<float> y)
        where TSum : unmanaged
    {
        Require.Equal("Requantize.Run", nameof(y), sums.Length, y.Length);
        if (!sums.IsEmpty)
        {
            RequantizeRunArguments<TSum> arguments = new()
            {
                Sums = sums, Bias = bias, Factor = factor, Lowest = lowest, Highest = highest, Y = y,
            };
            IntegerDispatch.RunWithin<RequantizeRun<TSum>, RequantizeRunArguments<TSum>>(sums.Length, in arguments);
        }
    }
}
