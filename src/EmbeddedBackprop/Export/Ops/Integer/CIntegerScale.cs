using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Ops.Integer;

namespace EmbeddedBackprop.Export.Ops.Integer;

/// <summary>Integers times a constant, or with another scale, in C.</summary>
internal sealed class CIntegerScale : CIntegerActivated
{
    public override void Write(CStep step, CProgram program)
    {
        CTableSource source = step.Source!;
        float alpha = ((IntegerScale)source.Op).Alpha(step.Step.Ranges.Length > 0 ? source.Parameter(0)[0] : 0f);
        (string factor, bool isWide) = Arguments(step, IntegerScale.Factor(alpha, source.InputType(0), End(source).Scale));
        program.Comment($"{step.Name}: a^{step.Number}[{step.OutputLength}] = {CText.Decimal(alpha)} x, rounded; {Activation(source)}");
        WriteEach(step, program, Structure(step, program), factor, isWide, alpha < 0 ? -1 : 1);
        WriteLookUp(step, program);
    }

    /// <summary>Writes y = the rounded sign (x - zero point) for every element.</summary>
    public static void WriteEach(CStep step, CProgram program, string structure, string factor, bool isWide, int sign)
    {
        CElement x = step.InputType(0), y = step.OutputType;
        string round = CRescale.AskRound(program, isWide), name = $"rescale_each{x.Suffix}{y.Suffix}{(isWide ? "_wide" : "")}";
        string routine = program.Routine(name, CFunctions.None, $$"""
            /* y = the rounded sign (x - zero); y may be x. */
            static void ebp_{{name}}(const ebp_layer *p, size_t n, int32_t m, int32_t shift, int32_t sign, int32_t zero, const {{x.Type}} *x, {{y.Type}} *y)
            {
                size_t i;
                for (i = 0u; i < n; i++) {
                    y[i] = ({{y.Type}})ebp_{{round}}(p, sign * ((int32_t)x[i] - zero), m, shift);
                }
            }

            """);
        program.Statement(
            $"{routine}({structure}, {CText.Size(step.OutputLength)}, {factor}, {CText.Number(sign)}, "
            + $"{CText.Number(step.Source!.InputType(0).ZeroPoint)}, {step.Inputs[0]}, {step.Output});");
    }
}
