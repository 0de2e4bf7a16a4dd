using EmbeddedBackprop.Export.Text;

namespace EmbeddedBackprop.Export.Update;

/// <summary>Adagrad in C: Optimizers/Adagrad.cs.</summary>
internal sealed class CAdagrad(float epsilon) : COptimizer
{
    public override void WriteUpdate(CGroup group, CProgram program) =>
        program.Statement($"{program.Routine("adagrad", CFunctions.MultiplyAdd | CFunctions.SquareRoot, Text())}({group.Count}, -rate, {group.Gradients}, {group.Weights}, {group.State(0)});");

    private string Text() => $$"""
        /* Adagrad: s = s + g * g; w = w - rate * g / (sqrt(s) + epsilon). */
        static void ebp_adagrad(size_t n, float minus_rate, const float *g, float *w, float *s)
        {
        {{Constant("epsilon", epsilon)}}    size_t i;
            for (i = 0u; i < n; i++) {
                s[i] = EBP_M(g[i], g[i], s[i]);
                w[i] = EBP_M(minus_rate, g[i] / (EBP_SQRTF(s[i]) + epsilon), w[i]);
            }
        }

        """;
}
