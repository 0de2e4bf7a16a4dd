using System.Buffers.Binary;
using System.Runtime.InteropServices;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.IO;

/// <summary>The sum by which two sets of weights are compared bit for bit.</summary>
public static class WeightsHash
{
    /// <summary>SHA-256 over the values' bits, little-endian, as 64 lower-case hexadecimal digits.</summary>
    /// <param name="values">The values in the order of the compact layout, without padding.</param>
    public static string Of(ReadOnlySpan<float> values)
    {
        Span<byte> sum = stackalloc byte[Sha256.Bytes];
        Sha256 hash = new();
        if (BitConverter.IsLittleEndian)
        {
            // In pieces, because a span of bytes ends at 2 GB and one of floats at 8 GB; the sum is the same.
            const int Piece = 1 << 28;
            for (; values.Length > Piece; values = values[Piece..])
            {
                hash.Append(MemoryMarshal.AsBytes(values[..Piece]));
            }

            hash.Append(MemoryMarshal.AsBytes(values));
        }
        else
        {
            Span<byte> value = stackalloc byte[sizeof(float)];
            foreach (float x in values)
            {
                BinaryPrimitives.WriteSingleLittleEndian(value, x);
                hash.Append(value);
            }
        }

        hash.Finish(sum);
        return Convert.ToHexStringLower(sum);
    }

    /// <summary>The sum over a network's parameters: per layer the weights [out, in], then the bias, unpadded; the same in both layouts.</summary>
    public static string Of(Network network)
    {
        ArgumentNullException.ThrowIfNull(network);
        return Of(network.InferencePlan.Parameters, network.ReadParameters());
    }

    /// <summary>The sum over parameters in a flat span: per tensor in compact [out, in] order.</summary>
    /// <param name="ranges">The ranges of the tensors.</param>
    /// <param name="parameters">The flat span.</param>
    public static string Of(ReadOnlySpan<ParameterRange> ranges, ReadOnlySpan<float> parameters)
    {
        Sha256 hash = new();

        // In small pieces: nothing is allocated, however large the network is.
        Span<byte> piece = stackalloc byte[256 * sizeof(float)];
        int length = 0;
        foreach (ref readonly ParameterRange range in ranges)
        {
            for (int column = 0; column < range.Columns; column++)
            {
                for (int row = 0; row < range.Rows; row++)
                {
                    BinaryPrimitives.WriteSingleLittleEndian(piece[length..], parameters[range.Offset + (row * range.Stride) + column]);
                    length += sizeof(float);
                    if (length == piece.Length)
                    {
                        hash.Append(piece);
                        length = 0;
                    }
                }
            }
        }

        hash.Append(piece[..length]);
        Span<byte> sum = stackalloc byte[Sha256.Bytes];
        hash.Finish(sum);
        return Convert.ToHexStringLower(sum);
    }
}
