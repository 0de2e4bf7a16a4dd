using EmbeddedBackprop.Optimizers;

namespace EmbeddedBackprop.Export.COptimizers;

/// <summary>Plain gradient descent in C, for gradients that have memory of their own.</summary>
internal sealed class CSgd : COptimizer
{
    private const string Text = """
        /* w[i] = w[i] - rate g[i] (Nielsen, chapter 1, equations 20 and 21) */
        static void ebp_sgd(size_t n, float rate, const float *g, float *w)
        {
            size_t i;
            for (i = 0u; i < n; i++) {
                w[i] = EBP_M(-rate, g[i], w[i]);
            }
        }

        """;

    protected override Type OptimizerType => typeof(Sgd);

    public override void WriteUpdate(CTraining training, CTensor tensor, CProgram program)
    {
        string sgd = program.Routine("sgd", CFunctions.MultiplyAdd, Text);
        program.Statement($"{sgd}({CText.Size(tensor.Length)}, model->learning_rate, {tensor.Gradient}, {tensor.Place});");
    }
}
