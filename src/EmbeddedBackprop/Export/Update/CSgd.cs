using EmbeddedBackprop.Export.Text;

namespace EmbeddedBackprop.Export.Update;

/// <summary>Gradient descent in C: Optimizers/Sgd.cs.</summary>
internal sealed class CSgd : COptimizer
{
    private const string Text = """
        /* Gradient descent: w = w - rate * g (Nielsen, chapter 1, equations 20 and 21). */
        static void ebp_sgd(size_t n, float minus_rate, const float *g, float *w)
        {
            size_t i;
            for (i = 0u; i < n; i++) {
                w[i] = EBP_M(minus_rate, g[i], w[i]);
            }
        }

        """;

    public override void WriteUpdate(CGroup group, CProgram program) =>
        program.Statement($"{program.Routine("sgd", CFunctions.MultiplyAdd, Text)}({group.Count}, -rate, {group.Gradients}, {group.Weights});");
}
