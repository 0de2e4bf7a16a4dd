using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Export.Ops;

/// <summary>An element-wise activation in C: a loop around its printed formula.</summary>
/// <param name="activation">The activation.</param>
internal sealed class CElementwise(Activation activation) : CActivation(activation)
{
    private static readonly string[] Parameters = ["n", "i", "x", "y", "d"];

    private readonly Activation activation = activation;

    public override void Write(CProgram program, int length, string z, string a)
    {
        LaneText input = LaneText.Input("z", "x[i]"), value = activation.ValueText(input)!.Value;
        if (value.Node == input.Node && z == a)
        {
            return;
        }

        CFormulaText c = CFormula.Print(2, Parameters, new CResult("y[i] =", value));
        string each = program.Routine("each_" + CText.Identifier(activation.Name), c.Functions, name => $$"""
            /* {{Formula}} */
            static void ebp_{{name}}(size_t n, const float *x, float *y)
            {
                size_t i;
            {{(c.Inputs.Contains("z") ? "" : "    (void)x;\n")}}    for (i = 0u; i < n; i++) {
            {{c.Text}}    }
            }

            """);
        program.Statement($"{each}({CText.Size(length)}, {z}, {a});");
    }

    public override void WriteBackward(CProgram program, int length, string z, string a, string d)
    {
        LaneText derivative = activation.DerivativeText(LaneText.Input("z", "x[i]"), LaneText.Input("a", "y[i]"))!.Value;
        if (derivative.Node.IsConstant(1f))
        {
            return;
        }

        CFormulaText c = CFormula.Print(2, Parameters, new CResult("d[i] =", LaneText.Input("delta", "d[i]") * derivative));
        bool readsInput = c.Inputs.Contains("z"), readsOutput = c.Inputs.Contains("a");
        string parameters = (readsInput ? "const float *x, " : "") + (readsOutput ? "const float *y, " : "");
        string slope = program.Routine("slope_" + CText.Identifier(activation.Name), c.Functions, name => $$"""
            /* delta = dC/da {{CText.Identifier(activation.Name)}}'(z) */
            static void ebp_{{name}}(size_t n, {{parameters}}float *d)
            {
                size_t i;
                for (i = 0u; i < n; i++) {
            {{c.Text}}    }
            }

            """);
        program.Statement($"{slope}({CText.Size(length)}, {(readsInput ? z + ", " : "")}{(readsOutput ? a + ", " : "")}{d});");
    }
}
