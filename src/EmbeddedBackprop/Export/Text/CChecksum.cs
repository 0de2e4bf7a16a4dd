namespace EmbeddedBackprop.Export.Text;

/// <summary>CRC-32 (polynomial 0xEDB88320) in C# and in C: of trained weights, and of the copies that NAME_save stores.</summary>
internal static class CChecksum
{
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

    /// <summary>Asks for ebp_crc32(crc, n, x), which continues a check sum by n floats.</summary>
    public static void Ask(CProgram program) => program.Routine("crc32", CFunctions.None, """
        /* Goes on with a CRC-32 (polynomial 0xEDB88320) over the bits of n floats, the low byte of each first. */
        static uint32_t ebp_crc32(uint32_t crc, size_t n, const float *x)
        {
            size_t i;
            unsigned int bit;
            for (i = 0u; i < n; i++) {
                uint32_t word;
                (void)memcpy(&word, &x[i], sizeof word);
                /* Four bytes at once: the same as one after the other. */
                crc ^= word;
                for (bit = 0u; bit < 32u; bit++) {
                    crc = (crc >> 1) ^ (0xEDB88320u & (0u - (crc & 1u)));
                }
            }
            return crc;
        }

        """);
}
