using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Export.COps;

/// <summary>Batch normalisation with the running statistics as constants, in C: Normalize of Kernels/Scalar/ChannelNorm.cs.</summary>
internal sealed class CBatchNorm : COp
{
    private const string Text = """
        /* y = gamma * ((x - mean) * inverse) + beta for every channel, inverse = 1 / sqrt(variance + epsilon); y may be x. */
        static void ebp_batch_norm(size_t channels, size_t positions, const float *x, const float *mean, const float *inverse, const float *gamma, const float *beta, float *y)
        {
            size_t c;
            size_t i;
            for (c = 0u; c < channels; c++) {
                for (i = c * positions; i < (c + 1u) * positions; i++) {
                    const float normal = (x[i] - mean[c]) * inverse[c];
                    y[i] = EBP_M(gamma[c], normal, beta[c]);
                }
            }
        }

        """;

    protected override Type OpType => typeof(BatchNorm);

    /// <summary>Instead of the running variance the table has 1 / sqrt(variance + epsilon), which the engine computes at every prediction.</summary>
    public override (string Name, float[] Values) KeptTable(Op op, int index, string name, float[] values) => index == 0
        ? (name, values)
        : (op.Name + ".inverse_deviation", Array.ConvertAll(values, variance => 1f / MathF.Sqrt(variance + ((BatchNorm)op).Epsilon)));

    public override void Write(CStep step, CProgram program)
    {
        Shape shape = step.InputShape(0);
        program.Comment($"{step.Name}: a^{step.Number}[{step.OutputLength}] = gamma (x - mean) / deviation + beta for each of {shape[0]} channels (Ioffe and Szegedy 2015)");
        string norm = program.Routine("batch_norm", CFunctions.MultiplyAdd, Text);
        string tables = $"{step.Tables[2].Name}, {step.Tables[3].Name}, {step.Tables[0].Name}, {step.Tables[1].Name}";
        program.Statement($"{norm}({CText.Size(shape[0])}, {CText.Size(shape.Length / shape[0])}, {step.Inputs[0]}, {tables}, {step.Output});");
    }
}
