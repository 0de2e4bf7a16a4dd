using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Export.Ops.Signals;

/// <summary>A window over every frame in C.</summary>
internal sealed class CWindow : COp
{
    private const string Text = """
        /* y = w x, element by element in each row; y may be x. */
        static void ebp_window(size_t rows, size_t n, const float *w, const float *x, float *y)
        {
            size_t r;
            size_t t;
            for (r = 0u; r < rows; r++) {
                for (t = 0u; t < n; t++) {
                    y[t] = x[t] * w[t];
                }
                x = &x[n];
                y = &y[n];
            }
        }

        """;

    public override CConstant[] Constants(Op op) => [new("window", op.Settings, ((Window)op).Weights.ToArray())];

    public override void Write(CStep step, CProgram program)
    {
        Shape shape = step.OutputShape;
        int n = shape[shape.Rank - 1];
        program.Comment($"{step.Name}: a^{step.Number}[{step.OutputLength}] = {CText.Comment(step.Step.Op.Settings)} window times each row");
        program.Statement(
            $"{program.Routine("window", CFunctions.None, Text)}({CText.Size(shape.Length / n)}, {CText.Size(n)}, {step.Tables[0].Name}, {step.Inputs[0]}, {step.Output});");
    }
}
