using EmbeddedBackprop.Export.Text;

namespace EmbeddedBackprop.Export.Ops.Integer;

/// <summary>Sums of products of integers in C: four outputs at once, four inputs in a turn.</summary>
internal static class CSums
{
    private const int Panel = 4;

    // Without the rotation in the instruction a turn takes five instructions more, and no compiler's intrinsic has it.
    private const string Dual = """
        /* Two products of 16 bits in one instruction, where the processor has it: of the even and of the odd bytes of a word. EBP_PORTABLE asks for plain C. */
        #if defined(__ARM_FEATURE_DSP) && (__ARM_FEATURE_DSP == 1) && defined(__GNUC__) && !defined(EBP_PORTABLE)
        #include <arm_acle.h>
        #define EBP_DUAL
        static inline int32_t ebp_word(const int8_t *x)
        {
            int32_t word;
            (void)memcpy(&word, x, sizeof word);
            return word;
        }

        static inline int32_t ebp_odd(int32_t word)
        {
            int32_t odd;
            __asm__("sxtb16 %0, %1, ror #8" : "=r"(odd) : "r"(word));
            return odd;
        }
        #endif

        """;

    /// <summary>
    /// Weights [outputs][inputs] in the order in which the sums read them: panels of four outputs, each [inputs / 4][4 outputs][4 inputs] and then
    /// [inputs left][4 outputs]; then the rows of the outputs that are left.
    /// </summary>
    /// <param name="outputs">Outputs, of which the groups are independent.</param>
    /// <param name="inputs">Products of a sum.</param>
    /// <param name="weight">The weight of an output and an input.</param>
    public static IEnumerable<int> Panels(int outputs, int inputs, Func<int, int, int> weight)
    {
        int whole = outputs - (outputs % Panel), turns = inputs - (inputs % Panel);
        for (int j = 0; j < whole; j += Panel)
        {
            for (int k = 0; k < turns; k += Panel)
            {
                for (int i = 0; i < Panel * Panel; i++)
                {
                    yield return weight(j + (i / Panel), k + (i % Panel));
                }
            }

            for (int i = 0; i < Panel * (inputs - turns); i++)
            {
                yield return weight(j + (i % Panel), turns + (i / Panel));
            }
        }

        for (int j = whole; j < outputs; j++)
        {
            for (int k = 0; k < inputs; k++)
            {
                yield return weight(j, k);
            }
        }
    }

    /// <summary>Asks for sums(p, first, count, w, x, y, stride).</summary>
    /// <param name="program">The program.</param>
    /// <param name="x">The element of the input.</param>
    /// <param name="y">The element of the output.</param>
    /// <param name="isWide">Whether a shift of the layer is below 33.</param>
    /// <returns>The name to call the routine by.</returns>
    public static string Ask(CProgram program, CElement x, CElement y, bool isWide) =>
        Ask(program, x, y, $"sums{x.Suffix}{y.Suffix}{(isWide ? "_wide" : "")}", CRescale.Ask(program, isWide), "layer");

    /// <summary>Asks for products(p, first, count, w, x, y, stride): the same sums, rounded to the ends of 16 bits.</summary>
    /// <param name="program">The program.</param>
    /// <param name="x">The element of the input.</param>
    /// <param name="isWide">Whether a shift of the layer is below 33.</param>
    /// <returns>The name to call the routine by.</returns>
    public static string AskProducts(CProgram program, CElement x, bool isWide) =>
        Ask(program, x, CElement.Int16, $"products{x.Suffix}{(isWide ? "_wide" : "")}", CRescale.AskNarrowed(program, isWide), "matrix");

    private static string Ask(CProgram program, CElement x, CElement y, string name, string round, string structure)
    {
        if (x == CElement.Int8)
        {
            CRescale.AskProduct(program);
            AskDual(program);
        }

        return program.Routine(name, CFunctions.None, Text(name, x, y, round, structure));
    }

    /// <summary>Asks for EBP_DUAL and what reads words of weights.</summary>
    public static void AskDual(CProgram program) => program.Routine("dual", CFunctions.None, Dual);

