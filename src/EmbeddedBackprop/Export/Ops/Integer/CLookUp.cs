using EmbeddedBackprop.Export.Text;

namespace EmbeddedBackprop.Export.Ops.Integer;

/// <summary>Tables of functions on integers in C: Ops/Integer/IntegerActivation.cs.</summary>
internal static class CLookUp
{
    /// <summary>A table of a function: its entries with their zero point, 256 for an index of 8 bits, 257 for one of 16.</summary>
    public static CTable Table(CTableSource source, string name, string function, ReadOnlySpan<int> centred, bool isLine)
    {
        int[] values = centred[..(isLine ? centred.Length : centred.Length - 1)].ToArray();
        for (int i = 0; i < values.Length; i++)
        {
            values[i] += source.OutputType.ZeroPoint;
        }

        CElement element = source.OutputType.Bits == 8 ? CElement.Int8 : CElement.Int16;
        return source.Table(name, $"{function} of an index of {(isLine ? "16" : "8")} bits", element, values);
    }

    /// <summary>Writes the statement that reads a table at every index; y may be x.</summary>
    public static void Write(CProgram program, CElement x, CElement y, int length, string table, string from, string to)
    {
        string name = "look_up" + x.Suffix + y.Suffix;
        string text = x == CElement.Int8 ? Entries(name, y.Type) : Lines(name, y.Type);
        program.Statement($"{program.Routine(name, CFunctions.None, text)}({CText.Size(length)}, {table}, {from}, {to});");
    }

    private static string Entries(string name, string y) => $$"""
        /* y = T[x + 128]; y may be x. */
        static void ebp_{{name}}(size_t n, const {{y}} *table, const int8_t *x, {{y}} *y)
        {
            size_t i;
            for (i = 0u; i < n; i++) {
                const int32_t index = (int32_t)x[i] + 128;
                y[i] = table[(size_t)index];
            }
        }

        """;

    private static string Lines(string name, string y) => $$"""
        /* y = the point of the straight lines between 257 entries: the upper byte of x chooses the line, the lower one the point of it; y may be x. */
        static void ebp_{{name}}(size_t n, const {{y}} *table, const int16_t *x, {{y}} *y)
        {
            size_t i;
            for (i = 0u; i < n; i++) {
                const int32_t index = (int32_t)x[i] + 32768;
                const size_t k = (size_t)index / 256u;
                const int32_t from = table[k];
                y[i] = ({{y}})(from + (((((int32_t)table[k + 1u] - from) * (int32_t)((uint32_t)index % 256u)) + 128) >> 8));
            }
        }

        """;
}
