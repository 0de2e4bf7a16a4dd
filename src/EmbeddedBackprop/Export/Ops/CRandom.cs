using EmbeddedBackprop.Export.Text;

namespace EmbeddedBackprop.Export.Ops;

/// <summary>The random generator of Kernels/Random/CounterRandom.cs in C.</summary>
internal static class CRandom
{
    private const string Text = """
        /* Philox4x32 with 10 rounds (Salmon, Moraes, Dror, Shaw 2011): four words of counter become four random words. */
        static void ebp_philox(uint32_t k0, uint32_t k1, uint32_t *c)
        {
            int round;
            for (round = 0; round < 10; round++) {
                const uint64_t p0 = (uint64_t)0xD2511F53u * c[0];
                const uint64_t p1 = (uint64_t)0xCD9E8D57u * c[2];
                c[0] = (uint32_t)(p1 >> 32) ^ c[1] ^ k0;
                c[1] = (uint32_t)p1;
                c[2] = (uint32_t)(p0 >> 32) ^ c[3] ^ k1;
                c[3] = (uint32_t)p0;
                k0 = (uint32_t)(k0 + 0x9E3779B9u);
                k1 = (uint32_t)(k1 + 0xBB67AE85u);
            }
        }

        """;

    /// <summary>Asks for philox(key low, key high, counter).</summary>
    public static string Ask(CProgram program) => program.Routine("philox", CFunctions.None, Text);
}
