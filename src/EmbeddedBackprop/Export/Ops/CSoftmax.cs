using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Export.Text;

namespace EmbeddedBackprop.Export.Ops;

/// <summary>Softmax in C: Kernels/Scalar/Norms/SoftmaxRows.cs for one row.</summary>
internal sealed class CSoftmax(Activation softmax) : CActivation(softmax)
{
    public override string Formula => "a_j = e^(z_j - max z) / sum over k of e^(z_k - max z)";

    // The maximum is the engine's, which is found in 16 parts: in another order only the sign of a zero could differ, and e^(z - 0) is the same for
    // both.
    private const string Text = """
        /* a_j = e^(z_j - max z) / sum: the largest is subtracted, so that e^ cannot overflow. The sum has 16 parts, added in pairs as in a dot product. */
        static void ebp_softmax(size_t n, const float *z, float *a)
        {
            float s[16];
            float largest = z[0];
            size_t half;
            size_t i;
            for (i = 1u; i < n; i++) {
                largest = z[i] > largest ? z[i] : largest;
            }
            for (i = 0u; i < 16u; i++) {
                s[i] = 0.0f;
            }
            for (i = 0u; i < n; i++) {
                a[i] = ebp_exp(z[i] - largest);
                s[i % 16u] = s[i % 16u] + a[i];
            }
            for (half = 8u; half > 0u; half /= 2u) {
                for (i = 0u; i < half; i++) {
                    s[i] = s[i] + s[i + half];
                }
            }
            for (i = 0u; i < n; i++) {
                a[i] = a[i] / s[0];
            }
        }

        """;

    /// <summary>Asks for softmax(n, z, a).</summary>
    public static string Ask(CProgram program) => program.Routine("softmax", CFunctions.Exp, Text);

    /// <summary>Asks for softmax_back(n, a, d): d_j = a_j (d_j - sum of a_k d_k), in place.</summary>
    public static string AskBack(CProgram program)
    {
        CReduce.Dot(program, CWeightLoad.Float);
        return program.Routine("softmax_back", CFunctions.None, """
            /* d_j = a_j (d_j - sum of a_k d_k) (Nielsen, chapter 3, equation 78) */
            static void ebp_softmax_back(size_t n, const float *a, float *d)
            {
                const float sum = ebp_dot(n, a, d);
                size_t i;
                for (i = 0u; i < n; i++) {
                    d[i] = a[i] * (d[i] - sum);
                }
            }

            """);
    }

    public override void WriteBackward(CProgram program, int length, string z, string a, string d) =>
        program.Statement($"{AskBack(program)}({CText.Size(length)}, {a}, {d});");

    public override void Write(CProgram program, int length, string z, string a)
    {
        string softmax = Ask(program);
        program.Statement($"{softmax}({CText.Size(length)}, {z}, {a});");
    }
}
