using System.Buffers.Binary;
using System.Runtime.InteropServices;
using EmbeddedBackprop.IO;

namespace EmbeddedBackprop.Data;

/// <summary>A sum by which a later run checks that it has the same samples, also from other files.</summary>
public static class DataFingerprint
{
    /// <summary>SHA-256 over the inputs and labels of images, as 64 lower-case hexadecimal digits.</summary>
    public static string Of(ByteDataset data)
    {
        ArgumentNullException.ThrowIfNull(data);
        Sha256 hash = Begin(data.Count, data.InputLength, data.ClassCount);
        hash.Append(data.Inputs);
        hash.Append(data.Labels);
        return End(hash);
    }

    /// <summary>SHA-256 over the inputs and targets of a table, as 64 lower-case hexadecimal digits.</summary>
    public static string Of(FloatDataset data)
    {
        ArgumentNullException.ThrowIfNull(data);
        Sha256 hash = Begin(data.Count, data.InputLength, data.ClassCount);
        float[] row = new float[data.InputLength + data.TargetLength];
        for (int i = 0; i < data.Count; i++)
        {
            data.Gather([i], row, data.InputLength, row.AsSpan(data.InputLength), data.TargetLength);
            if (!BitConverter.IsLittleEndian)
            {
                foreach (ref int bits in MemoryMarshal.Cast<float, int>(row.AsSpan()))
                {
                    bits = BinaryPrimitives.ReverseEndianness(bits);
                }
            }

            hash.Append(MemoryMarshal.AsBytes(row.AsSpan()));
        }

        return End(hash);
    }

    /// <summary>SHA-256 over lengths, steps, and labels or targets of sequences, as 64 lower-case hexadecimal digits.</summary>
    public static string Of(SequenceDataset data)
    {
        ArgumentNullException.ThrowIfNull(data);
        Sha256 hash = Begin(data.Count, data.Features, data.ClassCount);
        Span<byte> number = stackalloc byte[4];
        for (int i = 0; i < data.Count; i++)
        {
            Append(hash, number, data.Length(i));
            Append(hash, number, data.Label(i));
            Append(hash, data.Sequence(i));
            Append(hash, data.Targets(i));
        }

        return End(hash);
    }

    private static void Append(Sha256 hash, ReadOnlySpan<float> values)
    {
        if (BitConverter.IsLittleEndian)
        {
            hash.Append(MemoryMarshal.AsBytes(values));
            return;
        }

        Span<byte> number = stackalloc byte[4];
        foreach (float value in values)
        {
            Append(hash, number, BitConverter.SingleToInt32Bits(value));
        }
    }

    private static void Append(Sha256 hash, Span<byte> number, int value)
    {
        BinaryPrimitives.WriteInt32LittleEndian(number, value);
        hash.Append(number);
    }

    private static Sha256 Begin(int count, int inputs, int classes)
    {
        Sha256 hash = new();
        Span<byte> sizes = stackalloc byte[12];
        BinaryPrimitives.WriteInt32LittleEndian(sizes, count);
        BinaryPrimitives.WriteInt32LittleEndian(sizes[4..], inputs);
        BinaryPrimitives.WriteInt32LittleEndian(sizes[8..], classes);
        hash.Append(sizes);
        return hash;
    }

    private static string End(Sha256 hash)
    {
        Span<byte> sum = stackalloc byte[Sha256.Bytes];
        hash.Finish(sum);
        return Convert.ToHexStringLower(sum);
    }
}
