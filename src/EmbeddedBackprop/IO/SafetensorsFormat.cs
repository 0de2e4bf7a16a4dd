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

    private static ReadOnlySpan<byte> Zeros => "0000000000000000000000000000000000000000000000000000000000000000"u8;

    public static int ElementBytes(SafetensorsType type) => type switch
    {
        SafetensorsType.F64 or SafetensorsType.I64 or SafetensorsType.U64 => 8,
        SafetensorsType.F32 or SafetensorsType.I32 or SafetensorsType.U32 => 4,
        SafetensorsType.F16 or SafetensorsType.BF16 or SafetensorsType.I16 or SafetensorsType.U16 => 2,
        SafetensorsType.I8 or SafetensorsType.U8 or SafetensorsType.BOOL => 1,
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, "not a type of the format"),
    };

    public static string NameOf(SafetensorsType type) => type switch
    {
        SafetensorsType.F32 => "F32",
        SafetensorsType.F64 => "F64",
        SafetensorsType.F16 => "F16",
        SafetensorsType.BF16 => "BF16",
        SafetensorsType.I64 => "I64",
        SafetensorsType.I32 => "I32",
        SafetensorsType.I16 => "I16",
        SafetensorsType.I8 => "I8",
        SafetensorsType.U64 => "U64",
        SafetensorsType.U32 => "U32",
        SafetensorsType.U16 => "U16",
        SafetensorsType.U8 => "U8",
        SafetensorsType.BOOL => "BOOL",
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, "not a type of the format"),
    };

    public static bool TryParseType(ReadOnlySpan<byte> name, out SafetensorsType type)
    {
        if (name.SequenceEqual("F32"u8))
        {
            type = SafetensorsType.F32;
        }
        else if (name.SequenceEqual("F64"u8))
        {
            type = SafetensorsType.F64;
        }
        else if (name.SequenceEqual("F16"u8))
        {
            type = SafetensorsType.F16;
        }
        else if (name.SequenceEqual("BF16"u8))
        {
            type = SafetensorsType.BF16;
        }
        else if (name.SequenceEqual("I64"u8))
        {
            type = SafetensorsType.I64;
        }
        else if (name.SequenceEqual("I32"u8))
        {
            type = SafetensorsType.I32;
        }
        else if (name.SequenceEqual("I16"u8))
        {
            type = SafetensorsType.I16;
        }
        else if (name.SequenceEqual("I8"u8))
        {
            type = SafetensorsType.I8;
        }
        else if (name.SequenceEqual("U64"u8))
        {
            type = SafetensorsType.U64;
        }
        else if (name.SequenceEqual("U32"u8))
        {
            type = SafetensorsType.U32;
        }
        else if (name.SequenceEqual("U16"u8))
        {
            type = SafetensorsType.U16;
        }
        else if (name.SequenceEqual("U8"u8))
        {
            type = SafetensorsType.U8;
        }
        else if (name.SequenceEqual("BOOL"u8))
        {
            type = SafetensorsType.BOOL;
        }
        else
        {
            type = default;
            return false;
        }

        return true;
    }

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
