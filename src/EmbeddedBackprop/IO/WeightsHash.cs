using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace EmbeddedBackprop.IO;

/// <summary>The sum by which two sets of weights are compared bit for bit.</summary>
public static class WeightsHash
{
    /// <summary>SHA-256 over the values' bits, little-endian, as 64 lower-case hexadecimal digits.</summary>
    /// <param name="values">The values in the order of the compact layout, without padding.</param>
    public static string Of(ReadOnlySpan<float> values)
    {
        Span<byte> sum = stackalloc byte[SHA256.HashSizeInBytes];
        if (BitConverter.IsLittleEndian)
        {
            // In pieces, because a span of bytes ends at 2 GB and one of floats at 8 GB; the sum is the same.
            using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            const int Piece = 1 << 28;
            for (; values.Length > Piece; values = values[Piece..])
                hash.AppendData(MemoryMarshal.AsBytes(values[..Piece]));
            hash.AppendData(MemoryMarshal.AsBytes(values));
            _ = hash.GetHashAndReset(sum);
        }
        else
        {
            using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            Span<byte> value = stackalloc byte[sizeof(float)];
            foreach (float x in values)
            {
                BinaryPrimitives.WriteSingleLittleEndian(value, x);
                hash.AppendData(value);
            }

            _ = hash.GetHashAndReset(sum);
        }

        return Convert.ToHexStringLower(sum);
    }
}