    /// <summary>The product of an input and a weight.</summary>
    public static string Product(CElement x, string value, string weight) =>
        x == CElement.Int8 ? $"EBP_PRODUCT({value}, {weight})" : $"(int32_t){value} * (int32_t){weight}";

    private static string Text(string name, CElement x, CElement y, string round, string structure) => $$"""
        /*
         * y[stride (j - first)] = the rounded a_j = b_j + sum of x_k w_jk, for so many outputs j from first on. Exact sums may have any order: w has panels of four
         * outputs by four inputs, then the inputs that are left; at its end the rows of outputs that are left.
         */
        static void ebp_{{name}}(const ebp_{{structure}} *p, size_t first, size_t count, const int8_t *w, const {{x.Type}} *x, {{y.Type}} *y, size_t stride)
        {
            size_t j = first;
            size_t n;
            size_t k;
            for (n = count / 4u; n > 0u; n--) {
                const {{x.Type}} *at = x;
                int32_t s0 = p->bias[j];
                int32_t s1 = p->bias[j + 1u];
                int32_t s2 = p->bias[j + 2u];
                int32_t s3 = p->bias[j + 3u];
                for (k = p->inputs / 4u; k > 0u; k--) {
        {{Either(x, Words(Panel), Turns(x))}}            at += 4;
                    w += 16;
                }
                for (k = p->inputs % 4u; k > 0u; k--) {
                    const {{x.Type}} v = at[0];
                    s0 += {{Product(x, "v", "w[0]")}};
                    s1 += {{Product(x, "v", "w[1]")}};
                    s2 += {{Product(x, "v", "w[2]")}};
                    s3 += {{Product(x, "v", "w[3]")}};
                    at++;
                    w += 4;
                }
                y[0] = ({{y.Type}})ebp_{{round}}(p, j, s0);
                y[stride] = ({{y.Type}})ebp_{{round}}(p, j + 1u, s1);
                y[2u * stride] = ({{y.Type}})ebp_{{round}}(p, j + 2u, s2);
                y[3u * stride] = ({{y.Type}})ebp_{{round}}(p, j + 3u, s3);
                y = &y[4u * stride];
                j += 4u;
            }
            for (n = count % 4u; n > 0u; n--) {
                const {{x.Type}} *at = x;
                int32_t s0 = p->bias[j];
                for (k = p->inputs / 4u; k > 0u; k--) {
        {{Either(x, Words(1), Row(x))}}            at += 4;
                    w += 4;
                }
                for (k = p->inputs % 4u; k > 0u; k--) {
                    s0 += {{Product(x, "*at", "*w")}};
                    at++;
                    w++;
                }
                *y = ({{y.Type}})ebp_{{round}}(p, j, s0);
                y = &y[stride];
                j++;
            }
        }

        """;

    /// <summary>The text for two products an instruction, where there is one, and the text in plain C.</summary>
    private static string Either(CElement x, string dual, string plain) =>
        x == CElement.Int8 ? $"#if defined(EBP_DUAL)\n{dual}#else\n{plain}#endif\n" : plain;

    private static string Turns(CElement x) => string.Concat(
        Enumerable.Range(0, Panel).Select(i => $"            {(i == 0 ? $"{x.Type} v" : "v")} = at[{i}];\n{Turn(x, i)}"));

    private static string Row(CElement x) =>
        string.Concat(Enumerable.Range(0, Panel).Select(i => $"            s0 += {Product(x, $"at[{i}]", $"w[{i}]")};\n"));

    private static string Words(int outputs) =>
        "            const int32_t v = ebp_word(at);\n            const int32_t even = __sxtb16(v);\n            const int32_t odd = ebp_odd(v);\n"
        + string.Concat(Enumerable.Range(0, outputs).Select(i =>
            $"            {(i == 0 ? "int32_t four" : "four")} = ebp_word({(i == 0 ? "w" : $"&w[{Panel * i}]")});\n"
            + $"            s{i} = __smlad(even, __sxtb16(four), s{i});\n            s{i} = __smlad(odd, ebp_odd(four), s{i});\n"));

    private static string Turn(CElement x, int input) => string.Concat(
        Enumerable.Range(0, Panel).Select(i => $"            s{i} += {Product(x, "v", $"w[{CText.Number((Panel * i) + input)}]")};\n"));
}
