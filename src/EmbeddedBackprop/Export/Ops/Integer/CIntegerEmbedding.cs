using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Ops.Integer;

namespace EmbeddedBackprop.Export.Ops.Integer;

/// <summary>
/// Rows of a table of integers by index, in C. Where the engine refuses an index without a row, the C gives the zero point: it never reads outside
/// the table.
/// </summary>
internal sealed class CIntegerEmbedding : COp
{
    public override bool TakesIntegers => true;

    public override CTable[] MakeTables(CTableSource source)
    {
        IntegerEmbedding op = (IntegerEmbedding)source.Op;
        IntegerType type = source.OutputType;
        int[] rows = Array.ConvertAll(source.Parameter(0).ToArray(), weight => type.Nearest(weight));
        CElement element = type.Bits == 8 ? CElement.Int8 : CElement.Int16;
        return [source.Table("rows", $"[{CText.Number(op.Count)} rows][{CText.Number(op.Size)}]", element, rows)];
    }

    public override void Write(CStep step, CProgram program)
    {
        IntegerEmbedding op = (IntegerEmbedding)step.Step.Op;
        CElement x = step.InputType(0), y = step.OutputType;
        string name = $"rows{x.Suffix}{y.Suffix}";
        string routine = program.Routine(name, CFunctions.None, $$"""
            /* y[t] = row number x[t] of the table; zeros where there is no such row. */
            static void ebp_{{name}}(size_t steps, size_t rows, size_t columns, {{y.Type}} zero, const {{x.Type}} *x, const {{y.Type}} *table, {{y.Type}} *y)
            {
                size_t t;
                size_t j;
                for (t = 0u; t < steps; t++) {
                    if ({{(x == CElement.Float ? "(x[t] >= 0.0f) && (x[t] < (float)rows)" : "x[t] < rows")}}) {
                        (void)memcpy(y, &table[(size_t)x[t] * columns], columns * sizeof *y);
                    } else {
                        for (j = 0u; j < columns; j++) {
                            y[j] = zero;
                        }
                    }
                    y = &y[columns];
                }
            }

            """);
        program.Comment($"{step.Name}: a^{step.Number}[{step.InputLength}][{op.Size}], row x_t of the table for each of {step.InputLength} indices");
        program.Statement(
            $"{routine}({CText.Size(step.InputLength)}, {CText.Size(op.Count)}, {CText.Size(op.Size)}, {CText.Number(step.Source!.OutputType.ZeroPoint)}, "
            + $"{step.Inputs[0]}, {step.Tables[0].Name}, {step.Output});");
    }
}
