using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Export.Ops.Signals;

/// <summary>Statistics of each row in C: Ops/Signals/Moments.cs, what is needed of it.</summary>
internal sealed class CStatistics : COp
{
    public override bool UsesScratch => true;

    public override void Write(CStep step, CProgram program)
    {
        Statistics op = (Statistics)step.Step.Op;
        Shape shape = step.InputShape(0);
        int n = shape[shape.Rank - 1], rows = shape.Length / n;
        program.Comment($"{step.Name}: a^{step.Number}[{rows}][{op.Wanted.Length}] = {CText.Comment(op.Settings)} of each row");
        CFunctions functions = AskRoutines(program, op.Wanted);
        string statistics = program.Routine("statistics", functions, name => Text(name, op.Wanted));
        program.Statement($"{statistics}({CText.Size(rows)}, {CText.Size(n)}, {step.Inputs[0]}, {step.Scratch}, {step.Output});");
    }

    private static bool HasAny(ReadOnlySpan<Statistic> wanted, params ReadOnlySpan<Statistic> some)
    {
        foreach (Statistic statistic in some)
        {
            foreach (Statistic one in wanted)
            {
                if (one == statistic)
                {
                    return true;
                }
            }
        }

        return false;
    }

    private static bool NeedsMoments(ReadOnlySpan<Statistic> wanted) =>
        HasAny(wanted, Statistic.Deviation, Statistic.Skewness, Statistic.Kurtosis);

    private static CFunctions AskRoutines(CProgram program, ReadOnlySpan<Statistic> wanted)
    {
        bool hasSquares = NeedsMoments(wanted) || HasAny(wanted, Statistic.Rms, Statistic.Crest);
        if (hasSquares)
        {
            CReduce.Dot(program, CWeightLoad.Float);
        }

        if (NeedsMoments(wanted) || HasAny(wanted, Statistic.Mean))
        {
            CReduce.Sum(program);
        }

        if (HasAny(wanted, Statistic.Peak, Statistic.Crest))
        {
            CReduce.Maximum(program);
        }

        return hasSquares ? CFunctions.SquareRoot : CFunctions.None;
    }

    private static string Text(string name, ReadOnlySpan<Statistic> wanted)
    {
        bool moments = NeedsMoments(wanted), peak = HasAny(wanted, Statistic.Peak, Statistic.Crest);
        bool crossings = HasAny(wanted, Statistic.ZeroCrossings), mean = moments || HasAny(wanted, Statistic.Mean);
        bool rms = HasAny(wanted, Statistic.Rms, Statistic.Crest);
        string declarations = Lines(4, moments, "float *c = scratch;")
            + Lines(4, moments || peak, "float *q = scratch + n;")
            + Lines(4, mean || rms || moments, "const float count = (float)n;")
            + Lines(4, crossings, "const size_t pairs = n - 1u;")
            + Lines(4, true, "size_t r;")
            + Lines(4, moments || peak || crossings, "size_t t;")
            + Lines(4, !moments && !peak, "(void)scratch;");
        string results = "";
        foreach (Statistic statistic in wanted)
        {
            results += Lines(8, true, $"*y = {Value(statistic)};", "y++;");
        }

        string body = Lines(8, mean, "const float mean = ebp_sum_of(n, x) / count;")
            + Lines(8, rms, "const float rms = EBP_SQRTF(ebp_dot(n, x, x) / count);")
            + Lines(8, moments, "float m2;")
            + Lines(8, peak, "float peak;")
            + Lines(8, crossings, "size_t changes = 0u;")
            + Lines(8, peak, "for (t = 0u; t < n; t++) {", "    q[t] = (x[t] > 0.0f) ? x[t] : (0.0f - x[t]);", "}", "peak = ebp_maximum(n, q);")
            + Lines(8, crossings, "for (t = 1u; t < n; t++) {", "    changes += ((x[t] < 0.0f) != (x[t - 1u] < 0.0f)) ? 1u : 0u;", "}")
            + Lines(8, moments, "for (t = 0u; t < n; t++) {", "    c[t] = x[t] - mean;", "    q[t] = c[t] * c[t];", "}")
            + Lines(8, moments, "m2 = ebp_dot(n, c, c) / count;")
            + results
            + Lines(8, true, "x = &x[n];");
        return $$"""
            /* y = statistics of each row of n; scratch has room for two rows. */
            static void ebp_{{name}}(size_t rows, size_t n, const float *x, float *scratch, float *y)
            {
            {{declarations}}    for (r = 0u; r < rows; r++) {
            {{body}}    }
            }

            """;
    }

    private static string Lines(int indent, bool isNeeded, params ReadOnlySpan<string> lines)
    {
        string text = "";
        foreach (string line in lines)
        {
            text += isNeeded ? new string(' ', indent) + line + "\n" : "";
        }

        return text;
    }

    private static string Value(Statistic statistic) => statistic switch
    {
        Statistic.Mean => "mean",
        Statistic.Rms => "rms",
        Statistic.Deviation => "EBP_SQRTF(m2)",
        Statistic.Skewness => "(m2 > 0.0f) ? (ebp_dot(n, q, c) / count) / (m2 * EBP_SQRTF(m2)) : 0.0f",
        Statistic.Kurtosis => "(m2 > 0.0f) ? (ebp_dot(n, q, q) / count) / (m2 * m2) : 0.0f",
        Statistic.ZeroCrossings => "(pairs > 0u) ? (float)changes / (float)pairs : 0.0f",
        Statistic.Crest => "(rms > 0.0f) ? peak / rms : 0.0f",
        _ => "peak",
    };
}
