using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Export.Ops.Signals;

/// <summary>A recursive filter of second order in C.</summary>
internal sealed class CBiquad : COp
{
    private const string Text = """
        /* y_t = f0 x_t + f1 x_(t-1) + f2 x_(t-2) + f3 y_(t-1) + f4 y_(t-2) in each row of n */
        static void ebp_biquad(size_t rows, size_t n, const float *f, const float *x, float *y)
        {
            size_t r;
            size_t t;
            for (r = 0u; r < rows; r++) {
                float x1 = 0.0f;
                float x2 = 0.0f;
                float y1 = 0.0f;
                float y2 = 0.0f;
                for (t = 0u; t < n; t++) {
                    float s = f[0] * x[t];
                    s = EBP_M(f[1], x1, s);
                    s = EBP_M(f[2], x2, s);
                    s = EBP_M(f[3], y1, s);
                    s = EBP_M(f[4], y2, s);
                    x2 = x1;
                    x1 = x[t];
                    y2 = y1;
                    y1 = s;
                    y[t] = s;
                }
                x = &x[n];
                y = &y[n];
            }
        }

        """;

    private const string CarriedText = """
        /* The same from what was kept on, x_(t-1), x_(t-2), y_(t-1), y_(t-2) of each row; the first zeros samples give 0. */
        static void ebp_biquad_on(size_t rows, size_t n, size_t zeros, const float *f, float *past, const float *x, float *y)
        {
            size_t r;
            size_t t;
            for (r = 0u; r < rows; r++) {
                (void)memset(y, 0, zeros * sizeof *y);
                for (t = zeros; t < n; t++) {
                    float s = f[0] * x[t];
                    s = EBP_M(f[1], past[0], s);
                    s = EBP_M(f[2], past[1], s);
                    s = EBP_M(f[3], past[2], s);
                    s = EBP_M(f[4], past[3], s);
                    past[1] = past[0];
                    past[0] = x[t];
                    past[3] = past[2];
                    past[2] = s;
                    y[t] = s;
                }
                past = &past[4];
                x = &x[n];
                y = &y[n];
            }
        }

        """;

    public override CConstant[] Constants(Op op)
    {
        Biquad filter = (Biquad)op;
        return [new("factors", "b0, b1, b2, -a1, -a2", [filter.B0, filter.B1, filter.B2, -filter.A1, -filter.A2])];
    }

    public override void Write(CStep step, CProgram program)
    {
        Shape shape = step.OutputShape;
        int n = shape[shape.Rank - 1], rows = shape.Length / n;
        program.Comment($"{step.Name}: a^{step.Number}[{shape.Length}] = a recursive filter of second order");
        if (step.Step.Op is Biquad { Carry: true } filter)
        {
            string zeros = CKeep.Zeros(step, program, filter.Begin, n, 1);
            string on = program.Routine("biquad_on", CFunctions.MultiplyAdd, CarriedText);
            program.Statement(
                $"{on}({CText.Size(rows)}, {CText.Size(n)}, {zeros}, {step.Tables[0].Name}, {step.State[0]}, {step.Inputs[0]}, {step.Output});");
            return;
        }

        string biquad = program.Routine("biquad", CFunctions.MultiplyAdd, Text);
        program.Statement($"{biquad}({CText.Size(rows)}, {CText.Size(n)}, {step.Tables[0].Name}, {step.Inputs[0]}, {step.Output});");
    }
}
