using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Ops.Integer;

namespace EmbeddedBackprop.Export.Ops.Integer;

/// <summary>The mean of every channel, or of every feature over time, of integers in C.</summary>
/// <param name="isOverTime">Means over time; else over the positions of a channel.</param>
internal sealed class CIntegerMean(bool isOverTime) : CIntegerActivated
{
    public override void Write(CStep step, CProgram program)
    {
        if (step.Inputs.Length > 1)
        {
            ExportErrors.NoIntegerText(step.Name, step.Step.Op.Kind + " with a mask");
        }

        CTableSource source = step.Source!;
        int means = step.OutputLength, count = step.InputLength / means;
        (string factor, bool isWide) = Arguments(step, IntegerMean.Factor(source.InputType(0), count, End(source).Scale));
        string round = CRescale.AskRound(program, isWide);
        CElement x = step.InputType(0), y = step.OutputType;
        string name = $"means{x.Suffix}{y.Suffix}{(isWide ? "_wide" : "")}";
        string routine = program.Routine(name, CFunctions.None, $$"""
            /* y[j] = the rounded mean of n elements, apart from each other in x; the first of them is x[j next]. */
            static void ebp_{{name}}(const ebp_layer *p, size_t means, size_t next, size_t n, size_t apart, int32_t m, int32_t shift, int32_t zero,
                const {{x.Type}} *x, {{y.Type}} *y)
            {
                size_t j;
                size_t i;
                for (j = 0u; j < means; j++) {
                    int32_t sum = -zero * (int32_t)n;
                    for (i = 0u; i < n; i++) {
                        sum += x[(j * next) + (i * apart)];
                    }
                    y[j] = ({{y.Type}})ebp_{{round}}(p, sum, m, shift);
                }
            }

            """);
        program.Comment($"{step.Name}: a^{step.Number}[{means}] = the rounded means of {count} elements; {Activation(source)}");
        (int next, int apart) = isOverTime ? (1, means) : (count, 1);
        program.Statement(
            $"{routine}({Structure(step, program)}, {CText.Size(means)}, {CText.Size(next)}, {CText.Size(count)}, {CText.Size(apart)}, {factor}, "
            + $"{CText.Number(source.InputType(0).ZeroPoint)}, {step.Inputs[0]}, {step.Output});");
        WriteLookUp(step, program);
    }
}
