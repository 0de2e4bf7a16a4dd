using EmbeddedBackprop.Export.Text;

namespace EmbeddedBackprop.Export.Update;

/// <summary>Adam and AdamW in C: Optimizers/AdamFormula.cs.</summary>
internal sealed class CAdam(float beta1, float beta2, float epsilon) : COptimizer
{
    public override void WriteBegin(CTraining training, CProgram program)
    {
        string first = $"optimizer[{CText.Size(Scalar(training, 0))}]", second = $"optimizer[{CText.Size(Scalar(training, 1))}]";
        program.Routine("adam", CFunctions.MultiplyAdd | CFunctions.SquareRoot, Text());
        program.Gap();
        program.Comment("beta1^t and beta2^t, and what they make of the means, which began with 0");
        program.Statement($"{first} = {first} * {CText.Hex(beta1)};");
        program.Statement($"{second} = {second} * {CText.Hex(beta2)};");
        program.Statement($"const float inverse_root = 1.0f / EBP_SQRTF(1.0f - {second});");
        program.Statement($"const float minus_rate = -(rate / (1.0f - {first}));");
    }

    public override void WriteUpdate(CGroup group, CProgram program) =>
        program.Statement($"{program.Prefix}_adam({group.Count}, -(rate * {CText.Hex(group.Decay)}), inverse_root, minus_rate, {group.Gradients}, {group.Weights}, {group.State(0)}, {group.State(1)});");

    private string Text() => $$"""
        /*
         * Adam (AdamW where minus_decay is not 0): w = w - rate * decay * w; m = beta1 * m + (1 - beta1) * g; v = beta2 * v + (1 - beta2) * g * g;
         * w = w - rate / (1 - beta1^t) * m / (sqrt(v) / sqrt(1 - beta2^t) + epsilon), the powers kept by the caller.
         */
        static void ebp_adam(
            size_t n, float minus_decay, float inverse_root, float minus_rate, const float *g, float *w, float *m, float *v)
        {
        {{Constant("beta1", beta1)}}{{Constant("rest1", 1f - beta1)}}{{Constant("beta2", beta2)}}{{Constant("rest2", 1f - beta2)}}{{Constant("epsilon", epsilon)}}    size_t i;
            for (i = 0u; i < n; i++) {
                const float new_part = rest1 * g[i];
                const float kept = beta2 * v[i];
                float d;
                w[i] = EBP_M(minus_decay, w[i], w[i]);
                m[i] = EBP_M(beta1, m[i], new_part);
                v[i] = EBP_M(rest2 * g[i], g[i], kept);
                d = EBP_M(EBP_SQRTF(v[i]), inverse_root, epsilon);
                w[i] = EBP_M(minus_rate, m[i] / d, w[i]);
            }
        }

        """;
}
