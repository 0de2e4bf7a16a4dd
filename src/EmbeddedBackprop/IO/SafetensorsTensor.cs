using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;

namespace EmbeddedBackprop.IO;

/// <summary>One tensor of a safetensors file: a name, a type, a shape, and a range of the file's bytes.</summary>
public sealed class SafetensorsTensor
{
    private readonly SafetensorsFile _file;
    private readonly int _shapeStart;
    private readonly int _begin;
    private readonly int _end;
    private readonly byte _rank;

    internal ulong Range => ((ulong)_begin << 32) | (uint)_end;

    internal SafetensorsTensor(SafetensorsFile file, string name, SafetensorsType type, int shapeStart, int rank, int begin, int end)
    {
        _file = file;
        Name = name;
        Type = type;
        _shapeStart = shapeStart;
        _rank = (byte)rank;
        _begin = begin;
        _end = end;
    }

    /// <summary>The tensor's name, unique within its file.</summary>
    public string Name { get; }

    /// <summary>The type of the elements.</summary>
    public SafetensorsType Type { get; }

    /// <summary>The dimensions, outermost first; empty for a scalar.</summary>
    public ReadOnlySpan<int> Shape => _file.Shapes.AsSpan(_shapeStart, _rank);

    /// <summary>The number of elements: the product of the dimensions.</summary>
    public int Length => (_end - _begin) / SafetensorsFormat.ElementBytes(Type);

    /// <summary>The elements as the file holds them: row-major, little-endian, of <see cref="Type"/>.</summary>
    public ReadOnlySpan<byte> Bytes => _file.Data[_begin.._end];

    /// <summary>Copies elements <paramref name="first"/>, first + 1, ... into the whole of <paramref name="destination"/>.</summary>
    /// <param name="first">The first element to copy, counted from 0; a row r of [rows, columns] begins at r * columns.</param>
    /// <param name="destination">Receives as many elements as it is long.</param>
    /// <exception cref="DataFormatException">The tensor is not of type F32.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The elements asked for are not all there.</exception>
    public void CopyTo(int first, Span<float> destination)
    {
        if (Type != SafetensorsType.F32)
        {
            throw Error($"expected elements of F32, got {SafetensorsFormat.NameOf(Type)}");
        }

        ArgumentOutOfRangeException.ThrowIfNegative(first);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(destination.Length, Length - first, nameof(destination));
        ReadOnlySpan<byte> bytes = Bytes.Slice(first * sizeof(float), destination.Length * sizeof(float));
        if (BitConverter.IsLittleEndian)
        {
            // As bytes, because files of other writers need not align their data.
            bytes.CopyTo(MemoryMarshal.AsBytes(destination));
            return;
        }

        for (int i = 0; i < destination.Length; i++)
        {
            destination[i] = BinaryPrimitives.ReadSingleLittleEndian(bytes[(i * sizeof(float))..]);
        }
    }

    /// <summary>Copies the whole tensor.</summary>
    /// <param name="destination">Exactly as long as the tensor.</param>
    /// <exception cref="DataFormatException">The tensor is not of type F32, or its length is another.</exception>
    public void CopyTo(Span<float> destination)
    {
        if (destination.Length != Length)
        {
            throw Error(string.Create(CultureInfo.InvariantCulture, $"expected {destination.Length} elements, got {Length}"));
        }

        CopyTo(0, destination);
    }

    /// <summary>Checks type F32 and the shape before anything is copied.</summary>
    /// <param name="shape">The dimensions that the caller needs, outermost first.</param>
    /// <exception cref="DataFormatException">Type or shape differ; the message shows both shapes.</exception>
    public void Require(params ReadOnlySpan<int> shape)
    {
        if (Type != SafetensorsType.F32)
        {
            throw Error($"expected elements of F32, got {SafetensorsFormat.NameOf(Type)}");
        }

        if (!Shape.SequenceEqual(shape))
        {
            throw Error($"expected the shape {Text(shape)}, got {Text(Shape)}");
        }
    }

    /// <summary>An error at this tensor's data that only the tensor's user can detect.</summary>
    /// <param name="problem">The expected and the found; the tensor's name is put before it.</param>
    public DataFormatException Error(string problem) =>
        new(_file.Name, _file.DataStart + (long)_begin, $"tensor '{Name}': {problem}");

    private static string Text(ReadOnlySpan<int> shape)
    {
        System.Text.StringBuilder text = new("[");
        for (int i = 0; i < shape.Length; i++)
        {
            _ = text.Append(i == 0 ? "" : ", ").Append(shape[i].ToString(CultureInfo.InvariantCulture));
        }

        return text.Append(']').ToString();
    }
}
