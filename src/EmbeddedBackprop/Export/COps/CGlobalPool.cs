using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Export.COps;

/// <summary>The mean or the largest number of every channel, in C.</summary>
/// <typeparam name="TOp">The op.</typeparam>
internal sealed class CGlobalPool<TOp> : COp where TOp : GlobalPooling
{
    private static readonly bool IsMean = typeof(TOp) == typeof(GlobalAveragePool);

    protected override Type OpType => typeof(TOp);

    public override void Write(CStep step, CProgram program)
    {
        Shape shape = step.InputShape(0);
        int positions = shape.Length / shape[0];
        program.Comment($"{step.Name}: a^{step.Number}[{shape[0]}] = the {(IsMean ? "mean" : "largest")} of the {positions} numbers of each channel");
        (string name, string value) = IsMean
            ? ("channel_means", "ebp_sum_of(positions, x + (c * positions)) / (float)positions")
            : ("channel_maxima", "ebp_maximum(positions, x + (c * positions))");
        if (IsMean)
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
}
