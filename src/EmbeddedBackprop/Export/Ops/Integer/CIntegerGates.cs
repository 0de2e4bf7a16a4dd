using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Kernels.Scalar;
using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Ops.Integer;

namespace EmbeddedBackprop.Export.Ops.Integer;

/// <summary>
/// The loop body of a recurrent time step on integers in C, for unit j: Kernels/Scalar/Integers/IntegerGates.cs. In the C, p holds the products of
/// the inputs and q those of the hidden state, each with its bias, as [gate][unit]; units is H.
/// </summary>
/// <param name="Name">The name of the routines.</param>
/// <param name="Equations">The equations, for a person.</param>
/// <param name="Body">The statements.</param>
internal sealed record CIntegerGates(string Name, string Equations, string Body)
{
    // A table of 257 entries: all of a sigmoid is symmetric to 1/2, and a tanh is 2 sigmoid(2 v) - 1.
    private const string Curve = """
        /* The sigmoid of |v|, v in steps of 1/2048, in steps of 1/32768: a straight line between two of the 257 entries of the table. */
        static EBP_INLINE int32_t ebp_half_curve(const uint16_t *table, int32_t v)
        {
            const int32_t magnitude = v < 0 ? -v : v;
            const int32_t u = magnitude > 32767 ? 32767 : magnitude;
            const uint16_t *const at = &table[u >> 7];
            const int32_t from = (int32_t)at[0];
            return from + (((((int32_t)at[1] - from) * (u & 127)) + 64) >> 7);
        }

        """;

    private const string Gate = """
        /* The sigmoid of v, at most 32767. */
        static EBP_INLINE int32_t ebp_gate(const uint16_t *table, int32_t v)
        {
            const int32_t y = ebp_half_curve(table, v);
            const int32_t below = y > 32767 ? 32767 : y;
            return v < 0 ? (32768 - y) : below;
        }

        """;

    private const string Tanh = """
        /* The tanh of v = 2 sigmoid(2 v) - 1, within -32767 to 32767. */
        static EBP_INLINE int32_t ebp_tanh_curve(const uint16_t *table, int32_t v)
        {
            const int32_t y = (2 * ebp_half_curve(table, 2 * v)) - 32768;
            const int32_t below = y > 32767 ? 32767 : y;
            return v < 0 ? -below : below;
        }

        """;

    /// <summary>The cell of an op.</summary>
    public static CIntegerGates Of(IntegerRecurrent op) => op.Layer switch
    {
        Gru => new("gru", "r, z = sigmoid(p + q), n = tanh(p_n + r q_n), h = n + z (h - n)", """
            const int32_t r = ebp_gate(table, (int32_t)p[j] + q[j]);
            const int32_t z = ebp_gate(table, (int32_t)p[units + j] + q[units + j]);
            const int32_t n = ebp_tanh_curve(table, (int32_t)p[(2u * units) + j] + (((r * q[(2u * units) + j]) + 16384) >> 15));
            h[j] = (int16_t)(n + (((z * (h[j] - n)) + 16384) >> 15));
            """),
        Lstm => new("lstm", "i, f, o = sigmoid(p + q), g = tanh(p + q), c = f c + i g, h = o tanh c", """
            const int32_t i = ebp_gate(table, (int32_t)p[j] + q[j]);
            const int32_t f = ebp_gate(table, (int32_t)p[units + j] + q[units + j]);
            const int32_t g = ebp_tanh_curve(table, (int32_t)p[(2u * units) + j] + q[(2u * units) + j]);
            const int32_t o = ebp_gate(table, (int32_t)p[(3u * units) + j] + q[(3u * units) + j]);
            const int32_t added = ((i * g) + (step << 14)) >> (15 + r_sizes->cell);
            const int32_t c = ebp_narrow((((f * cell[j]) + 16384) >> 15) + added);
            cell[j] = (int16_t)c;
            h[j] = (int16_t)(((o * ebp_tanh_curve(table, ebp_narrow(((c * step) + 8) >> 4))) + 16384) >> 15);
            """),
        _ when op.IsRelu => new("rnn_relu", "h = max(p + q, 0)", """
            const int32_t sum = (int32_t)p[j] + q[j];
            h[j] = (int16_t)(sum < 0 ? 0 : ebp_narrow(sum));
            """),
        _ => new("rnn_tanh", "h = tanh(p + q)", """
            h[j] = (int16_t)ebp_tanh_curve(table, (int32_t)p[j] + q[j]);
            """),
    };

    /// <summary>Asks for the routines that the body calls.</summary>
    public static void Ask(CProgram program, IntegerRecurrent op)
    {
        CRescale.AskNarrow(program);
        if (!op.IsRelu)
        {
            program.Routine("half_curve", CFunctions.None, Curve);
            program.Routine("tanh_curve", CFunctions.None, Tanh);
        }

        if (op.Layer.Gates > 1)
        {
            program.Routine("gate", CFunctions.None, Gate);
        }
    }

    /// <summary>The table of the sigmoid; none for a layer with ReLU.</summary>
    public static IEnumerable<CTable> Tables(CTableSource source) => ((IntegerRecurrent)source.Op).IsRelu
        ? []
        : [source.Table("sigmoid", "32768 sigmoid(i / 16), of all recurrent layers", CElement.UInt16, IntegerGates.Table.ToArray())];
}
