using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Optimizers;

namespace EmbeddedBackprop.Export.Update;

/// <summary>Rprop in C: Optimizers/Rprop.cs.</summary>
internal sealed class CRprop(Rprop settings) : COptimizer
{
    public override void WriteUpdate(CGroup group, CProgram program) =>
        program.Statement($"{program.Routine("rprop", CFunctions.None, Text())}({group.Count}, rate, {group.Gradients}, {group.Weights}, {group.State(0)}, {group.State(1)});");

    private string Text() => $$"""
        static float ebp_sign(float x)
        {
            return x > 0.0f ? 1.0f : (0.0f > x ? -1.0f : 0.0f);
        }

        /*
         * Rprop: only signs count. The step h of each weight (the rate at first) grows while the sign of its gradient stays and shrinks when it turns;
         * then that update is left out: w = w - sign(g) * h.
         */
        static void ebp_rprop(size_t n, float rate, const float *g, float *w, float *previous, float *step)
        {
        {{Constant("decrease", settings.Decrease)}}{{Constant("increase", settings.Increase)}}{{Constant("smallest", settings.SmallestStep)}}{{Constant("largest", settings.LargestStep)}}    size_t i;
            for (i = 0u; i < n; i++) {
                const float turn = ebp_sign(g[i]) * ebp_sign(previous[i]);
                const float now = 0.0f > turn ? 0.0f : g[i];
                float h = step[i] > 0.0f ? step[i] : rate;
                float move;
                h = h * (turn > 0.0f ? increase : (0.0f > turn ? decrease : 1.0f));
                h = h > smallest ? h : smallest;
                h = h > largest ? largest : h;
                move = ebp_sign(now) * h;
                w[i] = w[i] - move;
                previous[i] = now;
                step[i] = h;
            }
        }

        """;
}
