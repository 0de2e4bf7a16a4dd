using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Export.Ops;

/// <summary>The newest rows of a stream after those that were kept, in C.</summary>
internal sealed class CKeep : COp
{
    private const string Text = """
        /* y[i] = the kept rows, then x[i], whose first zeros are read as 0; the last elements of y[i] are kept for the next call. */
        static void ebp_keep(size_t outer, size_t kept, size_t length, size_t zeros, float zero, float *rows, const float *x, float *y)
        {
            size_t i;
            for (i = 0u; i < outer; i++) {
                size_t j;
                (void)memcpy(y, rows, kept * sizeof *y);
                (void)memcpy(y + kept, x, length * sizeof *y);
                for (j = kept; j < (kept + zeros); j++) {
                    y[j] = zero;
                }
                (void)memcpy(rows, y + length, kept * sizeof *y);
                rows = &rows[kept];
                x = &x[length];
                y = &y[kept + length];
            }
        }

        """;

    private const string SkipText = """
        /* y[i] = x[i] without its first elements; the first zeros of x[i] are read as 0. */
        static void ebp_skip(size_t outer, size_t skipped, size_t length, size_t zeros, float zero, const float *x, float *y)
        {
            size_t i;
            for (i = 0u; i < outer; i++) {
                size_t j;
                for (j = skipped; j < length; j++) {
                    y[j - skipped] = (j < zeros) ? zero : x[j];
                }
                x = &x[length];
                y = &y[length - skipped];
            }
        }

        """;

    private const string MissingText = """
        /* How many of the next rows come before the stream's begin; seen[0] counts them. */
        static size_t ebp_missing(float *seen, size_t begin, size_t count)
        {
            const size_t before = (size_t)seen[0];
            const size_t missing = ((begin - before) < count) ? (begin - before) : count;
            const size_t now = before + missing;
            seen[0] = (float)now;
            return missing;
        }

        """;

    public override bool TakesIntegers => true;

    /// <summary>The type of the count of a stream's first rows.</summary>
    /// <param name="integers">Whether the step computes on integers.</param>
    /// <param name="begin">The first row.</param>
    public static CElement CountElement(bool integers, int begin) => integers && begin <= short.MaxValue ? CElement.Int16 : CElement.Float;

    /// <summary>The expression for how many of the next rows come before the stream's begin.</summary>
    /// <param name="step">The step.</param>
    /// <param name="program">Takes the routine.</param>
    /// <param name="begin">The stream's first row; 0 where it begins at once.</param>
    /// <param name="count">The next rows.</param>
    /// <param name="state">Which state of the step counts rows.</param>
    public static string Zeros(CStep step, CProgram program, int begin, int count, int state) =>
        begin == 0 ? "0u"
        : $"{Missing(program, CountElement(step.OutputType != CElement.Float, begin))}({step.State[state]}, {CText.Size(begin)}, {CText.Size(count)})";

    private static string Missing(CProgram program, CElement count) => program.Routine(
        "missing" + count.Suffix, CFunctions.None,
        count.Typed("missing", MissingText).Replace("(float)", $"({count.Type})", StringComparison.Ordinal));

    public override void Write(CStep step, CProgram program)
    {
        Keep keep = (Keep)step.Step.Op;
        (int outer, int count, int inner) = keep.Sizes;
        string zeros = Zeros(step, program, keep.Begin, count, keep.BeginState) + (keep.Begin > 0 ? $" * {CText.Size(inner)}" : "");
        CElement element = step.OutputType;
        string zero = element == CElement.Float ? "0.0f" : CText.Number(step.Source!.OutputType.ZeroPoint);
        string ends = $"{CText.Size(count * inner)}, {zeros}, {zero}";
        if (keep.Rows == 0)
        {
            program.Comment($"{step.Name}: a^{step.Number}[{step.OutputLength}] = the last {count - keep.Skip} of {count} new rows");
            string skip = program.Routine("skip" + element.Suffix, CFunctions.None, element.Typed("skip", SkipText));
            program.Statement($"{skip}({CText.Size(outer)}, {CText.Size(keep.Skip * inner)}, {ends}, {step.Inputs[0]}, {step.Output});");
            return;
        }

        program.Comment($"{step.Name}: a^{step.Number}[{step.OutputLength}] = the last {keep.Rows} rows, then the {count} new ones");
        string routine = program.Routine("keep" + element.Suffix, CFunctions.None, element.Typed("keep", Text));
        string sizes = $"{CText.Size(outer)}, {CText.Size(keep.Rows * inner)}, {ends}";
        program.Statement($"{routine}({sizes}, {step.State[0]}, {step.Inputs[0]}, {step.Output});");
    }
}
