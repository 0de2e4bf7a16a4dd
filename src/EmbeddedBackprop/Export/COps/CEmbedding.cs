using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Export.COps;

/// <summary>Rows of a table by number, in C. Where the engine refuses a number without a row, the C gives zeros: it never reads outside the table.</summary>
internal sealed class CEmbedding : COp
{
    private const string Text = """
        /* y[t] = row number x[t] of the table; zeros where there is no such row. */
        static void ebp_embedding(size_t steps, size_t rows, size_t columns, const float *x, const float *table, float *y)
        {
            size_t t;
            for (t = 0u; t < steps; t++) {
                if (x[t] >= 0.0f && x[t] < (float)rows) {
                    (void)memcpy(y + (t * columns), table + ((size_t)x[t] * columns), columns * sizeof *y);
                } else {
                    (void)memset(y + (t * columns), 0, columns * sizeof *y);
                }
            }
        }

        """;

    protected override Type OpType => typeof(Embedding);

    public override void Write(CStep step, CProgram program)
    {
        Embedding op = (Embedding)step.Step.Op;
        program.Comment($"{step.Name}: a^{step.Number}[{step.InputLength}][{op.Size}], row x_t of the table for each of {step.InputLength} numbers");
        string look = program.Routine("embedding", CFunctions.None, Text);
        program.Statement(
            $"{look}({CText.Size(step.InputLength)}, {CText.Size(op.Count)}, {CText.Size(op.Size)}, {step.Inputs[0]}, {step.Tables[0].Name}, {step.Output});");
    }
}
