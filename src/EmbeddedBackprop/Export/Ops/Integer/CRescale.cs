using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Graphs;

namespace EmbeddedBackprop.Export.Ops.Integer;

/// <summary>The one rounding of integers in C, and the structure of a layer that is rounded by it: Kernels/Scalar/Integers/Rounding.cs.</summary>
internal static class CRescale
{
    // A factor of 2^-2 and more has a shift below this one: the sum is multiplied by a power of two first.
    private const int LeastShift = 33;

    private const string Checks = """
        #if (-1 >> 1) != -1
        #error "this compiler shifts no sign into a negative number: integers would be rounded otherwise"
        #endif

        """;

    private const string Product = """
        /* The product of two bytes: on AVR, whose int has 16 bits, one instruction and two moves. */
        #if defined(__AVR__)
        #define EBP_PRODUCT(x, w) ((int16_t)((x) * (w)))
        #else
        #define EBP_PRODUCT(x, w) ((int32_t)(x) * (int32_t)(w))
        #endif

        """;

    private const string High = """
        /*
         * floor(a m / 2^32), m >= 0: one long multiplication, or four products of 16 bits where a processor has none (EBP_SHORT_PRODUCTS asks for them).
         */
        #if !defined(EBP_SHORT_PRODUCTS) && (defined(__ARM_ARCH_6M__) || defined(__ARM_ARCH_8M_BASE__) || defined(__AVR__) \
            || (defined(__riscv) && !defined(__riscv_mul)))
        #define EBP_SHORT_PRODUCTS
        #endif
        static int32_t ebp_high(int32_t a, int32_t m)
        {
        #if defined(EBP_SHORT_PRODUCTS)
            const int32_t lower = (int32_t)(((uint32_t)(a & 0xFFFF) * (uint32_t)(m & 0xFFFF)) >> 16);
            const int32_t t = ((a >> 16) * (m & 0xFFFF)) + lower;
            const int32_t u = (t & 0xFFFF) + ((a & 0xFFFF) * (m >> 16));
            return ((a >> 16) * (m >> 16)) + (t >> 16) + (u >> 16);
        #else
            return (int32_t)(((int64_t)a * m) >> 32);
        #endif
        }

        """;

    private const string Layer = """
        /* What a layer multiplies by and rounds with. Output j: y = zero point + floor(a factor multiplier / 2^(33 + shift) + 1/2), lowest <= y <= highest. */
        typedef struct {
            size_t inputs;             /* products of a sum */
            const int32_t *bias;       /* less the zero point of the input times the sum of the weights */
            const int32_t *multiplier; /* 2^30 to 2^31 - 1, or 0 */
            const int8_t *shift;
            int32_t factor;            /* a power of two: no sum leaves 32 bits by it */
            int32_t zero;              /* 2 * zero point + 1 */
            int32_t lowest;
            int32_t highest;
        } ebp_layer;

        """;

    private const string Matrix = """
        /* What a product b + x W multiplies by and rounds with. Output j: floor(a multiplier / 2^(33 + shift) + 1/2), within 16 bits. */
        typedef struct {
            size_t inputs;             /* products of a sum */
            const int32_t *bias;       /* less the zero point of the input times the sum of the weights */
            const int32_t *multiplier; /* 2^30 to 2^31 - 1, or 0 */
            const int8_t *shift;
        } ebp_matrix;

        """;

    private const string Inline = """
        #if defined(__GNUC__)
        #define EBP_INLINE inline __attribute__((always_inline))
        #else
        #define EBP_INLINE
        #endif

        """;

    private const string Within = """
        /* An integer, or the end that it is beyond. */
        static EBP_INLINE int32_t ebp_within(const ebp_layer *p, int32_t y)
        {
            const int32_t raised = y < p->lowest ? p->lowest : y;
            return raised > p->highest ? p->highest : raised;
        }

        """;

    private const string Narrow = """
        /* An integer below 2^30, or the end of 16 bits that it is beyond. */
        static EBP_INLINE int32_t ebp_narrow(int32_t y)
        {
            return (((uint32_t)y + 32768u) < 65536u) ? y : (32767 ^ (y >> 30));
        }

        """;

    // floor((a m / 2^s) + 1/2) + z = floor((floor(floor(a m / 2^32) / 2^(s-33)) + 2 z + 1) / 2), and no number in it is large.
    private static string Round(bool isWide) => $$"""
        /* A sum becomes its integer: zero point + floor(a m / 2^(33 + shift) + 1/2), within the ends. */
        static EBP_INLINE int32_t ebp_round{{(isWide ? "_wide" : "")}}(const ebp_layer *p, int32_t a, int32_t m, int32_t shift)
        {
        {{(isWide ? Wide : "    return ebp_within(p, ((ebp_high(a, m) >> shift) + p->zero) >> 1);\n")}}}

        """;

    private const string Upscaled = """
            const int32_t up = shift < 0 ? -shift : 0;
            const int32_t most = (int32_t)(0x7FFFFFFF >> up); /* beyond it y meets its ends anyway */
            const int32_t within = a > most ? most : a;
            const int32_t sum = (within < -most ? -most : within) * (int32_t)((uint32_t)1u << up);

        """;

