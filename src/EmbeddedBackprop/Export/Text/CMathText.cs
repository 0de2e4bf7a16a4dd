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
