using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Export.COps;

/// <summary>The mean or the largest value of every feature over time, in C; steps whose mask is not above 0 are left out.</summary>
/// <typeparam name="TOp">The op.</typeparam>
internal sealed class COverTime<TOp> : COp where TOp : OverTime
{
    private const string MeanText = """
        /* y[j] = mean of x[t][j] over the steps that count; mask may be NULL: all count. Without any the mean is 0. */
        static void ebp_mean_over_time(size_t steps, size_t features, const float *x, const float *mask, float *y)
        {
            size_t t;
            size_t j;
            for (j = 0u; j < features; j++) {
                float sum = 0.0f;
                size_t n = 0u;
                for (t = 0u; t < steps; t++) {
                    if (mask == NULL || mask[t] > 0.0f) {
                        sum = sum + x[(t * features) + j];
                        n++;
                    }
                }
                y[j] = n > 0u ? sum / (float)n : sum;
            }
        }

        """;

    private const string MaximumText = """
        /* y[j] = the largest x[t][j] over the steps that count, the first of equal ones; mask may be NULL: all count. Without any it is 0. */
        static void ebp_max_over_time(size_t steps, size_t features, const float *x, const float *mask, float *y)
        {
            size_t t;
            size_t j;
            for (j = 0u; j < features; j++) {
                float best = 0.0f;
                int any = 0;
                for (t = 0u; t < steps; t++) {
                    if ((mask == NULL || mask[t] > 0.0f) && (any == 0 || x[(t * features) + j] > best)) {
                        best = x[(t * features) + j];
                        any = 1;
                    }
                }
                y[j] = best;
            }
        }

        """;

    private static readonly bool IsMean = typeof(TOp) == typeof(MeanOverTime);

    protected override Type OpType => typeof(TOp);

    public override void Write(CStep step, CProgram program)
    {
        Shape shape = step.InputShape(0);
        program.Comment(
            $"{step.Name}: a^{step.Number}[{shape[1]}] = the {(IsMean ? "mean" : "largest")} of each feature over {shape[0]} steps{(step.Inputs.Length > 1 ? " that the mask leaves" : "")}");
        string routine = program.Routine(IsMean ? "mean_over_time" : "max_over_time", CFunctions.None, IsMean ? MeanText : MaximumText);
        string mask = step.Inputs.Length > 1 ? step.Inputs[1] : "NULL";
        program.Statement($"{routine}({CText.Size(shape[0])}, {CText.Size(shape[1])}, {step.Inputs[0]}, {mask}, {step.Output});");
    }
}