    private const string Wide = Upscaled + """
            return ebp_within(p, ((ebp_high(sum, m) >> (shift + up)) + p->zero) >> 1);

        """;

    private static string Narrowed(string name, bool isWide) => $$"""
        /* The sum a of output j becomes an integer of 16 bits without a zero point. */
        static EBP_INLINE int32_t ebp_{{name}}(const ebp_matrix *p, size_t j, int32_t a)
        {
            const int32_t m = p->multiplier[j];
            const int32_t shift = p->shift[j];
        {{(isWide ? Upscaled : "")}}    return ebp_narrow(((ebp_high({{(isWide ? "sum, m) >> (shift + up)" : "a, m) >> shift")}}) + 1) >> 1);
        }

        """;

    private static string Rescale(string name, string round) => $$"""
        /* The sum a of output j becomes its integer. */
        static int32_t ebp_{{name}}(const ebp_layer *p, size_t j, int32_t a)
        {
            return ebp_{{round}}(p, a * p->factor, p->multiplier[j], p->shift[j]);
        }

        """;

    /// <summary>Asks for EBP_PRODUCT(x, w).</summary>
    public static void AskProduct(CProgram program) => program.Routine("product", CFunctions.None, Product);

    /// <summary>Asks for the checks of the compiler: a shift of a negative number to the right rounds down.</summary>
    public static void AskChecks(CProgram program) => program.Routine("checks", CFunctions.None, Checks);

    /// <summary>Asks for the structure ebp_layer.</summary>
    public static void AskLayer(CProgram program) => program.Routine("layer", CFunctions.None, Layer);

    /// <summary>Asks for the structure ebp_matrix.</summary>
    public static void AskMatrix(CProgram program) => program.Routine("matrix", CFunctions.None, Matrix);

    /// <summary>Asks for within(p, y).</summary>
    public static void AskWithin(CProgram program)
    {
        AskChecks(program);
        program.Routine("inline", CFunctions.None, Inline);
        AskLayer(program);
        program.Routine("within", CFunctions.None, Within);
    }

    /// <summary>Asks for round(p, a, m, shift), which is written into the routine that calls it.</summary>
    /// <param name="program">The program.</param>
    /// <param name="isWide">Whether some shift is below 33.</param>
    /// <returns>The name of the routine without its prefix.</returns>
    public static string AskRound(CProgram program, bool isWide)
    {
        AskChecks(program);
        program.Routine("high", CFunctions.None, High);
        AskWithin(program);
        string name = isWide ? "round_wide" : "round";
        program.Routine(name, CFunctions.None, Round(isWide));
        return name;
    }

    /// <summary>Asks for narrow(y).</summary>
    public static void AskNarrow(CProgram program)
    {
        AskChecks(program);
        program.Routine("inline", CFunctions.None, Inline);
        program.Routine("narrow", CFunctions.None, Narrow);
    }

    /// <summary>Asks for narrowed(p, j, a), which is written into the routine that calls it.</summary>
    /// <param name="program">The program.</param>
    /// <param name="isWide">Whether some shift is below 33.</param>
    /// <returns>The name of the routine without its prefix.</returns>
    public static string AskNarrowed(CProgram program, bool isWide)
    {
        AskNarrow(program);
        program.Routine("high", CFunctions.None, High);
        AskMatrix(program);
        string name = isWide ? "narrowed_wide" : "narrowed";
        program.Routine(name, CFunctions.None, Narrowed(name, isWide));
        return name;
    }

    /// <summary>Asks for rescale(p, j, a).</summary>
    /// <param name="program">The program.</param>
    /// <param name="isWide">Whether some shift is below 33.</param>
    /// <returns>The name of the routine without its prefix.</returns>
    public static string Ask(CProgram program, bool isWide)
    {
        string round = AskRound(program, isWide), name = isWide ? "rescale_wide" : "rescale";
        program.Routine(name, CFunctions.None, Rescale(name, round));
        return name;
    }

    /// <summary>Shifts as the tables hold them: less 33.</summary>
    /// <exception cref="NotSupportedException">A factor is 2^28 or more: every sum but 0 would meet an end.</exception>
    public static int[] Shifts(string layer, ReadOnlySpan<int> m, ReadOnlySpan<int> shifts)
    {
        int[] stored = new int[shifts.Length];
        for (int i = 0; i < stored.Length; i++)
        {
            stored[i] = m[i] == 0 ? 0 : shifts[i] - LeastShift;
            if (stored[i] < -30)
            {
                ExportErrors.FactorTooLarge(layer);
            }
        }

        return stored;
    }

    /// <summary>The bounds of the rounded sum and the constant that holds the zero point.</summary>
    /// <param name="zero">The zero point.</param>
    /// <param name="lowest">The smallest result, without the zero point.</param>
    /// <param name="highest">The largest result, without the zero point.</param>
    public static string Ends(int zero, int lowest, int highest) =>
        $"    .zero = {CText.Number((2 * zero) + 1)}, .lowest = {CText.Number(lowest + zero)}, .highest = {CText.Number(highest + zero)}\n";
}
