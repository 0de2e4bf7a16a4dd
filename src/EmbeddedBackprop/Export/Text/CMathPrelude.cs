namespace EmbeddedBackprop.Export.Text;

/// <summary>
/// The head of every exported C file that computes: checks of the compiler's mode, and the two operations that compilers treat differently.
/// </summary>
internal static class CMathPrelude
{
    public const string Head = """
        #include <float.h>
        #include <stdint.h>
        #include <string.h>

        /*
         * Every float operation below is one IEEE-754 binary32 operation, rounded to nearest even, denormals kept, in the order written: so the results are
         * the same bits everywhere. Compile with -ffp-contract=off (clang always, gcc unless -std=c99), never with -ffast-math, and leave
         * flush-to-zero modes (FTZ, DAZ, FPSCR.FZ) off. Define EBP_PORTABLE to use no instruction beyond plain C.
         */
        #if defined(__FAST_MATH__) || (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__ > 0)
        #error "fast-math changes results: compile this file without it"
        #endif
        #if defined(FLT_EVAL_METHOD) && (FLT_EVAL_METHOD == 1 || FLT_EVAL_METHOD == 2)
        #error "float is computed in a wider format here (x87): use -mfpmath=sse -msse2 or the like"
        #endif
        #if FLT_MANT_DIG != 24
        #error "float is not IEEE-754 binary32 here"
        #endif
        #if defined(__clang__)
        #pragma STDC FP_CONTRACT OFF
        #elif defined(_MSC_VER)
        #pragma fp_contract(off)
        #endif

        """;

    public const string Fused = """
        /*
         * EBP_M(a, b, c): a*b + c with one rounding. A library fmaf is not trusted (some round twice): either it is one instruction here, or it is
         * computed exactly in double: the product is exact, the sum is rounded to odd, and rounding that to float is right.
         */
        #if !defined(EBP_PORTABLE) && (defined(__GNUC__) || defined(__clang__)) \
            && (defined(__FMA__) || defined(__ARM_FEATURE_FMA) || defined(__aarch64__) || (defined(__riscv_flen) && __riscv_flen >= 32))
        #define EBP_FUSED_INSTRUCTION
        #endif
        #if defined(__has_builtin)
        #if __has_builtin(__builtin_elementwise_fma)
        #define EBP_ELEMENTWISE_FMA
        #endif
        #endif
        #if defined(EBP_FUSED_INSTRUCTION) && defined(EBP_ELEMENTWISE_FMA)
        #define EBP_FMAF(a, b, c) __builtin_elementwise_fma((a), (b), (c))
        #elif defined(EBP_FUSED_INSTRUCTION) && (!defined(__clang__) || defined(__FMA__))
        #define EBP_FMAF(a, b, c) __builtin_fmaf((a), (b), (c))
        #elif defined(EBP_FUSED_INSTRUCTION)
        /* Without an operating system this clang makes __builtin_fmaf a call of the library, at every level of optimisation. */
        static float ebp_fused_multiply_add(float a, float b, float c)
        {
            float y;
        #if defined(__aarch64__)
            __asm__("fmadd %s0, %s1, %s2, %s3" : "=w"(y) : "w"(a), "w"(b), "w"(c));
        #elif defined(__riscv)
            __asm__("fmadd.s %0, %1, %2, %3" : "=f"(y) : "f"(a), "f"(b), "f"(c));
        #else
            y = c;
            __asm__("vfma.f32 %0, %1, %2" : "+t"(y) : "t"(a), "t"(b));
        #endif
            return y;
        }
        #define EBP_FMAF(a, b, c) ebp_fused_multiply_add((a), (b), (c))
        #else
        #if DBL_MANT_DIG != 53
        #error "a fused model needs a 64-bit double or a fused multiply-add instruction: export it in separate arithmetic"
        #endif
        static float ebp_fused_multiply_add(float a, float b, float c)
        {
            const double product = (double)a * (double)b;
            const double addend = (double)c;
            double sum = product + addend;
            const double part = sum - product;
            const double error = (product - (sum - part)) + (addend - part);
            if ((error > 0.0) || (error < 0.0)) {
                uint64_t bits;
                (void)memcpy(&bits, &sum, sizeof bits);
                if ((error < 0.0) != (sum < 0.0)) {
                    bits -= 1u;
                }
                bits |= 1u;
                (void)memcpy(&sum, &bits, sizeof sum);
            }
            return (float)sum;
        }
        #define EBP_FMAF(a, b, c) ebp_fused_multiply_add((a), (b), (c))
        #endif
        #define EBP_M(a, b, c) EBP_FMAF(a, b, c)

        """;

