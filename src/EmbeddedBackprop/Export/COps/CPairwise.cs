using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Export.COps;

/// <summary>Sums, differences and products of nodes, number by number, in C: Kernels/Scalar/Elementwise.cs.</summary>
/// <param name="type">The op's class.</param>
/// <param name="name">The name of the routine.</param>
/// <param name="sign">The C operator.</param>
internal sealed class CPairwise(Type type, string name, char sign) : COp
{
    protected override Type OpType => type;

    public override void Write(CStep step, CProgram program)
    {
        // Only a sum has an activation; it has more than two terms, too, added one after the other.
        CActivation? activation = step.Step.Op is Add add ? CActivation.For(step.Step, add.Activation) : null;
        string terms = string.Join($" {sign} ", Enumerable.Range(1, step.Inputs.Length).Select(i => $"x_{i}"));
        program.Comment($"{step.Name}: a^{step.Number}[{step.OutputLength}] = {terms}, number by number"
            + (activation is null || activation.Type == typeof(Activation<Identity>) ? "" : $"; then {activation.Name}: {activation.Formula}"));
        string each = program.Routine(name, CFunctions.None, $$"""
            /* z[i] = x[i] {{sign}} y[i]; z may be x or y. */
            static void ebp_{{name}}(size_t n, const float *x, const float *y, float *z)
            {
                size_t i;
                for (i = 0u; i < n; i++) {
                    z[i] = x[i] {{sign}} y[i];
                }
            }

            """);
        string n = CText.Size(step.OutputLength);
        program.Statement($"{each}({n}, {step.Inputs[0]}, {step.Inputs[1]}, {step.Output});");
        foreach (string input in step.Inputs.Skip(2))
        {
            program.Statement($"{each}({n}, {step.Output}, {input}, {step.Output});");
        }

        activation?.Write(program, step.OutputLength, step.Output, step.Output);
    }
}
