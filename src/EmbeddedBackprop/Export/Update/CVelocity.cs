using EmbeddedBackprop.Export.Text;

namespace EmbeddedBackprop.Export.Update;

/// <summary>Momentum in C, Nesterov's too: Optimizers/Momentum.cs and Optimizers/Nesterov.cs.</summary>
internal sealed class CVelocity(string name, float coefficient, bool looksAhead) : COptimizer
{
    public override void WriteUpdate(CGroup group, CProgram program) =>
        program.Statement($"{program.Routine(name, CFunctions.MultiplyAdd, Text())}({group.Count}, -rate, {group.Gradients}, {group.Weights}, {group.State(0)});");

    private string Text() => $$"""
        /* {{(looksAhead ? "Momentum that looks one step ahead: v = mu * v + g; w = w - rate * (mu * v + g)" : "Momentum: v = mu * v + g; w = w - rate * v")}}. */
        static void ebp_{{name}}(size_t n, float minus_rate, const float *g, float *w, float *v)
        {
        {{Constant("mu", coefficient)}}    size_t i;
            for (i = 0u; i < n; i++) {
                v[i] = EBP_M(mu, v[i], g[i]);
                w[i] = EBP_M(minus_rate, {{(looksAhead ? "EBP_M(mu, v[i], g[i])" : "v[i]")}}, w[i]);
            }
        }

        """;
}
