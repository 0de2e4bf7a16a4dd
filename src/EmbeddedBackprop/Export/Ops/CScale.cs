using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Export.Ops;

/// <summary>A product with one factor in C.</summary>
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

    private const string AddText = """
        /* y[i] = y[i] + factor * x[i], in the model's arithmetic */
        static void ebp_scale_to(size_t n, float factor, const float *x, float *y)
        {
            size_t i;
            for (i = 0u; i < n; i++) {
                y[i] = EBP_M(factor, x[i], y[i]);
            }
        }

        """;

    /// <summary>Asks for scale(n, factor, x, y).</summary>
    public static string Ask(CProgram program) => program.Routine("scale", CFunctions.None, Text);

    public override void Write(CStep step, CProgram program)
    {
        Scale op = (Scale)step.Step.Op;
        program.Comment($"{step.Name}: a^{step.Number}[{step.OutputLength}] = factor x{(op.Trained ? ", a trained number times a constant" : "")}");
        string scale = Ask(program);
        program.Statement($"{scale}({CText.Size(step.OutputLength)}, {Alpha(step)}, {step.Inputs[0]}, {step.Output});");
    }

    public override void WriteBackward(CBackwardStep step, CProgram program)
    {
        Scale op = (Scale)step.Step.Op;
        string n = CText.Size(step.Forward.OutputLength);
        CTensor? tensor = op.Trained ? step.Tensors[0] : null;
        program.Comment(
            $"{step.Name}, backwards: dx = factor dy{(tensor is null ? "" : "; the gradient of the trained number is the constant times the sum of x dy")}"
        );
        if (tensor is not null)
        {
            // dx may overwrite dy, and the trained factor may change at once: the sum comes first, its use last.
            program.Statement("{");
            program.Statement(
                $"    const float product = {CText.Hex(op.Factor)} * {CReduce.Dot(program, CWeightLoad.Float)}({n}, {step.OutputGradient}, {step.Forward.Inputs[0]});"
            );
        }

        if (step.InputGradients[0] is { } dx)
        {
            string scale = step.ContinueInputGradients[0] ? program.Routine("scale_to", CFunctions.MultiplyAdd, AddText) : Ask(program);
            program.Statement($"{(tensor is null ? "" : "    ")}{scale}({n}, {Alpha(step.Forward)}, {step.OutputGradient}, {dx});");
        }

        if (tensor is not null)
        {
            program.Statement($"    {CDense.AskBias(program, tensor.GradientSum)}(1u, &product, {tensor.GradientSum.Arguments});");
            program.Statement("}");
        }
    }

    private static string Alpha(CStep step)
    {
        Scale op = (Scale)step.Step.Op;
        return op.Trained ? $"{step.Tables[0].Name}[0] * {CText.Hex(op.Factor)}" : CText.Hex(op.Factor);
    }
}
