using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Ops.Integer;

namespace EmbeddedBackprop.Export.Ops.Integer;

/// <summary>Products of two values of integers in C.</summary>
internal sealed class CIntegerProduct : CIntegerActivated
{
    public override void Write(CStep step, CProgram program)
    {
        CTableSource source = step.Source!;
        (string factor, bool isWide) = Arguments(step, IntegerProduct.Factor(source.InputType(0), source.InputType(1), End(source).Scale));
        string round = CRescale.AskRound(program, isWide);
        CElement a = step.InputType(0), b = step.InputType(1), y = step.OutputType;
        string name = $"product{a.Suffix}{b.Suffix}{y.Suffix}{(isWide ? "_wide" : "")}";
        string routine = program.Routine(name, CFunctions.None, $$"""
            /* y = the rounded (x0 - zero0) (x1 - zero1); y may be either x. */
            static void ebp_{{name}}(const ebp_layer *p, size_t n, int32_t m, int32_t shift, int32_t zero0, const {{a.Type}} *x0, int32_t zero1,
                const {{b.Type}} *x1, {{y.Type}} *y)
            {
                size_t i;
                for (i = 0u; i < n; i++) {
                    y[i] = ({{y.Type}})ebp_{{round}}(p, ((int32_t)x0[i] - zero0) * ((int32_t)x1[i] - zero1), m, shift);
                }
            }

            """);
        program.Comment($"{step.Name}: a^{step.Number}[{step.OutputLength}] = the rounded product, element by element; {Activation(source)}");
        program.Statement(
            $"{routine}({Structure(step, program)}, {CText.Size(step.OutputLength)}, {factor}, {CText.Number(source.InputType(0).ZeroPoint)}, {step.Inputs[0]}, "
            + $"{CText.Number(source.InputType(1).ZeroPoint)}, {step.Inputs[1]}, {step.Output});");
        WriteLookUp(step, program);
    }
}
