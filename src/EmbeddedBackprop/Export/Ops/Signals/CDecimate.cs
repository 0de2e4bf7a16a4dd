using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Export.Ops.Signals;

/// <summary>A low-pass filter of which every FACTOR-th result is computed, in C.</summary>
internal sealed class CDecimate : COp
{
    private const string Text = """
        /* y_j = the sum over k of h[k] x[j * factor + k], in each row of n */
        static void ebp_decimate(size_t rows, size_t n, size_t factor, size_t taps, const float *h, size_t count, const float *x, float *y)
        {
            size_t r;
            size_t j;
            size_t k;
            for (r = 0u; r < rows; r++) {
                for (j = 0u; j < count; j++) {
                    const float *from = x + (j * factor);
                    float s = 0.0f;
                    for (k = 0u; k < taps; k++) {
                        s = EBP_M(from[k], h[k], s);
                    }
                    y[j] = s;
                }
                x = &x[n];
                y = &y[count];
            }
        }

        """;

    public override CConstant[] Constants(Op op) => [new("filter", "the low-pass filter", ((Decimate)op).Filter.ToArray())];

    public override void Write(CStep step, CProgram program)
    {
        Decimate op = (Decimate)step.Step.Op;
        Shape shape = step.InputShape(0);
        int n = shape[shape.Rank - 1], rows = shape.Length / n, count = step.OutputLength / rows;
        program.Comment($"{step.Name}: a^{step.Number}[{rows}][{count}] = one of {op.Factor} samples after a filter of {op.Taps} taps");
        string decimate = program.Routine("decimate", CFunctions.MultiplyAdd, Text);
        program.Statement(
            $"{decimate}({CText.Size(rows)}, {CText.Size(n)}, {CText.Size(op.Factor)}, {CText.Size(op.Taps)}, {step.Tables[0].Name}, {CText.Size(count)}, {step.Inputs[0]}, {step.Output});");
    }
}
