using System.Buffers.Binary;

namespace EmbeddedBackprop.IO;

/// <summary>Little-endian floats of 16, 32 and 64 bits as binary32.</summary>
internal static class FloatElements
{
    /// <summary>Whether elements of the type are floats.</summary>
    public static bool Are(SafetensorsType type) => type is SafetensorsType.F32 or SafetensorsType.F64 or SafetensorsType.F16 or SafetensorsType.BF16;

    /// <summary>Element <paramref name="index"/>; one of 64 bits is rounded to nearest even, the others are exact.</summary>
    public static float Read(SafetensorsType type, ReadOnlySpan<byte> bytes, int index) => type switch
    {
        SafetensorsType.F32 => BinaryPrimitives.ReadSingleLittleEndian(bytes[(index * sizeof(float))..]),
        SafetensorsType.F64 => (float)BinaryPrimitives.ReadDoubleLittleEndian(bytes[(index * sizeof(double))..]),
        SafetensorsType.F16 => (float)BinaryPrimitives.ReadHalfLittleEndian(bytes[(index * sizeof(ushort))..]),
        _ => BitConverter.UInt32BitsToSingle((uint)BinaryPrimitives.ReadUInt16LittleEndian(bytes[(index * sizeof(ushort))..]) << 16),
    };
}
