using EmbeddedBackprop.Export.Text;

namespace EmbeddedBackprop.Export.Update;

/// <summary>RMSprop in C: Optimizers/RmsProp.cs.</summary>
internal sealed class CRmsProp(float alpha, float epsilon) : COptimizer
{
    public override void WriteUpdate(CGroup group, CProgram program) =>
        program.Statement($"{program.Routine("rmsprop", CFunctions.MultiplyAdd | CFunctions.SquareRoot, Text())}({group.Count}, -rate, {group.Gradients}, {group.Weights}, {group.State(0)});");

    private string Text() => $$"""
        /* RMSprop: s = alpha * s + (1 - alpha) * g * g; w = w - rate * g / (sqrt(s) + epsilon). */
        static void ebp_rmsprop(size_t n, float minus_rate, const float *g, float *w, float *s)
        {
        {{Constant("alpha", alpha)}}{{Constant("rest", 1f - alpha)}}{{Constant("epsilon", epsilon)}}    size_t i;
            for (i = 0u; i < n; i++) {
                const float kept = alpha * s[i];
                s[i] = EBP_M(rest * g[i], g[i], kept);
                w[i] = EBP_M(minus_rate, g[i] / (EBP_SQRTF(s[i]) + epsilon), w[i]);
            }
        }

        """;
}
