using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Export.Ops;

/// <summary>
/// Rows of a table by index, in C. Where the engine refuses an index without a row, the C gives zeros: it never reads outside the table.
/// </summary>
internal sealed class CEmbedding : COp
{
    private static string Text(CWeightLoad load) => $$"""
        /* y[t] = row number x[t] of the table; zeros where there is no such row.{{load.Remark}} */
        static void ebp_embedding{{load.Suffix}}(size_t steps, size_t rows, size_t columns, const float *x, {{load.Parameter("table")}}, float *y)
        {
            size_t t;
        {{(load.Storage == CStorage.Float32 ? "" : "    size_t j;\n")}}    for (t = 0u; t < steps; t++) {
                if (x[t] >= 0.0f && x[t] < (float)rows) {
                    {{Row(load)}}
                } else {
                    (void)memset(y + (t * columns), 0, columns * sizeof *y);
                }
            }
        }

        """;

    private const string BackText = """
        /* Adds every step's gradient to that of its row of the table, one step after the other. */
        static void ebp_embedding_back(size_t steps, size_t rows, size_t columns, const float *x, const float *dy, float *g)
        {
            size_t t;
            size_t j;
            for (t = 0u; t < steps; t++) {
                if (x[t] >= 0.0f && x[t] < (float)rows) {
                    float *row = g + ((size_t)x[t] * columns);
                    for (j = 0u; j < columns; j++) {
                        row[j] = row[j] + dy[j];
                    }
                }
                dy = &dy[columns];
            }
        }

        """;

    public override CScaleAxis? WeightAxis(Op op, int index) => CScaleAxis.Columns(((Embedding)op).Size);

    /// <summary>A row is added to once for every position of the sequence that names it.</summary>
    public override bool CanUpdateAtOnce(Op op) => false;

    public override void Write(CStep step, CProgram program)
    {
        Embedding op = (Embedding)step.Step.Op;
        program.Comment($"{step.Name}: a^{step.Number}[{step.InputLength}][{op.Size}], row x_t of the table for each of {step.InputLength} numbers");
        CWeightLoad load = step.Tables[0].Load;
        string look = program.Routine("embedding" + load.Suffix, load.Functions, Text(load));
        program.Statement(
            $"{look}({CText.Size(step.InputLength)}, {CText.Size(op.Count)}, {CText.Size(op.Size)}, {step.Inputs[0]}, {step.Tables[0].Argument}, {step.Output});"
        );
    }

    /// <summary>The statement for one row, with the variable j for all but copied rows.</summary>
    private static string Row(CWeightLoad load) => load.Storage == CStorage.Float32
        ? "(void)memcpy(y + (t * columns), table + ((size_t)x[t] * columns), columns * sizeof *y);"
        : "for (j = 0u; j < columns; j++) {\n                "
            + $"y[(t * columns) + j] = {load.Weight("table[((size_t)x[t] * columns) + j]", "table_scale[j]")};\n            }}";

    public override void WriteBackward(CBackwardStep step, CProgram program)
    {
        if (step.Tensors[0]?.Gradient is not { } gradient)
        {
            return;
        }

        Embedding op = (Embedding)step.Step.Op;
        int steps = step.Forward.InputLength;
        program.Comment($"{step.Name}, backwards: the gradient of row x_t of the table goes on by dy_t");
        string back = program.Routine("embedding_back", CFunctions.None, BackText);
        program.Statement(
            $"{back}({CText.Size(steps)}, {CText.Size(op.Count)}, {CText.Size(op.Size)}, {step.Forward.Inputs[0]}, {step.OutputGradient}, {gradient});"
        );
    }
}
