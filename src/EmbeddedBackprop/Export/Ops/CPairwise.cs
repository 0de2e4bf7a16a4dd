using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Export.Ops;

/// <summary>Sums, differences and products of nodes, element by element, in C: Kernels/Scalar/Elements/Elementwise.cs.</summary>
/// <param name="name">The name of the routine.</param>
/// <param name="sign">The C operator.</param>
internal sealed class CPairwise(string name, char sign) : COp
{
    private const string MultiplyToText = """
        /* z[i] = z[i] + x[i] * y[i], in the model's arithmetic */
        static void ebp_multiply_to(size_t n, const float *x, const float *y, float *z)
        {
            size_t i;
            for (i = 0u; i < n; i++) {
                z[i] = EBP_M(x[i], y[i], z[i]);
            }
        }

        """;

    public override void Write(CStep step, CProgram program)
    {
        // Only a sum has an activation; it has more than two terms, too, added one after the other.
        CActivation? activation = step.Step.Op is Add add ? CActivations.For(step.Step, add.Activation) : null;
        string terms = string.Join($" {sign} ", Enumerable.Range(1, step.Inputs.Length).Select(i => $"x_{i}"));
        program.Comment($"{step.Name}: a^{step.Number}[{step.OutputLength}] = {terms}, number by number"
            + (activation is null || activation.Type == typeof(Activation<Identity>) ? "" : $"; then {activation.Name}: {activation.Formula}"));
        string each = program.Routine(name, CFunctions.None, EachText());
        // In training the derivative may read the sum later: then it has memory of its own.
        string n = CText.Size(step.OutputLength), z = step.Saved ?? step.Output;
        program.Statement($"{each}({n}, {step.Inputs[0]}, {step.Inputs[1]}, {z});");
        foreach (string input in step.Inputs.Skip(2))
        {
            program.Statement($"{each}({n}, {z}, {input}, {z});");
        }

        activation?.Write(program, step.OutputLength, z, step.Output);
    }

    public override void WriteBackward(CBackwardStep step, CProgram program)
    {
        string n = CText.Size(step.Forward.OutputLength),
            dy = step.OutputGradient;
        program.Comment(
            $"{step.Name}, backwards: {(sign == '*' ? "every factor gets the gradient times the other one" : "every input gets the gradient")}{(sign == '-' ? ", the second one its negative" : "")}"
        );
        if (step.Step.Op is Add add)
        {
            CActivations
                .For(step.Step, add.Activation)
                .WriteBackward(program, step.Forward.OutputLength, step.Forward.Saved ?? step.Forward.Output, step.Forward.Output, dy);
        }

        for (int i = 0; i < step.InputGradients.Length; i++)
        {
            if (step.InputGradients[i] is not { } dx)
            {
                continue;
            }

            bool goesOn = step.ContinueInputGradients[i];
            if (sign == '*')
            {
                string multiply = goesOn
                    ? program.Routine("multiply_to", CFunctions.MultiplyAdd, MultiplyToText)
                    : program.Routine(name, CFunctions.None, EachText());
                program.Statement($"{multiply}({n}, {dy}, {step.Forward.Inputs[1 - i]}, {dx});");
            }
            else if (sign == '-' && i == 1)
            {
                string negate = goesOn ? program.Routine(name, CFunctions.None, EachText()) : CScale.Ask(program);
                program.Statement(goesOn ? $"{negate}({n}, {dx}, {dy}, {dx});" : $"{negate}({n}, -1.0f, {dy}, {dx});");
            }
            else
            {
                step.PassOn(program, step.Forward.OutputLength, dy, i);
            }
        }
    }

    private string EachText() => $$"""
        /* z[i] = x[i] {{sign}} y[i]; z may be x or y. */
        static void ebp_{{name}}(size_t n, const float *x, const float *y, float *z)
        {
            size_t i;
            for (i = 0u; i < n; i++) {
                z[i] = x[i] {{sign}} y[i];
            }
        }

        """;
}
