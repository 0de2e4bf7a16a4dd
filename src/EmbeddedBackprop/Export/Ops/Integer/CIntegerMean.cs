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
            WriteMasked(step, program);
            return;
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

    /// <summary>Under a mask each number of steps that count has a multiplier.</summary>
    protected override IEnumerable<CTable> OwnTables(CTableSource source)
    {
        if (!source.IsMasked)
        {
            return [];
        }

        int most = source.InputShape[0];
        int[] m = new int[most], shifts = new int[most];
        for (int n = 1; n <= most; n++)
        {
            (m[n - 1], shifts[n - 1]) = IntegerMean.Factor(source.InputType(0), n, End(source).Scale);
        }

        return
        [
            source.Table("multiplier", $"[{most} numbers of steps]", CElement.Int32, m),
            source.Table("shift", $"[{most} numbers of steps], less 33", CElement.Int8, CRescale.Shifts(source.Op.Name, m, shifts)),
        ];
    }

    private static void WriteMasked(CStep step, CProgram program)
    {
        CTableSource source = step.Source!;
        CElement x = step.InputType(0), mask = step.InputType(1), y = step.OutputType;
        bool isWide = step.Tables[1].Codes.Any(shift => shift < 0);
        string round = CRescale.AskRound(program, isWide), name = $"masked_means{x.Suffix}{mask.Suffix}{y.Suffix}{(isWide ? "_wide" : "")}";
        string routine = program.Routine(name, CFunctions.None, $$"""
            /* y[j] = the rounded mean of x[t][j] over the steps that the mask leaves, by the multiplier of their number; zero without any. */
            static void ebp_{{name}}(const ebp_layer *p, size_t steps, size_t features, int32_t zero, const {{x.Type}} *x, const {{mask.Type}} *mask, {{y.Type}} *y)
            {
                size_t n = 0u;
                size_t t;
                size_t j;
                for (t = 0u; t < steps; t++) {
                    n += ({{CSelector.Counts(mask, "t")}}) ? 1u : 0u;
                }
                for (j = 0u; j < features; j++) {
                    const size_t last = (n > 0u) ? (n - 1u) : 0u;
                    int32_t sum = -zero * (int32_t)n;
                    for (t = 0u; t < steps; t++) {
                        sum += ({{CSelector.Counts(mask, "t")}}) ? (int32_t)x[(t * features) + j] : 0;
                    }
                    y[j] = ({{y.Type}})ebp_{{round}}(p, sum, p->multiplier[last], p->shift[last]);
                }
            }

            """);
        program.Comment(
            $"{step.Name}: a^{step.Number}[{step.OutputLength}] = the rounded means over the steps that the mask leaves; {Activation(source)}");
        string structure = Structure(step, program, $"    .multiplier = {step.Tables[0].Name}, .shift = {step.Tables[1].Name},\n");
        program.Statement(
            $"{routine}({structure}, {CText.Size(step.InputLength / step.OutputLength)}, {CText.Size(step.OutputLength)}, "
            + $"{CText.Number(source.InputType(0).ZeroPoint)}, {step.Inputs[0]}, {step.Inputs[1]}, {step.Output});");
        WriteLookUp(step, program);
    }
}
