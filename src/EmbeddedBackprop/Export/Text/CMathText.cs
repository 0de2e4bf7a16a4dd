namespace EmbeddedBackprop.Export.Text;

/// <summary>The C text of Kernels/Lanes/Transcendental.cs: change the two together (a test compares their bits).</summary>
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
        /* The number whose IEEE binary16 bits these are, exactly; infinities and NaN are not stored. */
        static float ebp_half(uint16_t half)
        {
            const uint32_t magnitude = (uint32_t)half & 0x7FFFu;
            /* A normal number gets another bias; below 2^-14 a leading 1 is put in front and subtracted again. */
            const uint32_t bits = (magnitude << 13) + (magnitude >= 0x400u ? 0x38000000u : 0x38800000u);
            float x;
            (void)memcpy(&x, &bits, sizeof x);
            x = magnitude >= 0x400u ? x : x - 0x1p-14f;
            return ((uint32_t)half & 0x8000u) != 0u ? -x : x;
        }

        """;

    public const string PowerOfTwo = """
        /* 2^n from t = n + 1.5 * 2^23: the low bits of t moved into the exponent field, on top of those of 1. */
        static float ebp_power_of_two(float t)
        {
            return ebp_from_bits((uint32_t)(ebp_bits(t) << 23) + 0x3F800000u);
        }

        """;

    public const string ExpPolynomial = """
        /* e^r = 1 + r + r^2 q(r), r = x - n ln 2. */
        static float ebp_exp_polynomial(float x, float n)
        {
            const float r = EBP_M(n, 2.12194442e-4f, EBP_M(n, -0.693359375f, x));
            float q = 1.38399366e-3f;
            q = EBP_M(q, r, 8.36933777e-3f);
            q = EBP_M(q, r, 4.16680835e-2f);
            q = EBP_M(q, r, 0.166665152f);
            q = EBP_M(q, r, 0.49999994f);
            q = EBP_M(r * r, q, r);
            return q + 1.0f;
        }

        """;

    public const string ExpNormal = """
        /* e^x where neither x nor the result leaves the normal range. */
        static float ebp_exp_normal(float x)
        {
            const float t = EBP_M(x, 1.44269502f, 12582912.0f);
            return ebp_exp_polynomial(x, t - 12582912.0f) * ebp_power_of_two(t);
        }

        """;

    public const string Exp = """
        /* e^x; +infinity above 88.73, gradual underflow; NaN gives NaN. 2^n is two exact factors. */
        static float ebp_exp(float x)
        {
            float n;
            float half;
            float rest;
            float y;
            x = x > 89.0f ? 89.0f : x;
            x = -104.5f > x ? -104.5f : x;
            n = EBP_M(x, 1.44269502f, 12582912.0f) - 12582912.0f;
            y = ebp_exp_polynomial(x, n);
            half = EBP_M(n, 0.5f, 12582912.0f);
            rest = (n - (half - 12582912.0f)) + 12582912.0f;
            y = y * ebp_power_of_two(half);
            return y * ebp_power_of_two(rest);
        }

        """;

    public const string Sigmoid = """
        /* 1 / (1 + e^-x), accurate for very negative x too. */
        static float ebp_sigmoid(float x)
        {
            const float a = ebp_from_bits(ebp_bits(x) | 0x80000000u); /* -|x| */
            const float z = ebp_exp(a);
            return (x > 0.0f ? 1.0f : z) / (1.0f + z);
        }

        """;

    public const string Tanh = """
        /* tanh x: an odd polynomial below 0.9, 1 - 2 / (e^2|x| + 1) above. */
        static float ebp_tanh(float x)
        {
            float a = ebp_from_bits(ebp_bits(x) & 0x7FFFFFFFu);
            float y;
            a = a > 10.0f ? 10.0f : a;
            if (0.9f > a) {
                const float u = a * a;
                float p = -4.55708097e-4f;
                p = EBP_M(p, u, 2.58342316e-3f);
                p = EBP_M(p, u, -8.26545432e-3f);
                p = EBP_M(p, u, 2.16640923e-2f);
                p = EBP_M(p, u, -5.39294742e-2f);
                p = EBP_M(p, u, 0.133329809f);
                p = EBP_M(p, u, -0.333333224f);
                y = EBP_M(u * a, p, a);
            } else {
                y = 1.0f - (2.0f / (ebp_exp_normal(a + a) + 1.0f));
            }
            return ebp_from_bits((ebp_bits(y) & 0x7FFFFFFFu) | (ebp_bits(x) & 0x80000000u));
        }

        """;

    public const string Log = """
        /* log x = k ln 2 + log(1 + f), 1 + f in [sqrt(1/2), sqrt(2)). log 0 is -infinity, of a negative number NaN. */
        static float ebp_log(float x)
        {
            float scaled = x;
            float k = 0.0f;
            float f;
            float u;
            float p;
            float y;
            uint32_t bits;
            if (!(x <= 3.40282347e+38f)) {
                return x; /* +infinity, NaN */
            }
            if (!(x > 0.0f)) {
                return ebp_from_bits(0.0f > x ? 0x7FC00000u : 0xFF800000u);
            }
            if (1.17549435e-38f > x) {
                scaled = x * 8388608.0f;
                k = -23.0f;
            }
            bits = ebp_bits(scaled) - 0x3F3504F3u;
            /* The arithmetic shift of a signed number, in unsigned: the sign is moved up by 256 and taken off again. */
            k = (ebp_from_bits(((bits ^ 0x80000000u) >> 23) + (0x4B400000u - 256u)) - 12582912.0f) + k;
            f = ebp_from_bits((bits & 0x7FFFFFu) + 0x3F3504F3u) - 1.0f;
            u = f * f;
            p = 0.0674631596f;
            p = EBP_M(p, f, -0.11675375f);
            p = EBP_M(p, f, 0.118881509f);
            p = EBP_M(p, f, -0.124056354f);
            p = EBP_M(p, f, 0.142195627f);
            p = EBP_M(p, f, -0.166679934f);
            p = EBP_M(p, f, 0.200021178f);
            p = EBP_M(p, f, -0.250000089f);
            p = EBP_M(p, f, 0.333333135f);
            y = u * f;
            y = y * p;
            y = EBP_M(k, -2.12194442e-4f, y);
            y = EBP_M(u, -0.5f, y);
            return EBP_M(k, 0.693359375f, f + y);
        }

        """;

    public const string Log1P = """
        /* log(1 + x): log u + c/u, u = 1 + x rounded and c what the rounding lost. */
        static float ebp_log1p(float x)
        {
            const float u = 1.0f + x;
            float y = ebp_log(u);
            if (u > 0.0f && u <= 3.40282347e+38f) {
                y = y + ((x - (u - 1.0f)) / u);
            }
            return ebp_from_bits((ebp_bits(y) & 0x7FFFFFFFu) | (ebp_bits(x) & 0x80000000u));
        }

        """;

    public const string Erf = """
        /* erf x: an odd polynomial below 1, 1 - e^q(|x|) above, q = log erfc. */
        static float ebp_erf(float x)
        {
            float a = ebp_from_bits(ebp_bits(x) & 0x7FFFFFFFu);
            float y;
            a = a > 4.0f ? 4.0f : a;
            if (1.0f > a) {
                const float u = a * a;
                float p = 7.80690389e-5f;
                p = EBP_M(p, u, -7.9978531e-4f);
                p = EBP_M(p, u, 5.1871622e-3f);
                p = EBP_M(p, u, -2.68533472e-2f);
                p = EBP_M(p, u, 0.112835787f);
                p = EBP_M(p, u, -0.37612626f);
                p = EBP_M(p, u, 0.128379166f);
                y = EBP_M(a, p, a);
            } else {
                float q = 1.85561687e-4f;
                q = EBP_M(q, a, -2.9395062e-3f);
                q = EBP_M(q, a, 2.18049735e-2f);
                q = EBP_M(q, a, -0.103036739f);
                q = EBP_M(q, a, -0.63822633f);
                q = EBP_M(q, a, -1.12703967f);
                q = EBP_M(q, a, -3.53804993e-4f);
                y = 1.0f - ebp_exp_normal(q);
            }
            return ebp_from_bits((ebp_bits(y) & 0x7FFFFFFFu) | (ebp_bits(x) & 0x80000000u));
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
