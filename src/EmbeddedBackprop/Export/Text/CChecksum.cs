namespace EmbeddedBackprop.Export.Text;

/// <summary>
/// CRC-32 (polynomial 0xEDB88320) in C# and in C: of trained weights, and of the copies that NAME_save stores; FNV-1a of constant tables.
/// </summary>
internal static class CChecksum
{
    /// <summary>Where a sum of <see cref="ContinueSum"/> begins.</summary>
    public const uint SumStart = 2166136261u;

    /// <summary>Continues a check sum by a 32-bit word (FNV-1a): every changed bit changes it.</summary>
    public static uint ContinueSum(uint sum, uint word) => unchecked((sum ^ word) * 16777619u);

    /// <summary>Continues a check sum by some bits of a word, the lowest first.</summary>
    public static uint Continue(uint crc, uint word, int bits = 32)
    {
        crc ^= word;
        for (int bit = 0; bit < bits; bit++)
        {
            crc = (crc >> 1) ^ (0xEDB88320u & (0u - (crc & 1u)));
        }

        return crc;
    }

    /// <summary>The macro NAME_CRC32, which continues a check sum by a word, and its routine where the program has none of its own.</summary>
    /// <param name="macro">What macros begin with.</param>
    /// <param name="function">The routine's name: another one in each file.</param>
    public static string WordText(string macro, string function) => $$"""
        #ifndef {{macro}}_CRC32
        /* Continues a CRC-32 (polynomial 0xEDB88320) by four bytes at once, the low one first: the same as one after the other. */
        static uint32_t {{function}}(uint32_t crc, uint32_t word)
        {
            uint32_t sum = crc ^ word;
            unsigned int bit;
            for (bit = 0u; bit < 32u; bit++) {
                sum = (sum >> 1) ^ (0xEDB88320u & (0u - (sum & 1u)));
            }
            return sum;
        }
        #define {{macro}}_CRC32(crc, word) {{function}}((crc), (word))
        #endif

        """;

    /// <summary>Asks for ebp_crc32(crc, n, x), which continues a check sum by n floats.</summary>
    public static void Ask(CProgram program, string macro) => program.Routine("crc32", CFunctions.None, WordText(macro, "ebp_crc32_word") + $$"""

        /* Goes on with a CRC-32 (polynomial 0xEDB88320) over the bits of n floats, the low byte of each first. */
        static uint32_t ebp_crc32(uint32_t crc, size_t n, const float *x)
        {
            size_t i;
            for (i = 0u; i < n; i++) {
                uint32_t word;
                (void)memcpy(&word, &x[i], sizeof word);
                crc = {{macro}}_CRC32(crc, word);
            }
            return crc;
        }

        """);
}
