namespace EmbeddedBackprop.Export.COps;

/// <summary>Routines that the backward passes of several ops share, in C: Ops/Gradients.cs and the products of Kernels/Scalar for one sample.</summary>
internal static class CGradients
{
    private const string AddText = """
        /* y[i] = y[i] + x[i] */
        static void ebp_add_to(size_t n, const float *x, float *y)
        {
            size_t i;
            for (i = 0u; i < n; i++) {
                y[i] = y[i] + x[i];
            }
        }

        """;

    private const string OuterText = """
        /* BP4: dw[k][j] = dw[k][j] + x[k] * d[j], dw has a row per input. */
        static void ebp_outer(size_t inputs, size_t outputs, const float *x, const float *d, float *dw)
        {
            size_t k;
            size_t j;
            for (k = 0u; k < inputs; k++) {
                const float xk = x[k];
                for (j = 0u; j < outputs; j++) {
                    *dw = EBP_M(xk, d[j], *dw);
                    dw++;
                }
            }
        }

        """;

    private const string BackText = """
        /* BP2: dx[k] = (dx[k] if it goes on, or 0) + sum of d[j] * w[k][j], one sum after the other in the order of j. */
        static void ebp_dense_back(size_t inputs, size_t outputs, const float *d, const float *w, int goes_on, float *dx)
        {
            size_t k;
            size_t j;
            for (k = 0u; k < inputs; k++) {
                float s = goes_on != 0 ? dx[k] : 0.0f;
                for (j = 0u; j < outputs; j++) {
                    s = EBP_M(d[j], *w, s);
                    w++;
                }
                dx[k] = s;
            }
        }

        """;

    /// <summary>dx = d, or dx + d where another reader of the same node wrote first.</summary>
    public static void PassOn(CProgram program, int length, string d, string dx, bool goesOn)
    {
        if (goesOn)
        {
            Add(program);
            program.Statement($"{program.Prefix}_add_to({CText.Size(length)}, {d}, {dx});");
        }
        else if (d != dx)
        {
            program.Copy(length, d, dx);
        }
    }

    /// <summary>Asks for add_to(n, x, y).</summary>
    public static string Add(CProgram program) => program.Routine("add_to", CFunctions.None, AddText);

    /// <summary>Asks for outer(inputs, outputs, x, d, dw).</summary>
    public static string Outer(CProgram program) => program.Routine("outer", CFunctions.MultiplyAdd, OuterText);

    /// <summary>Asks for dense_back(inputs, outputs, d, w, goes_on, dx).</summary>
    public static string Back(CProgram program) => program.Routine("dense_back", CFunctions.MultiplyAdd, BackText);
}
