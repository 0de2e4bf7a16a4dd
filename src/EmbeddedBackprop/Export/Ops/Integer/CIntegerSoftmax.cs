using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Ops.Integer;

namespace EmbeddedBackprop.Export.Ops.Integer;

/// <summary>A softmax of every row of integers in C: Ops/Integer/IntegerSoftmax.cs.</summary>
internal sealed class CIntegerSoftmax : COp
{
    private const string Text = """
        /* Rows of n: y = -128 + round(256 E / S), at most 127, of E = table[the largest x - x] and their sum S; y may be x. */
        static void ebp_softmax_i8(size_t rows, size_t n, const int32_t *table, const int8_t *x, int8_t *y)
        {
            size_t r;
            size_t i;
            for (r = 0u; r < rows; r++) {
                int32_t highest = x[0];
                uint32_t sum = 0u;
                for (i = 1u; i < n; i++) {
                    highest = (x[i] > highest) ? x[i] : highest;
                }
                for (i = 0u; i < n; i++) {
                    sum += (uint32_t)table[highest - x[i]];
                }
                for (i = 0u; i < n; i++) {
                    const uint32_t share = (((uint32_t)512u * (uint32_t)table[highest - x[i]]) + sum) / ((uint32_t)2u * sum);
                    y[i] = (int8_t)((share > 255u) ? 127 : ((int32_t)share - 128));
                }
                x = &x[n];
                y = &y[n];
            }
        }

        """;

    public override bool TakesIntegers => true;

    public override CTable[] MakeTables(CTableSource source)
    {
        int[] table = new int[IntegerSoftmax.TableLength];
        IntegerSoftmax.Fill(source.InputType(0), table);
        return [source.Table("exp", "round(65536 e^(-d scale of the input)) of each distance d", CElement.Int32, table)];
    }

    public override void Write(CStep step, CProgram program)
    {
        int columns = ((IntegerSoftmax)step.Step.Op).Columns, rows = step.OutputLength / columns;
        program.Comment($"{step.Name}: a^{step.Number}[{rows}][{columns}] = softmax of each row");
        string softmax = program.Routine("softmax_i8", CFunctions.None, Text);
        program.Statement($"{softmax}({CText.Size(rows)}, {CText.Size(columns)}, {step.Tables[0].Name}, {step.Inputs[0]}, {step.Output});");
    }
}
