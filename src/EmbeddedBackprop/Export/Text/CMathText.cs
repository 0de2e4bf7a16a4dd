namespace EmbeddedBackprop.Export.Text;

/// <summary>C that no formula prints: bit casts, binary16, and sin and cos of Kernels/Lanes/Transcendental.cs (a test compares their bits).</summary>
internal static class CMathText
{
    public const string Bits = """
        static uint32_t ebp_bits(float x)
        {
            uint32_t bits;
            (void)memcpy(&bits, &x, sizeof bits);
            return bits;
        }

        static float ebp_from_bits(uint32_t bits)
        {
            float x;
            (void)memcpy(&x, &bits, sizeof x);
            return x;
        }

        """;

    public const string Half = """
        /* The number whose IEEE binary16 bits are the lower 16 of a word, exactly; infinities and NaN are not stored. */
        #if !defined(EBP_PORTABLE) && (defined(__GNUC__) || defined(__clang__)) && defined(__ARM_FP) && !defined(__SOFTFP__) \
            && !defined(__aarch64__) && ((__ARM_FP & 2) != 0 || (defined(__ARM_ARCH_PROFILE) && __ARM_ARCH_PROFILE == 'M'))
        /* Every FPU of a Cortex-M has this instruction; gcc does not say so in __ARM_FP where there is no double. */
        #define EBP_HALF_INSTRUCTION
        static float ebp_half(uint32_t word)
        {
            float y;
            __asm__("vcvtb.f32.f16 %0, %1" : "=t"(y) : "t"(word));
            return y;
        }
        #else
        /* Sign, exponent and fraction at their places in a float, whose bias is 112 more: a product without rounding. */
        static float ebp_half(uint32_t word)
        {
            uint32_t bits = ((word & 0x7FFFu) << 13) | ((word & 0x8000u) << 16);
            float x;
        #if defined(__SOFTFP__) || defined(__AVR__) || (defined(__riscv) && !defined(__riscv_flen))
            /* Where a product is a call: a normal number gets the other bias by an integer sum. */
            if ((word & 0x7C00u) != 0u) {
                bits += 0x38000000u;
                (void)memcpy(&x, &bits, sizeof x);
                return x;
            }
        #endif
            (void)memcpy(&x, &bits, sizeof x);
            return x * 0x1p112f;
        }
        #endif

        """;

    public const string HalfPair = """
        /* Two neighbours of a table as one word, which compilers load at once; the first is the lower half. */
        static uint32_t ebp_two_halves(const uint16_t *pair)
        {
            return (uint32_t)pair[0] | ((uint32_t)pair[1] << 16);
        }

        static float ebp_upper_half(uint32_t word)
        {
        #if defined(EBP_HALF_INSTRUCTION)
            float y;
            __asm__("vcvtt.f32.f16 %0, %1" : "=t"(y) : "t"(word));
            return y;
        #else
            return ebp_half(word >> 16);
        #endif
        }

        """;

    public const string SinAtQuadrant = """
        /* sin(a + quadrant * pi/2) for 0 <= a <= 12800, NaN above: a = n pi/2 + r, pi/2 in three parts of 11 bits and a rest. */
        static float ebp_sin_at_quadrant(float a, uint32_t quadrant)
        {
            float t;
            float n;
            float r;
            float u;
            float y;
            if (!(a <= 12800.0f)) {
                return ebp_from_bits(0x7FC00000u);
            }
            t = EBP_M(a, 0.636619747f, 12582912.0f);
            n = t - 12582912.0f;
            r = EBP_M(n, -1.5703125f, a);
            r = EBP_M(n, -4.83751297e-4f, r);
            r = EBP_M(n, -7.54953362e-8f, r);
            r = EBP_M(n, -2.56334407e-12f, r);
            u = r * r;
            quadrant += ebp_bits(t);
            if ((quadrant & 1u) == 0u) {
                float p = -1.95180852e-4f;
                p = EBP_M(p, u, 8.33218824e-3f);
                p = EBP_M(p, u, -0.166666552f);
                y = EBP_M(u * r, p, r);
            } else {
                float q = 2.44323273e-5f;
                q = EBP_M(q, u, -1.38873095e-3f);
                q = EBP_M(q, u, 4.16666456e-2f);
                y = EBP_M(u * u, q, EBP_M(u, -0.5f, 1.0f));
            }
            return (quadrant & 2u) != 0u ? -y : y;
        }

        """;

    public const string Sin = """
        static float ebp_sin(float x)
        {
            const float y = ebp_sin_at_quadrant(ebp_from_bits(ebp_bits(x) & 0x7FFFFFFFu), 0u);
            return (ebp_bits(x) >> 31) != 0u ? -y : y;
        }

        """;

    public const string Cos = """
        static float ebp_cos(float x)
        {
            return ebp_sin_at_quadrant(ebp_from_bits(ebp_bits(x) & 0x7FFFFFFFu), 1u);
        }

        """;
}
