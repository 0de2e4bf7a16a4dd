using System.Text;

namespace EmbeddedBackprop.IO;

/// <summary>The common part of reader and writer: names, limits, and the two sums.</summary>
internal static class SafetensorsFormat
{
    public const string MetadataName = "__metadata__";

    /// <summary>SHA-256 over the data section, 64 lower-case hexadecimal digits.</summary>
    public const string DataSumKey = "sha256.data";

    /// <summary>SHA-256 over the header's bytes, padding included, with this value itself counted as 64 zeros.</summary>
    public const string HeaderSumKey = "sha256.header";

    public const int SumDigits = 64;

    /// <summary>Bytes before the header: its length.</summary>
    public const int PrefixBytes = 8;

    /// <summary>The header is padded with spaces so that the data begin at a multiple of this, a cache line.</summary>
    public const int Alignment = 64;

    /// <summary>The limit of the format's own reference reader.</summary>
    public const int MaximumHeaderBytes = 100_000_000;

    public const int MaximumRank = 8;

    /// <summary>Keeps the strings and table of many tiny entries within the reader's 64 KiB besides the file's size.</summary>
    public const int MaximumMetadataEntries = 512;

    public static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>Names and bytes of an element in the order of <see cref="SafetensorsType"/>.</summary>
    private static readonly (string Name, int Bytes)[] Types =
    [
        ("F32", 4),
        ("F64", 8),
        ("F16", 2),
        ("BF16", 2),
        ("I64", 8),
        ("I32", 4),
        ("I16", 2),
        ("I8", 1),
        ("U64", 8),
        ("U32", 4),
        ("U16", 2),
        ("U8", 1),
        ("BOOL", 1),
    ];

    private static ReadOnlySpan<byte> Zeros => "0000000000000000000000000000000000000000000000000000000000000000"u8;

    public static int ElementBytes(SafetensorsType type) => Row(type).Bytes;

    public static string NameOf(SafetensorsType type) => Row(type).Name;

    public static bool TryParseType(ReadOnlySpan<byte> name, out SafetensorsType type)
    {
        for (int i = 0; i < Types.Length; i++)
        {
            if (Ascii.Equals(name, Types[i].Name))
            {
                type = (SafetensorsType)i;
                return true;
            }
        }

        type = default;
        return false;
    }

    private static (string Name, int Bytes) Row(SafetensorsType type) =>
        (uint)type < (uint)Types.Length ? Types[(int)type] : throw new ArgumentOutOfRangeException(nameof(type), type, "not a type of the format");

    /// <summary>The header's sum: the digits at <paramref name="sumStart"/> (within the header) are counted as zeros.</summary>
    public static void HashHeader(ReadOnlySpan<byte> header, int sumStart, Span<byte> digits)
    {
        Sha256 hash = new();
        hash.Append(header[..sumStart]);
        hash.Append(Zeros);
        hash.Append(header[(sumStart + SumDigits)..]);
        Span<byte> sum = stackalloc byte[Sha256.Bytes];
        hash.Finish(sum);
        WriteDigits(sum, digits);
    }

    /// <summary>The data's sum.</summary>
    public static void HashData(ReadOnlySpan<byte> data, Span<byte> digits)
    {
        Span<byte> sum = stackalloc byte[Sha256.Bytes];
        Sha256.Hash(data, sum);
        WriteDigits(sum, digits);
    }

    /// <summary>The sum of data that lie in pieces.</summary>
    public static void HashData(List<byte[]> pieces, Span<byte> digits)
    {
        Sha256 hash = new();
        foreach (byte[] piece in pieces)
        {
            hash.Append(piece);
        }

        Span<byte> sum = stackalloc byte[Sha256.Bytes];
        hash.Finish(sum);
        WriteDigits(sum, digits);
    }

    private static void WriteDigits(ReadOnlySpan<byte> sum, Span<byte> digits)
    {
        for (int i = 0; i < sum.Length; i++)
        {
            digits[2 * i] = "0123456789abcdef"u8[sum[i] >> 4];
            digits[(2 * i) + 1] = "0123456789abcdef"u8[sum[i] & 15];
        }
    }
}
