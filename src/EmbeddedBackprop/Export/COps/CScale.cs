using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Export.COps;

/// <summary>A product with one number in C.</summary>
internal sealed class CScale : COp
{
    private const string Text = """
        /* y[i] = factor * x[i]; y may be x. */
        static void ebp_scale(size_t n, float factor, const float *x, float *y)
        {
            size_t i;
            for (i = 0u; i < n; i++) {
                y[i] = factor * x[i];
            }
        }

        """;

    protected override Type OpType => typeof(Scale);

    public override void Write(CStep step, CProgram program)
    {
        Scale op = (Scale)step.Step.Op;
        program.Comment($"{step.Name}: a^{step.Number}[{step.OutputLength}] = factor x{(op.Trained ? ", a trained number times a constant" : "")}");
        string scale = program.Routine("scale", CFunctions.None, Text);
        string factor = op.Trained ? $"{step.Tables[0].Name}[0] * {CText.Hex(op.Factor)}" : CText.Hex(op.Factor);
        program.Statement($"{scale}({CText.Size(step.OutputLength)}, {factor}, {step.Inputs[0]}, {step.Output});");
    }
}
