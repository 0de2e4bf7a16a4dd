using EmbeddedBackprop.Export.Ops;
using EmbeddedBackprop.Export.Text;

namespace EmbeddedBackprop.Export.Update;

/// <summary>
/// The checks and bounds of gradients and weights around the optimiser, in C: Finite.cs, Elementwise.cs and MaxNorm.cs of Kernels/Scalar and
/// Training/GradientNorm.cs.
/// </summary>
internal static class CBounds
{
    private const string FiniteText = """
        /* Whether no number is infinite or NaN. */
        static int ebp_all_finite(size_t n, const float *x)
        {
            size_t i;
            for (i = 0u; i < n; i++) {
                uint32_t bits;
                (void)memcpy(&bits, &x[i], sizeof bits);
                if ((bits & 0x7F800000u) == 0x7F800000u) {
                    return 0;
                }
            }
            return 1;
        }

        """;

    private const string ClipText = """
        /* Holds every gradient between -bound and bound. */
        static void ebp_clip(size_t n, float bound, float *g)
        {
            size_t i;
            for (i = 0u; i < n; i++) {
                const float t = g[i] > -bound ? g[i] : -bound;
                g[i] = t > bound ? bound : t;
            }
        }

        """;

    private const string ScaleText = """
        /* g = factor * g. */
        static void ebp_scale_by(size_t n, float factor, float *g)
        {
            size_t i;
            for (i = 0u; i < n; i++) {
                g[i] = factor * g[i];
            }
        }

        """;

    private const string SquaresText = """
        /* Adds squares to 16 parts, column after column; element is the place of the first one in the chain of all. */
        static void ebp_add_squares(size_t element, size_t rows, size_t columns, const float *g, float *parts)
        {
            size_t column;
            size_t row;
            for (column = 0u; column < columns; column++) {
                for (row = 0u; row < rows; row++) {
                    const float x = g[(row * columns) + column];
                    parts[element % 16u] = EBP_M(x, x, parts[element % 16u]);
                    element++;
                }
            }
        }

        """;

    private const string AddScaledText = """
        /* L2: g = g + l2 * w. */
        static void ebp_add_scaled(size_t n, float l2, const float *w, float *g)
        {
            size_t i;
            for (i = 0u; i < n; i++) {
                g[i] = EBP_M(l2, w[i], g[i]);
            }
        }

        """;

    private const string AddSignText = """
        /* L1: g = g + l1 * sign(w). */
        static void ebp_add_sign(size_t n, float l1, const float *w, float *g)
        {
            size_t i;
            for (i = 0u; i < n; i++) {
                const float term = w[i] > 0.0f ? l1 : (0.0f > w[i] ? -l1 : 0.0f);
                g[i] = g[i] + term;
            }
        }

        """;

    private const string ShortenText = """
        /* Shortens the weights of each output to a longest length; to_output and to_term are the distances from one to the next. */
        static void ebp_shorten(float longest, size_t outputs, size_t to_output, size_t terms, size_t to_term, float *w)
        {
            size_t j;
            size_t k;
            for (j = 0u; j < outputs; j++) {
                float *const v = w + (j * to_output);
                float parts[16];
                float norm;
                for (k = 0u; k < 16u; k++) {
                    parts[k] = 0.0f;
                }
                for (k = 0u; k < terms; k++) {
                    parts[k % 16u] = EBP_M(v[k * to_term], v[k * to_term], parts[k % 16u]);
                }
                norm = EBP_SQRTF(ebp_fold(parts));
                if (norm > longest && ebp_all_finite(1u, &norm) != 0) {
                    const float factor = longest / norm;
                    for (k = 0u; k < terms; k++) {
                        v[k * to_term] = v[k * to_term] * factor;
                    }
                }
            }
        }

        """;

    /// <summary>Asks for ebp_all_finite(n, x).</summary>
    public static string Finite(CProgram program) => program.Routine("all_finite", CFunctions.None, FiniteText);

    /// <summary>Asks for ebp_clip(n, bound, g).</summary>
    public static string Clip(CProgram program) => program.Routine("clip", CFunctions.None, ClipText);

    /// <summary>Asks for ebp_scale_by(n, factor, g).</summary>
    public static string Scale(CProgram program) => program.Routine("scale_by", CFunctions.None, ScaleText);

    /// <summary>Asks for ebp_add_squares(element, rows, columns, g, parts) and ebp_fold(parts).</summary>
    public static string AddSquares(CProgram program)
    {
        CReduce.Fold(program);
        return program.Routine("add_squares", CFunctions.MultiplyAdd | CFunctions.SquareRoot, SquaresText);
    }

    /// <summary>Asks for ebp_add_scaled(n, l2, w, g).</summary>
    public static string AddScaled(CProgram program) => program.Routine("add_scaled", CFunctions.MultiplyAdd, AddScaledText);

    /// <summary>Asks for ebp_add_sign(n, l1, w, g).</summary>
    public static string AddSign(CProgram program) => program.Routine("add_sign", CFunctions.None, AddSignText);

    /// <summary>Asks for ebp_shorten(longest, outputs, to_output, terms, to_term, w).</summary>
    public static string Shorten(CProgram program)
    {
        CReduce.Fold(program);
        Finite(program);
        return program.Routine("shorten", CFunctions.MultiplyAdd | CFunctions.SquareRoot, ShortenText);
    }
}
