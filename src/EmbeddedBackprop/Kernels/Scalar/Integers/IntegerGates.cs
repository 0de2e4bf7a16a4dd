using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Kernels.Scalar;

/// <summary>
/// The gates of recurrent layers in integers: the definition. Weighted inputs are in Q11, results in Q15; all sums fit into 32 bits.
/// </summary>
internal static class IntegerGates
{
    /// <summary>Entries of the table of the sigmoid: at 0, 1/16 ... 16.</summary>
    public const int TableLength = 257;

    /// <summary>1 in Q15: what the sigmoid of a large input reaches.</summary>
    public const int One = 1 << 15;

    // One table for all layers, made by the engine's own function in fused arithmetic.
    private static readonly int[] Entries = MakeTable();

    /// <summary>T[i] = round(32768 sigmoid(i / 16)), half up.</summary>
    public static ReadOnlySpan<int> Table => Entries;

    /// <summary>S(v): the sigmoid, 0 to 32768; between two entries a straight line, beyond 16 the last one.</summary>
    public static int Sigmoid(int v)
    {
        int u = Math.Min(Math.Abs(v), short.MaxValue), i = u >> 7;
        int y = Entries[i] + ((((Entries[i + 1] - Entries[i]) * (u & 127)) + 64) >> 7);
        return v < 0 ? One - y : y;
    }

    /// <summary>2 S(2 v) - 32768, within -32767 to 32767.</summary>
    public static int Tanh(int v) => Math.Clamp((2 * Sigmoid(2 * v)) - One, -short.MaxValue, short.MaxValue);

    /// <summary>A gate: the sigmoid in 16 bits.</summary>
    public static int Gate(int v) => Math.Min(Sigmoid(v), short.MaxValue);

    /// <summary>h of a gated recurrent unit: n = tanh(p_n + r q_n), h = n + z (h' - n).</summary>
    /// <param name="reset">p + q of the reset gate r.</param>
    /// <param name="update">p + q of the update gate z.</param>
    /// <param name="input">p of the new gate.</param>
    /// <param name="recurrent">q of the new gate.</param>
    /// <param name="h">h' of the step before.</param>
    public static int Gru(int reset, int update, int input, int recurrent, int h)
    {
        int n = New(Gate(reset), input, recurrent);
        return n + (((Gate(update) * (h - n)) + (One / 2)) >> 15);
    }

    /// <summary>The new gate of a gated recurrent unit: tanh(p + r q).</summary>
    public static int New(int r, int input, int recurrent) => Tanh(input + (((r * recurrent) + (One / 2)) >> 15));

    /// <summary>h and c of a long short-term memory: c = f c' + i g in Q(15 - k), h = o tanh c.</summary>
    /// <param name="input">p + q of the input gate i.</param>
    /// <param name="forget">p + q of the forget gate f.</param>
    /// <param name="cell">p + q of the new cell g.</param>
    /// <param name="output">p + q of the output gate o.</param>
    /// <param name="before">c' of the step before.</param>
    /// <param name="k">Bits of a cell before the point, 0 to 7.</param>
    public static (int Hidden, int Cell) Lstm(int input, int forget, int cell, int output, int before, int k)
    {
        int kept = ((Gate(forget) * before) + (One / 2)) >> 15, added = ((Gate(input) * Tanh(cell)) + (1 << (14 + k))) >> (15 + k);
        int c = Saturate(kept + added);
        return (((Gate(output) * TanhOfCell(c, k)) + (One / 2)) >> 15, c);
    }

    /// <summary>tanh of a cell in Q(15 - k), which is rounded to Q11.</summary>
    public static int TanhOfCell(int c, int k) => Tanh(Saturate(((c << k) + 8) >> 4));

    private static int Saturate(int v) => Math.Clamp(v, short.MinValue, short.MaxValue);

    private static int[] MakeTable()
    {
        int[] table = new int[TableLength];
        for (int i = 0; i < table.Length; i++)
        {
            table[i] = (int)((32768.0 * ScalarMath.Sigmoid<float, Fused>(i / 16f)) + 0.5);
        }

        return table;
    }
}
