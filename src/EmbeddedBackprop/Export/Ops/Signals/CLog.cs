using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Export.Ops.Signals;

/// <summary>The logarithm above a floor in C.</summary>
internal sealed class CLog : COp
{
    public override void Write(CStep step, CProgram program)
    {
        Log op = (Log)step.Step.Op;
        program.Comment($"{step.Name}: a^{step.Number}[{step.OutputLength}] = log max(x, {CText.Comment(CText.Hex(op.Floor))})");
        LaneText x = LaneText.Input("x_i", "x[i]"), floor = LaneText.Input("floor", "lowest");
        CFormulaText c = CFormula.Print(2, ["n", "i", "x", "y", "lowest"], new CResult("y[i] =", Log.Value.Apply(x, x, x, floor, floor)));
        string log = program.Routine("log_above", c.Functions, $$"""
            /* y = log max(x, lowest); y may be x. */
            static void ebp_log_above(size_t n, float lowest, const float *x, float *y)
            {
                size_t i;
                for (i = 0u; i < n; i++) {
            {{c.Text}}    }
            }

            """);
        program.Statement($"{log}({CText.Size(step.OutputLength)}, {CText.Hex(op.Floor)}, {step.Inputs[0]}, {step.Output});");
    }
}
