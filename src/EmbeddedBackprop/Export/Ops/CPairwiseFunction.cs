using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Export.Ops;

/// <summary>A function of two nodes by elements, in C: loops around its printed formulas.</summary>
internal sealed class CPairwiseFunction : COp
{
    private static readonly string[] Parameters = ["n", "i", "x", "y", "a", "da", "d"];
    private static readonly LaneText X = LaneText.Input("x_i", "x[i]"), Y = LaneText.Input("y_i", "y[i]");

    public override void Write(CStep step, CProgram program)
    {
        IPairwise f = (IPairwise)step.Step.Op;
        string kind = CText.Identifier(step.Step.Op.Kind);
        string equation = f.Equation.Length == 0 ? $"a = {kind}(x, y)" : CText.Equation(f.Equation);
        program.Comment($"{step.Name}: a^{step.Number}[{step.OutputLength}]: {equation}, element by element");
        CFormulaText c = CFormula.Print(2, Parameters, new CResult("a[i] =", f.Value(X, Y)));
        string Text(string name) => $$"""
            /* {{equation}}; a may be x or y. */
            static void ebp_{{name}}(size_t n, const float *x, const float *y, float *a)
            {
                size_t i;
            {{Unread(c)}}    for (i = 0u; i < n; i++) {
            {{c.Text}}    }
            }

            """;
        string each = program.Routine("pair_" + kind, c.Functions, Text);
        program.Statement($"{each}({CText.Size(step.OutputLength)}, {step.Inputs[0]}, {step.Inputs[1]}, {step.Output});");
    }

    public override void WriteBackward(CBackwardStep step, CProgram program)
    {
        IPairwise f = (IPairwise)step.Step.Op;
        string kind = CText.Identifier(step.Step.Op.Kind);
        program.Comment($"{step.Name}, backwards: every input gets the gradient times the derivative by it");
        for (int i = 0; i < 2; i++)
        {
            if (step.InputGradients[i] is not { } d)
            {
                continue;
            }

            LaneText da = LaneText.Input("da_i", "da[i]"), slope = f.Derivative(i, X, Y);
            bool adds = step.ContinueInputGradients[i];
            CFormulaText c = CFormula.Print(
                2,
                Parameters,
                new CResult("d[i] =", adds ? LaneText.MultiplyAdd(da, slope, LaneText.Input("before", "d[i]")) : da * slope));
            string by = i == 0 ? "x" : "y";
            string Text(string name) => $$"""
                /* dC/d{{by}} = {{(adds ? "what is there + " : "")}}dC/da * d {{kind}} / d{{by}}; d may be da. */
                static void ebp_{{name}}(size_t n, const float *x, const float *y, const float *da, float *d)
                {
                    size_t i;
                {{Unread(c)}}    for (i = 0u; i < n; i++) {
                {{c.Text}}    }
                }

                """;
            string each = program.Routine($"pair_{kind}_d{by}{(adds ? "_to" : "")}", c.Functions, Text);
            program.Statement(
                $"{each}({CText.Size(step.Forward.OutputLength)}, {step.Forward.Inputs[0]}, {step.Forward.Inputs[1]}, {step.OutputGradient}, {d});");
        }
    }

    // A formula need not read both.
    private static string Unread(CFormulaText c) =>
        (c.Inputs.Contains("x_i") ? "" : "    (void)x;\n") + (c.Inputs.Contains("y_i") ? "" : "    (void)y;\n");
}
