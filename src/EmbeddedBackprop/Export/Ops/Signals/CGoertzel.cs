using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Export.Ops.Signals;

/// <summary>Powers of a few frequencies in C.</summary>
internal sealed class CGoertzel : COp
{
    private const string Text = """
        /* y[i] = the power at the frequency of c[i] = 2 cos(2 pi f / rate), in each row of n: s_t = c s_(t-1) + x_t - s_(t-2) */
        static void ebp_goertzel(size_t rows, size_t n, size_t count, const float *c, const float *x, float *y)
        {
            size_t r;
            size_t i;
            size_t t;
            for (r = 0u; r < rows; r++) {
                for (i = 0u; i < count; i++) {
                    float a = 0.0f;
                    float b = 0.0f;
                    for (t = 0u; t < n; t++) {
                        const float s = EBP_M(c[i], a, x[t] - b);
                        b = a;
                        a = s;
                    }
                    y[i] = EBP_M(-c[i], a * b, EBP_M(a, a, b * b));
                }
                x = &x[n];
                y = &y[count];
            }
        }

        """;

    public override CConstant[] Constants(Op op) => [new("factors", "2 cos(2 pi f / rate)", ((Goertzel)op).Factors.ToArray())];

    public override void Write(CStep step, CProgram program)
    {
        Goertzel op = (Goertzel)step.Step.Op;
        Shape shape = step.InputShape(0);
        int n = shape[shape.Rank - 1], rows = shape.Length / n, count = op.Frequencies.Length;
        program.Comment($"{step.Name}: a^{step.Number}[{rows}][{count}] = the powers of {count} frequencies of each row");
        string goertzel = program.Routine("goertzel", CFunctions.MultiplyAdd, Text);
        program.Statement(
            $"{goertzel}({CText.Size(rows)}, {CText.Size(n)}, {CText.Size(count)}, {step.Tables[0].Name}, {step.Inputs[0]}, {step.Output});");
    }
}
