using EmbeddedBackprop.Export.Ops.Integer;
using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Export.Ops;

/// <summary>The mean or the largest value of every feature over time, in C; steps whose mask is not above 0 are left out.</summary>
/// <param name="isMean">The mean; else the largest element.</param>
internal sealed class COverTime(bool isMean) : COp
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

    private const string MeanBackText = """
        /* Every step that counts gets the gradient divided by their number; dx may go on from what stands there. */
        static void ebp_mean_over_time_back(size_t steps, size_t features, const float *mask, const float *dy, int goes_on, float *dx)
        {
            size_t n = 0u;
            size_t t;
            size_t j;
            for (t = 0u; t < steps; t++) {
                n += (mask == NULL || mask[t] > 0.0f) ? 1u : 0u;
            }
            for (t = 0u; t < steps; t++) {
                for (j = 0u; j < features; j++) {
                    const float before = goes_on != 0 ? *dx : 0.0f;
                    if (mask == NULL || mask[t] > 0.0f) {
                        const float d = dy[j] / (float)n;
                        *dx = goes_on != 0 ? before + d : d;
                    } else {
                        *dx = before;
                    }
                    dx++;
                }
            }
        }

        """;

    private const string MaximumBackText = """
        /* The gradient goes to the first step where the largest value stands; dx may go on from what stands there. */
        static void ebp_max_over_time_back(size_t steps, size_t features, const float *x, const float *mask, const float *dy, int goes_on, float *dx)
        {
            size_t t;
            size_t j;
            if (goes_on == 0) {
                (void)memset(dx, 0, steps * features * sizeof *dx);
            }
            for (j = 0u; j < features; j++) {
                size_t winner = steps;
                for (t = 0u; t < steps; t++) {
                    if ((mask == NULL || mask[t] > 0.0f) && (winner == steps || x[(t * features) + j] > x[(winner * features) + j])) {
                        winner = t;
                    }
                }
                if (winner < steps) {
                    dx[(winner * features) + j] = dx[(winner * features) + j] + dy[j];
                }
            }
        }

        """;

    public override bool TakesIntegers => !isMean;

    public override void Write(CStep step, CProgram program)
    {
        Shape shape = step.InputShape(0);
        program.Comment(
            $"{step.Name}: a^{step.Number}[{shape[1]}] = the {(isMean ? "mean" : "largest")} of each feature over {shape[0]} steps{(step.Inputs.Length > 1 ? " that the mask leaves" : "")}"
        );
        string name = isMean ? "mean_over_time" : "max_over_time";
        if (step.Source is { } source)
        {
            CIntegerMaximum.Write(step, program, source.OutputType.ZeroPoint);
            return;
        }

        string routine = program.Routine(name, CFunctions.None, isMean ? MeanText : MaximumText);
        string mask = step.Inputs.Length > 1 ? step.Inputs[1] : "NULL";
        program.Statement($"{routine}({CText.Size(shape[0])}, {CText.Size(shape[1])}, {step.Inputs[0]}, {mask}, {step.Output});");
    }

    public override void WriteBackward(CBackwardStep step, CProgram program)
    {
        if (step.InputGradients[0] is not { } dx)
        {
            return;
        }

        Shape shape = step.Forward.InputShape(0);
        program.Comment(
            $"{step.Name}, backwards: {(isMean ? "every step that counts gets its share of the gradient" : "the gradient goes to the step of the largest value")}"
        );
        string back = program.Routine(
            isMean ? "mean_over_time_back" : "max_over_time_back",
            CFunctions.None,
            isMean ? MeanBackText : MaximumBackText);
        string mask = step.Forward.Inputs.Length > 1 ? step.Forward.Inputs[1] : "NULL",
            x = isMean ? "" : step.Forward.Inputs[0] + ", ";
        program.Statement(
            $"{back}({CText.Size(shape[0])}, {CText.Size(shape[1])}, {x}{mask}, {step.OutputGradient}, {(step.ContinueInputGradients[0] ? 1 : 0)}, {dx});"
        );
    }
}
