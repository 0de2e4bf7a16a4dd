using System.Text;
using EmbeddedBackprop.Export.Text;

namespace EmbeddedBackprop.Export.Ops;

/// <summary>One result from many elements in C: the 16 parts of Kernels/Scalar/Products/Reduce.cs.</summary>
internal static class CReduce
{
    private const string FoldText = """
        /* Adds 16 parts in pairs, 8 apart, 4, 2 and 1. */
        static float ebp_fold(float *s)
        {
            size_t half;
            size_t i;
            for (half = 8u; half > 0u; half /= 2u) {
                for (i = 0u; i < half; i++) {
                    s[i] = s[i] + s[i + half];
                }
            }
            return s[0];
        }

        """;

    private const string SumText = """
        /* One long sum in 16 parts: term i goes to part i mod 16. */
        static float ebp_sum_of(size_t n, const float *x)
        {
            float s[16];
            size_t i;
            for (i = 0u; i < 16u; i++) {
                s[i] = 0.0f;
            }
            for (i = 0u; i < n; i++) {
                s[i % 16u] = s[i % 16u] + x[i];
            }
            return ebp_fold(s);
        }

        """;

    private const string MaximumText = """
        /* The largest in 16 parts, as the engine finds it: of +0 and -0 it is the same one. */
        static float ebp_maximum(size_t n, const float *x)
        {
            float m[16];
            size_t half;
            size_t i;
            for (i = 0u; i < 16u; i++) {
                m[i] = x[0];
            }
            for (i = 0u; i < n; i++) {
                m[i % 16u] = x[i] > m[i % 16u] ? x[i] : m[i % 16u];
            }
            for (half = 8u; half > 0u; half /= 2u) {
                for (i = 0u; i < half; i++) {
                    m[i] = m[i + half] > m[i] ? m[i + half] : m[i];
                }
            }
            return m[0];
        }

        """;

    /// <summary>Asks for ebp_fold(parts).</summary>
    public static void Fold(CProgram program) => program.Routine("fold", CFunctions.None, FoldText);

    /// <summary>Asks for ebp_sum_of(n, x).</summary>
    public static void Sum(CProgram program)
    {
        Fold(program);
        program.Routine("sum_of", CFunctions.None, SumText);
    }

    /// <summary>Asks for ebp_maximum(n, x).</summary>
    public static void Maximum(CProgram program) => program.Routine("maximum", CFunctions.None, MaximumText);

    /// <summary>Asks for dot(n, x, w) with weights of a storage.</summary>
    /// <returns>The name to call the routine by.</returns>
    public static string Dot(CProgram program, CWeightLoad load) =>
        program.Routine("dot" + load.Suffix, CFunctions.MultiplyAdd | load.Functions | load.NeighbourFunctions, DotText(load));

    /// <summary>The dot product: element i goes to sum i mod 16, and a fixed tree joins the sums.</summary>
    private static string DotText(CWeightLoad load)
    {
        StringBuilder text = new();
        text.Append(
                $"/* One long sum in 16 parts: term i goes to part i mod 16; then the parts are added in pairs, 8 apart, 4, 2 and 1.{load.Remark} */\n"
            )
            .Append($"static float ebp_dot{load.Suffix}(size_t n, const float *x, {load.Parameter("w")})\n{{\n")
            .Append(load.Factor("    ", "f", "w", "0"))
            .Append("    const size_t rest = n % 16u;\n    size_t i;\n");
        for (int l = 0; l < 16; l++)
        {
            text.Append($"    float s{l} = 0.0f;\n");
        }

        text.Append("    for (i = 0u; i < n - rest; i += 16u) {\n");
        (string Before, string Weight)[] weights = [.. load.Neighbours(16, l => $"w[{At(l)}]", _ => "f")];
        for (int l = 0; l < 16; l++)
        {
            (string before, string weight) = weights[l];
            text.Append(before.Length > 0 ? $"        {before}\n" : "").Append($"        s{l} = EBP_M(x[{At(l)}], {weight}, s{l});\n");
        }

        text.Append("    }\n");
        for (int l = 0; l < 15; l++)
        {
            text.Append($"    if (rest > {l}u) {{\n        s{l} = EBP_M(x[{At(l)}], {load.Weight($"w[{At(l)}]", "f")}, s{l});\n    }}\n");
        }

        for (int half = 8; half >= 1; half /= 2)
        {
            for (int l = 0; l < half; l++)
            {
                text.Append($"    s{l} = s{l} + s{l + half};\n");
            }
        }

        return text.Append("    return s0;\n}\n").ToString();
    }

    private static string At(int offset) => offset == 0 ? "i" : $"i + {offset}u";
}
