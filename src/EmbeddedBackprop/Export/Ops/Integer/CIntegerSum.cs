using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Ops.Integer;

namespace EmbeddedBackprop.Export.Ops.Integer;

/// <summary>Sums and differences of integers in C: each value has a factor, and one shift rounds.</summary>
internal sealed class CIntegerSum : CIntegerActivated
{
    public override void Write(CStep step, CProgram program)
    {
        IntegerSum op = (IntegerSum)step.Step.Op;
        CTableSource source = step.Source!;
        int count = step.Inputs.Length;
        IntegerType[] types = [.. Enumerable.Range(0, count).Select(source.InputType)];
        int[] factors = new int[count];
        int shift = op.Factors(types, End(source).Scale, factors), start = 1 << (shift - 1);
        for (int i = 0; i < count; i++)
        {
            start -= factors[i] * types[i].ZeroPoint;
        }

        CElement[] elements = [.. Enumerable.Range(0, count).Select(step.InputType)];
        CElement y = step.OutputType;
        CRescale.AskWithin(program);
        string name = "sum" + string.Concat(elements.Select(element => element.Suffix)) + y.Suffix;
        string routine = program.Routine(name, CFunctions.None, $$"""
            /* y = zero point + (start + sum of factor x) / 2^shift, rounded down, within the ends; y may be any x. */
            static void ebp_{{name}}(const ebp_layer *p, size_t n, int32_t start, int32_t shift, {{List(i => $"int32_t f{i}, const {elements[i].Type} *x{i}")}}, {{y.Type}} *y)
            {
                size_t i;
                for (i = 0u; i < n; i++) {
                    int32_t sum = start;
            {{string.Concat(Enumerable.Range(0, count).Select(i => $"        sum += (int32_t)x{i}[i] * f{i};\n"))}}        y[i] = ({{y.Type}})ebp_within(p, (sum >> shift) + (p->zero >> 1));
                }
            }

            """);
        program.Comment(
            $"{step.Name}: a^{step.Number}[{step.OutputLength}] = {CText.Comment(op.Kind)} of {count} values, each times a factor; {Activation(source)}");
        program.Statement(
            $"{routine}({Structure(step, program)}, {CText.Size(step.OutputLength)}, {CText.Number(start)}, {CText.Number(shift)}, "
            + $"{List(i => $"{CText.Number(factors[i])}, {step.Inputs[i]}")}, {step.Output});");
        WriteLookUp(step, program);

        string List(Func<int, string> each) => string.Join(", ", Enumerable.Range(0, count).Select(each));
    }
}
