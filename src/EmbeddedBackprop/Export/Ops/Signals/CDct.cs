using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Export.Ops.Signals;

/// <summary>The cosine transform in C: a product with a constant matrix.</summary>
internal sealed class CDct : COp
{
    private const string Text = """
        /* y[j] = the sum over k of x[k] w[k][j], in each row of n */
        static void ebp_rows_times(size_t rows, size_t n, size_t outputs, const float *w, const float *x, float *y)
        {
            size_t r;
            size_t j;
            size_t k;
            for (r = 0u; r < rows; r++) {
                for (j = 0u; j < outputs; j++) {
                    float s = 0.0f;
                    for (k = 0u; k < n; k++) {
                        s = EBP_M(x[k], w[(k * outputs) + j], s);
                    }
                    y[j] = s;
                }
                x = &x[n];
                y = &y[outputs];
            }
        }

        """;

    private const string DotText = """
        /* y = the sum of x w in 16 parts, for each row of n */
        static void ebp_rows_dot(size_t rows, size_t n, const float *w, const float *x, float *y)
        {
            size_t r;
            for (r = 0u; r < rows; r++) {
                y[r] = ebp_dot(n, x + (r * n), w);
            }
        }

        """;

    public override CConstant[] Constants(Op op) =>
        [new("cosines", "the factors of the cosine transform [element][coefficient]", ((Dct)op).Weights.ToArray())];

    public override void Write(CStep step, CProgram program)
    {
        Dct op = (Dct)step.Step.Op;
        Shape shape = step.InputShape(0);
        int n = shape[shape.Rank - 1], rows = shape.Length / n;
        program.Comment($"{step.Name}: a^{step.Number}[{rows}][{op.Count}] = the first {op.Count} coefficients of the cosine transform");
        if (op.Count == 1)
        {
            // One output is a long sum in 16 parts, as everywhere.
            CReduce.Dot(program, CWeightLoad.Float);
        }

        string times = op.Count == 1
            ? program.Routine("rows_dot", CFunctions.None, DotText)
            : program.Routine("rows_times", CFunctions.MultiplyAdd, Text);
        string outputs = op.Count == 1 ? "" : CText.Size(op.Count) + ", ";
        program.Statement(
            $"{times}({CText.Size(rows)}, {CText.Size(n)}, {outputs}{step.Tables[0].Name}, {step.Inputs[0]}, {step.Output});");
    }
}
