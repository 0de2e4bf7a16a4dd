using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Export.Ops;

/// <summary>The mean or the largest element of every channel, in C.</summary>
/// <param name="isMean">The mean; else the largest element.</param>
internal sealed class CGlobalPool(bool isMean) : COp
{
    private const string MaximaBackwardText = """
        /* The first number of channel c that is y[c] gets dy[c]. */
        static void ebp_channel_maxima_backward(size_t channels, size_t positions, const float *x, const float *y, const float *dy, float *dx)
        {
            size_t c;
            for (c = 0u; c < channels; c++) {
                size_t i = 0u;
                while (i < positions && x[i] != y[c]) {
                    i++;
                }
                i = i < positions ? i : 0u; /* a NaN equals nothing */
                dx[i] = dx[i] + dy[c];
                x = &x[positions];
                dx = &dx[positions];
            }
        }

        """;

    public override bool TakesIntegers => !isMean;

    public override void Write(CStep step, CProgram program)
    {
        Shape shape = step.InputShape(0);
        int positions = shape.Length / shape[0];
        program.Comment($"{step.Name}: a^{step.Number}[{shape[0]}] = the {(isMean ? "mean" : "largest")} of the {positions} numbers of each channel");
        if (step.OutputType != CElement.Float)
        {
            WriteMaxima(step, program, shape[0], positions);
            return;
        }

        (string name, string value) = isMean
            ? ("channel_means", "ebp_sum_of(positions, x + (c * positions)) / (float)positions")
            : ("channel_maxima", "ebp_maximum(positions, x + (c * positions))");
        if (isMean)
        {
            CReduce.Sum(program);
        }
        else
        {
            CReduce.Maximum(program);
        }

        string each = program.Routine(name, CFunctions.None, $$"""
            static void ebp_{{name}}(size_t channels, size_t positions, const float *x, float *y)
            {
                size_t c;
                for (c = 0u; c < channels; c++) {
                    y[c] = {{value}};
                }
            }

            """);
        program.Statement($"{each}({CText.Size(shape[0])}, {CText.Size(positions)}, {step.Inputs[0]}, {step.Output});");
    }

    public override void WriteBackward(CBackwardStep step, CProgram program)
    {
        if (step.InputGradients[0] is not { } dx)
        {
            return;
        }

        Shape shape = step.Forward.InputShape(0);
        string channels = CText.Size(shape[0]);
        int positions = shape.Length / shape[0];
        program.Comment(
            $"{step.Name}, backwards: dC/dx {(isMean ? $"= dC/dy / {positions} at every number of the channel" : "+= dC/dy at the first number that is the largest")}"
        );
        if (isMean)
        {
            program.Statement(
                $"{MeansBackward(program, step.ContinueInputGradients[0])}({channels}, {CText.Size(positions)}, {step.OutputGradient}, {dx});");
            return;
        }

        step.Begin(program, 0);
        string back = program.Routine("channel_maxima_backward", CFunctions.None, MaximaBackwardText);
        program.Statement(
            $"{back}({channels}, {CText.Size(positions)}, {step.Forward.Inputs[0]}, {step.Forward.Output}, {step.OutputGradient}, {dx});");
    }

    /// <summary>The largest integers.</summary>
    private static void WriteMaxima(CStep step, CProgram program, int channels, int positions)
    {
        (string type, string name) = (step.OutputType.Type, "channel_maxima" + step.OutputType.Suffix);
        string each = program.Routine(name, CFunctions.None, $$"""
            static void ebp_{{name}}(size_t channels, size_t positions, const {{type}} *x, {{type}} *y)
            {
                size_t c;
                size_t i;
                for (c = 0u; c < channels; c++) {
                    {{type}} best = x[0];
                    for (i = 1u; i < positions; i++) {
                        best = x[i] > best ? x[i] : best;
                    }
                    y[c] = best;
                    x += positions;
                }
            }

            """);
        program.Statement($"{each}({CText.Size(channels)}, {CText.Size(positions)}, {step.Inputs[0]}, {step.Output});");
    }

    /// <summary>Asks for the gradient of the mean.</summary>
    private static string MeansBackward(CProgram program, bool adds)
    {
        string name = (adds ? "add" : "spread") + "_channel_means";
        return program.Routine(name, CFunctions.None, $$"""
            /* Every number of channel c gets its share of dy[c]. */
            static void ebp_{{name}}(size_t channels, size_t positions, const float *dy, float *dx)
            {
                size_t c;
                size_t i;
                for (c = 0u; c < channels; c++) {
                    const float share = dy[c] / (float)positions;
                    for (i = 0u; i < positions; i++) {
                        *dx = {{(adds ? "*dx + share" : "share")}};
                        dx++;
                    }
                }
            }

            """);
    }
}
