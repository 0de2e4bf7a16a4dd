using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Export.Ops.Signals;

/// <summary>Pre-emphasis in C.</summary>
internal sealed class CPreEmphasis : COp
{
    private const string Text = """
        /* y[t] = x[t] - a x[t-1] in each row */
        static void ebp_preemphasis(size_t rows, size_t n, float a, const float *x, float *y)
        {
            size_t r;
            size_t t;
            for (r = 0u; r < rows; r++) {
                y[0] = x[0];
                for (t = 1u; t < n; t++) {
                    y[t] = EBP_M(-a, x[t - 1u], x[t]);
                }
                x = &x[n];
                y = &y[n];
            }
        }

        """;

    private const string CarriedText = """
        /* The same from the last sample of each row that was kept on; the first zeros samples give 0. */
        static void ebp_preemphasis_on(size_t rows, size_t n, size_t zeros, float a, float *past, const float *x, float *y)
        {
            size_t r;
            size_t t;
            for (r = 0u; r < rows; r++) {
                (void)memset(y, 0, zeros * sizeof *y);
                for (t = zeros; t < n; t++) {
                    y[t] = EBP_M(-a, past[r], x[t]);
                    past[r] = x[t];
                }
                x = &x[n];
                y = &y[n];
            }
        }

        """;

    public override void Write(CStep step, CProgram program)
    {
        PreEmphasis op = (PreEmphasis)step.Step.Op;
        Shape shape = step.OutputShape;
        int n = shape[shape.Rank - 1];
        program.Comment($"{step.Name}: a^{step.Number}[{step.OutputLength}] = x_t - {CText.Comment(op.Settings)} x_(t-1)");
        if (op.Carry)
        {
            string zeros = CKeep.Zeros(step, program, op.Begin, n, 1);
            string on = program.Routine("preemphasis_on", CFunctions.MultiplyAdd, CarriedText);
            string sizes = $"{CText.Size(shape.Length / n)}, {CText.Size(n)}, {zeros}, {CText.Hex(op.Factor)}";
            program.Statement($"{on}({sizes}, {step.State[0]}, {step.Inputs[0]}, {step.Output});");
            return;
        }

        program.Statement(
            $"{program.Routine("preemphasis", CFunctions.MultiplyAdd, Text)}({CText.Size(shape.Length / n)}, {CText.Size(n)}, {CText.Hex(op.Factor)}, {step.Inputs[0]}, {step.Output});");
    }
}
