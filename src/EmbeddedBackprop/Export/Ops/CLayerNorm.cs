using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Export.Ops;

/// <summary>Layer normalisation in C: Kernels/Scalar/Norms/RowNorm.cs.</summary>
internal sealed class CLayerNorm : COp
{
    private const string ScalesText = """
        /* g[i] = sum over the rows of dy * x', on from what stands there. */
        static void ebp_layer_norm_scales(size_t rows, size_t n, const float *x, const float *kept, const float *dy, float *g)
        {
            size_t r;
            size_t i;
            for (r = 0u; r < rows; r++) {
                for (i = 0u; i < n; i++) {
                    const float normal = (x[i] - kept[r]) * kept[rows + r];
                    g[i] = EBP_M(dy[i], normal, g[i]);
                }
                x = &x[n];
                dy = &dy[n];
            }
        }

        """;

    private const string ColumnSumsText = """
        /* g[i] = sum of dy[i] over the rows, on from what stands there. */
        static void ebp_column_sums(size_t rows, size_t n, const float *dy, float *g)
        {
            size_t r;
            size_t i;
            for (r = 0u; r < rows; r++) {
                for (i = 0u; i < n; i++) {
                    g[i] = g[i] + *dy++;
                }
            }
        }

        """;

    /// <summary>The sums over the rows grow together while the rows' gradients overwrite delta.</summary>
    public override bool CanUpdateAtOnce(Op op) => false;

    public override void Write(CStep step, CProgram program)
    {
        LayerNorm op = (LayerNorm)step.Step.Op;
        (int rows, int columns) = Sizes(op, step.InputShape(0));
        program.Comment(
            $"{step.Name}: a^{step.Number}[{rows}][{columns}] = gamma (x - mean) / deviation + beta for each row (Ba, Kiros and Hinton 2016)");
        CReduce.Sum(program);
        (string suffix, string parameter, string keep, string argument) = step.Saved is { } saved
            ? ("_keep", ", float *kept", "\n        kept[r] = mean;\n        kept[rows + r] = inverse;", ", " + saved)
            : ("", "", "", "");
        string norm = program.Routine(
            "layer_norm" + suffix,
            CFunctions.MultiplyAdd | CFunctions.SquareRoot,
            $$"""
            /* y = gamma * ((x - mean) / sqrt(variance + epsilon)) + beta for every row; y may be x.{{(
                suffix.Length > 0 ? " What every row was measured by is kept." : ""
            )}} */
            static void ebp_layer_norm{{suffix}}(size_t rows, size_t n, const float *x, const float *gamma, const float *beta, float epsilon, float *y{{parameter}})
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
                    inverse = 1.0f / EBP_SQRTF((ebp_fold(s) / (float)n) + epsilon);{{keep}}
                    for (i = 0u; i < n; i++) {
                        const float normal = (x[i] - mean) * inverse;
                        y[i] = EBP_M(gamma[i], normal, beta[i]);
                    }
                    x = &x[n];
                    y = &y[n];
                }
            }

            """);
        program.Statement(
            $"{norm}({CText.Size(rows)}, {CText.Size(columns)}, {step.Inputs[0]}, {step.Tables[0].Name}, {step.Tables[1].Name}, {CText.Hex(op.Epsilon)}, {step.Output}{argument});"
        );
    }

    public override void WriteBackward(CBackwardStep step, CProgram program)
    {
        CStep forward = step.Forward;
        LayerNorm op = (LayerNorm)step.Step.Op;
        (int rows, int columns) = Sizes(op, forward.InputShape(0));
        string n = CText.Size(columns), x = forward.Inputs[0], kept = forward.Saved!, dy = step.OutputGradient;
        program.Comment($"{step.Name}, backwards: x' = (x - mean) / deviation; dgamma = sum of dy x', dbeta = sum of dy over the rows");
        if (step.Tensors[0] is { } gamma)
        {
            string scales = program.Routine("layer_norm_scales", CFunctions.MultiplyAdd, ScalesText);
            program.Statement($"{scales}({CText.Size(rows)}, {n}, {x}, {kept}, {dy}, {gamma.Gradient});");
        }

        if (step.Tensors[1] is { } beta)
        {
            string shifts = program.Routine("column_sums", CFunctions.None, ColumnSumsText);
            program.Statement($"{shifts}({CText.Size(rows)}, {n}, {dy}, {beta.Gradient});");
        }

        if (step.InputGradients[0] is { } dx)
        {
            WriteInput(step, program, rows, columns, dx);
        }
    }

    private static void WriteInput(CBackwardStep step, CProgram program, int rows, int columns, string dx)
    {
        CStep forward = step.Forward;
        bool adds = step.ContinueInputGradients[0];
        string suffix = adds ? "_add" : "";
        CReduce.Fold(program);
        program.Comment("dx = (gamma dy - mean of gamma dy - x' mean of (gamma dy x')) / deviation, the means over the row");
        string back = program.Routine("layer_norm_backward" + suffix, CFunctions.MultiplyAdd, $$"""
            /* dx {{(adds ? "+" : "")}}= (1 / deviation) * (g - mean of g - x' * mean of g x') for every row, g = gamma dy; dx may be dy. */
            static void ebp_layer_norm_backward{{suffix}}(size_t rows, size_t n, const float *x, const float *kept, const float *gamma, const float *dy, float *dx)
            {
                float s[16];
                float t[16];
                size_t r;
                size_t i;
                for (r = 0u; r < rows; r++) {
                    const float mean = kept[r];
                    const float inverse = kept[rows + r];
                    float sum;
                    float product;
                    for (i = 0u; i < 16u; i++) {
                        s[i] = 0.0f;
                        t[i] = 0.0f;
                    }
                    for (i = 0u; i < n; i++) {
                        const float normal = (x[i] - mean) * inverse;
                        const float g = dy[i] * gamma[i];
                        s[i % 16u] = s[i % 16u] + g;
                        t[i % 16u] = EBP_M(g, normal, t[i % 16u]);
                    }
                    sum = ebp_fold(s) / (float)n;
                    product = ebp_fold(t) / (float)n;
                    for (i = 0u; i < n; i++) {
                        const float normal = (x[i] - mean) * inverse;
                        const float g = dy[i] * gamma[i];
                        const float back = inverse * EBP_M(-normal, product, g - sum);
                        dx[i] = {{(adds ? "dx[i] + back" : "back")}};
                    }
                    x = &x[n];
                    dy = &dy[n];
                    dx = &dx[n];
                }
            }

            """);
        program.Statement(
            $"{back}({CText.Size(rows)}, {CText.Size(columns)}, {forward.Inputs[0]}, {forward.Saved}, {forward.Tables[0].Name}, {step.OutputGradient}, {dx});"
        );
    }

    private static (int Rows, int Columns) Sizes(LayerNorm op, Shape shape)
    {
        int columns = op.WholeSample ? shape.Length : shape[shape.Rank - 1];
        return (shape.Length / columns, columns);
    }
}
