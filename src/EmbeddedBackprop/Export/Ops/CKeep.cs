using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Export.Ops;

/// <summary>The newest rows of a stream after those that were kept, in C.</summary>
internal sealed class CKeep : COp
{
    private const string Text = """
        /* y[i] = the kept rows, then x[i], whose first zeros are read as 0; the last floats of y[i] are kept for the next call. */
        static void ebp_keep(size_t outer, size_t kept, size_t length, size_t zeros, float *rows, const float *x, float *y)
        {
            size_t i;
            for (i = 0u; i < outer; i++) {
                (void)memcpy(y, rows, kept * sizeof *y);
                (void)memcpy(y + kept, x, length * sizeof *y);
                (void)memset(y + kept, 0, zeros * sizeof *y);
                (void)memcpy(rows, y + length, kept * sizeof *y);
                rows = &rows[kept];
                x = &x[length];
                y = &y[kept + length];
            }
        }

        """;

    private const string MissingText = """
        /* How many of the next rows come before the stream's begin; seen[0] counts them. */
        static size_t ebp_missing(float *seen, size_t begin, size_t count)
        {
            const size_t before = (size_t)seen[0];
            const size_t missing = ((begin - before) < count) ? (begin - before) : count;
            seen[0] = seen[0] + (float)missing;
            return missing;
        }

        """;

    /// <summary>The expression for how many of the next rows come before the stream's begin.</summary>
    /// <param name="step">The step.</param>
    /// <param name="program">Takes the routine.</param>
    /// <param name="begin">The stream's first row; 0 where it begins at once.</param>
    /// <param name="count">The next rows.</param>
    /// <param name="state">Which state of the step counts rows.</param>
    public static string Zeros(CStep step, CProgram program, int begin, int count, int state) =>
        begin == 0 ? "0u"
        : $"{program.Routine("missing", CFunctions.None, MissingText)}({step.State[state]}, {CText.Size(begin)}, {CText.Size(count)})";

    public override void Write(CStep step, CProgram program)
    {
        Keep keep = (Keep)step.Step.Op;
        (int outer, int count, int inner) = keep.Sizes;
        program.Comment(
            $"{step.Name}: a^{step.Number}[{step.OutputLength}] = the last {keep.Rows} rows, then the {count} new ones");
        string zeros = Zeros(step, program, keep.Begin, count, 1) + (keep.Begin > 0 ? $" * {CText.Size(inner)}" : "");
        string routine = program.Routine("keep", CFunctions.None, Text);
        string sizes = $"{CText.Size(outer)}, {CText.Size(keep.Rows * inner)}, {CText.Size(count * inner)}, {zeros}";
        program.Statement($"{routine}({sizes}, {step.State[0]}, {step.Inputs[0]}, {step.Output});");
    }
}
