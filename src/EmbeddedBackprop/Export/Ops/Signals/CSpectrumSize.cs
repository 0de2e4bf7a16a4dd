using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels.Elements;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Export.Ops.Signals;

/// <summary>One real number of each complex one, in C: a loop around the printed formula.</summary>
internal sealed class CSpectrumSize<TFormula>(string name) : COp
    where TFormula : struct, IElementFormula
{
    public override void Write(CStep step, CProgram program)
    {
        Shape shape = step.OutputShape;
        int n = shape[shape.Rank - 1];
        program.Comment($"{step.Name}: a^{step.Number}[{shape.Length / n}][{n}] = the {name} of each frequency");
        LaneText re = LaneText.Input("re", "x[k]"), im = LaneText.Input("im", "x[n + k]"), none = LaneText.Zero;
        CFormulaText c = CFormula.Print(3, ["rows", "n", "r", "k", "x", "y"], new CResult("y[k] =", TFormula.Apply(re, im, none, none, none)));
        string each = program.Routine(name, c.Functions, $$"""
            /* y[k] from the real part x[k] and the imaginary part x[n + k], in each row */
            static void ebp_{{name}}(size_t rows, size_t n, const float *x, float *y)
            {
                size_t r;
                size_t k;
                for (r = 0u; r < rows; r++) {
                    for (k = 0u; k < n; k++) {
            {{c.Text}}        }
                    x = &x[2u * n];
                    y = &y[n];
                }
            }

            """);
        program.Statement($"{each}({CText.Size(shape.Length / n)}, {CText.Size(n)}, {step.Inputs[0]}, {step.Output});");
    }
}
