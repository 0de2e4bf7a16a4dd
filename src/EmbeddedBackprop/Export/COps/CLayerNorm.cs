using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Export.COps;

/// <summary>Layer normalisation in C: Forward of Kernels/Scalar/RowNorm.cs.</summary>
internal sealed class CLayerNorm : COp
{
    private const string Text = """
        /* y = gamma * ((x - mean) / sqrt(variance + epsilon)) + beta for every row; y may be x. */
        static void ebp_layer_norm(size_t rows, size_t n, const float *x, const float *gamma, const float *beta, float epsilon, float *y)
        {
            float s[16];
            size_t r;
            size_t i;
            for (r = 0u; r < rows; r++) {
                const float mean = ebp_sum_of(n, x) / (float)n;
                float inverse;
                for (i = 0u; i < 16u; i++) {
                    s[i] = 0.0f;
                }
                for (i = 0u; i < n; i++) {
                    const float d = x[i] - mean;
                    s[i % 16u] = EBP_M(d, d, s[i % 16u]);
                }
                inverse = 1.0f / EBP_SQRTF((ebp_fold(s) / (float)n) + epsilon);
                for (i = 0u; i < n; i++) {
                    const float normal = (x[i] - mean) * inverse;
                    y[i] = EBP_M(gamma[i], normal, beta[i]);
                }
                x += n;
                y += n;
            }
        }

        """;

    protected override Type OpType => typeof(LayerNorm);

    public override void Write(CStep step, CProgram program)
    {
        LayerNorm op = (LayerNorm)step.Step.Op;
        Shape shape = step.InputShape(0);
        int columns = op.WholeSample ? shape.Length : shape[shape.Rank - 1], rows = shape.Length / columns;
        program.Comment($"{step.Name}: a^{step.Number}[{rows}][{columns}] = gamma (x - mean) / deviation + beta for each row (Ba, Kiros and Hinton 2016)");
        CReduce.Sum(program);
        string norm = program.Routine("layer_norm", CFunctions.MultiplyAdd | CFunctions.SquareRoot, Text);
        program.Statement(
            $"{norm}({CText.Size(rows)}, {CText.Size(columns)}, {step.Inputs[0]}, {step.Tables[0].Name}, {step.Tables[1].Name}, {CText.Hex(op.Epsilon)}, {step.Output});");
    }
}