    public const string Separate = """
        /* EBP_M(a, b, c): a*b rounded, then + c rounded; two statements, so that no compiler in its standard mode joins them. */
        static float ebp_multiply_add(float a, float b, float c)
        {
            const float product = a * b;
            return product + c;
        }
        #define EBP_M(a, b, c) ebp_multiply_add((a), (b), (c))

        """;

    public const string SquareRoot = """
        /* EBP_SQRTF(x): the IEEE square root; without optimisation compilers call the library for sqrtf even where it is one instruction. */
        #if !defined(EBP_PORTABLE) && (defined(__SSE__) || defined(_M_X64))
        #include <xmmintrin.h>
        static float ebp_square_root(float x)
        {
            return _mm_cvtss_f32(_mm_sqrt_ss(_mm_set_ss(x)));
        }
        #elif !defined(EBP_PORTABLE) && (defined(__GNUC__) || defined(__clang__)) && defined(__aarch64__)
        static float ebp_square_root(float x)
        {
            float y;
            __asm__("fsqrt %s0, %s1" : "=w"(y) : "w"(x));
            return y;
        }
        #elif !defined(EBP_PORTABLE) && (defined(__GNUC__) || defined(__clang__)) && defined(__ARM_PCS_VFP) && defined(__ARM_FP) && (__ARM_FP & 4)
        static float ebp_square_root(float x)
        {
            float y;
            __asm__("vsqrt.f32 %0, %1" : "=t"(y) : "t"(x));
            return y;
        }
        #elif !defined(EBP_PORTABLE) && (defined(__GNUC__) || defined(__clang__)) && defined(__riscv_flen) && __riscv_flen >= 32
        static float ebp_square_root(float x)
        {
            float y;
            __asm__("fsqrt.s %0, %1" : "=f"(y) : "f"(x));
            return y;
        }
        #else
        /* Digit by digit in integers: 25 bits of the root, the last one for rounding. A tie cannot happen: its square would need 50 bits. */
        static float ebp_square_root(float x)
        {
            uint32_t bits;
            uint32_t m;
            uint32_t root = 0u;
            uint32_t rest = 0u;
            int32_t e;
            int step;
            float y;
            (void)memcpy(&bits, &x, sizeof bits);
            if ((bits & 0x7FFFFFFFu) == 0u || (bits & 0x7FFFFFFFu) > 0x7F800000u || bits == 0x7F800000u) {
                return x; /* +0, -0, NaN, +infinity */
            }
            if ((bits >> 31) != 0u) {
                bits = 0x7FC00000u;
                (void)memcpy(&y, &bits, sizeof y);
                return y;
            }
            e = (int32_t)(bits >> 23);
            m = bits & 0x7FFFFFu;
            if (e == 0) {
                e = 1;
                while ((m & 0x800000u) == 0u) {
                    m <<= 1;
                    e -= 1;
                }
            }
            m |= 0x800000u;
            /* x = m * 2^(e - 150). The radicand gets 26 bits and an even exponent. */
            if ((e & 1) != 0) {
                m <<= 1;
                e -= 1;
            } else {
                m <<= 2;
                e -= 2;
            }
            for (step = 0; step < 25; step++) {
                uint32_t trial = (root << 2) | 1u;
                rest = (rest << 2) | ((m >> 24) & 3u);
                m = (m << 2) & 0x3FFFFFFu;
                root <<= 1;
                if (rest >= trial) {
                    rest -= trial;
                    root |= 1u;
                }
            }
            /* root = sqrt(m * 2^24), so x's root is root * 2^((e - 150) / 2 - 12); rounded to 24 bits, the carry goes into the exponent. */
            e = (e + 126) / 2;
            bits = ((root + 1u) >> 1) + ((uint32_t)e << 23);
            (void)memcpy(&y, &bits, sizeof y);
            return y;
        }
        #endif
        #define EBP_SQRTF(x) ebp_square_root(x)

        """;
}
