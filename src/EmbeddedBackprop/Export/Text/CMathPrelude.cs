namespace EmbeddedBackprop.Export.Text;

/// <summary>
/// The head of every exported C file that computes: checks of the compiler's mode, and the two operations that compilers treat differently.
/// </summary>
/// <remarks>
/// gcc and clang compile and run all of it in the tests. The parts for IAR (its Development Guide: intrinsics.h, __ARMVFP__) and for armcc (Arm
/// DUI 0472: embedded assembler, __sqrtf, __FP_IEEE, __TARGET_FPU_VFP) are written from the manuals: no such compiler was at hand, and the tests
/// compile them with gcc, which takes their macros and intrinsics from a file that stands in for the compiler.
/// </remarks>
internal static class CMathPrelude
{
    public const string Head = """
        #include <float.h>
        #include <stdint.h>
        #include <string.h>

        /*
         * Every float operation below is one IEEE-754 binary32 operation, rounded to nearest even, denormals kept, in the order written: so the results are
         * the same bits everywhere. The pragmas below switch contraction off (a*b + c as one instruction), so no option is needed for it; only
         * clang's -ffp-contract=fast overrules its pragma. Never use -ffast-math, and leave flush-to-zero modes (FTZ, DAZ, FPSCR.FZ) off.
         * Define EBP_PORTABLE to use no instruction beyond plain C.
         */
        #if defined(__FAST_MATH__) || (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__ > 0)
        #error "fast-math changes results: compile this file without it"
        #endif
        #if defined(__CC_ARM) && !defined(__FP_IEEE)
        #error "armcc's --fpmode=std flushes denormals to zero: compile and link with --fpmode=ieee_no_fenv"
        #endif
        #if defined(FLT_EVAL_METHOD) && (FLT_EVAL_METHOD < 0 || FLT_EVAL_METHOD == 1 || FLT_EVAL_METHOD == 2)
        #if defined(__s390__) || defined(__s390x__)
        #error "float is computed in double here (FLT_EVAL_METHOD is 1, as gcc chooses for s390x with -std=c99): use -fexcess-precision=fast"
        #elif defined(__i386__) || defined(__x86_64__) || defined(_M_IX86)
        #error "float is computed in a wider format here (FLT_EVAL_METHOD is not 0, x87): use -mfpmath=sse -msse2 or the like"
        #else
        #error "float is computed in a wider format here (FLT_EVAL_METHOD is not 0): results would be rounded twice"
        #endif
        #endif
        #if FLT_MANT_DIG != 24
        #error "float is not IEEE-754 binary32 here"
        #endif
        #if defined(_MSC_VER) && !defined(__clang__)
        #pragma fp_contract(off)
        #elif defined(__GNUC__) && !defined(__clang__) && !defined(__ICCARM__) && !defined(__CC_ARM) && !defined(__TI_COMPILER_VERSION__) \
            && !defined(__ghs__) && !defined(__INTEL_COMPILER)
        #pragma GCC optimize ("-ffp-contract=off")
        #else
        #pragma STDC FP_CONTRACT OFF
        #endif

        """;

    public const string Fused = """
        /*
         * EBP_M(a, b, c): a*b + c with one rounding. A library fmaf is not trusted (some round twice): either it is one instruction here, or it is
         * computed exactly in double: the product is exact, the sum is rounded to odd, and rounding that to float is right.
         * EBP_EMULATED_FMA is 1 where it is computed so, many times slower; define EBP_REQUIRE_FMA to have the compiler refuse that.
         */
        #if defined(EBP_PORTABLE)
        /* No instruction is looked for. */
        #elif defined(__ICCARM__)
        #if defined(__ARM_FEATURE_FMA) || (defined(__ARMVFP__) && defined(__ARMVFPV4__) && (__ARMVFP__ >= __ARMVFPV4__))
        #define EBP_IAR_INSTRUCTION
        #endif
        #elif defined(__CC_ARM)
        #if defined(__TARGET_FPU_VFP) && defined(__TARGET_ARCH_7E_M)
        #define EBP_ARMCC_INSTRUCTION
        #endif
        #elif (defined(__GNUC__) || defined(__clang__)) \
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
        #elif defined(EBP_IAR_INSTRUCTION)
        /* The intrinsic adds the product of its last two arguments to the first. */
        #include <intrinsics.h>
        #define EBP_FMAF(a, b, c) __VFMA_F32((c), (a), (b))
        #elif defined(EBP_ARMCC_INSTRUCTION)
        /* armcc has no intrinsic for it. The arguments are the floats' bits in core registers, whichever registers the ABI has for floats. */
        static __asm uint32_t ebp_fused_bits(uint32_t a, uint32_t b, uint32_t c)
        {
            VMOV s0, r0
            VMOV s1, r1
            VMOV s2, r2
            VFMA.F32 s2, s0, s1
            VMOV r0, s2
            BX lr
        }
        static float ebp_fused_multiply_add(float a, float b, float c)
        {
            uint32_t x;
            uint32_t y;
            uint32_t z;
            (void)memcpy(&x, &a, sizeof x);
            (void)memcpy(&y, &b, sizeof y);
            (void)memcpy(&z, &c, sizeof z);
            z = ebp_fused_bits(x, y, z);
            (void)memcpy(&c, &z, sizeof c);
            return c;
        }
        #define EBP_FMAF(a, b, c) ebp_fused_multiply_add((a), (b), (c))
        #else
        #define EBP_EMULATED_FMA 1
        #if defined(EBP_REQUIRE_FMA)
        #error "no instruction for a fused multiply-add was found: it would be computed in double, many times slower"
        #endif
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
        #if !defined(EBP_EMULATED_FMA)
        #define EBP_EMULATED_FMA 0
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
        #elif !defined(EBP_PORTABLE) && defined(__ICCARM__) && (defined(__ARMVFP__) || (defined(__ARM_FP) && (__ARM_FP & 4)))
        #include <intrinsics.h>
        static float ebp_square_root(float x)
        {
            return __VSQRT_F32(x);
        }
        #elif !defined(EBP_PORTABLE) && defined(__CC_ARM) && defined(__TARGET_FPU_VFP)
        static float ebp_square_root(float x)
        {
            return __sqrtf(x);
        }
        #elif !defined(EBP_PORTABLE) && (defined(__GNUC__) || defined(__clang__)) && defined(__aarch64__)
        static float ebp_square_root(float x)
        {
            float y;
            __asm__("fsqrt %s0, %s1" : "=w"(y) : "w"(x));
            return y;
        }
        #elif !defined(EBP_PORTABLE) && (defined(__GNUC__) || defined(__clang__)) && defined(__ARM_FP) && (__ARM_FP & 4)
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
