using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;

namespace EmbeddedBackprop.IO;

/// <summary>One tensor of a safetensors file: a name, a type, a shape, and a range of the file's bytes.</summary>
public sealed class SafetensorsTensor : INamedTensor
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
        RequireType(SafetensorsType.F32);
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
        RequireLength(destination.Length);
        CopyTo(0, destination);
    }

    /// <summary>Copies the whole tensor of bytes: quantised weights.</summary>
    /// <param name="destination">Exactly as long as the tensor.</param>
    /// <exception cref="DataFormatException">The tensor is not of type I8, or its length is another.</exception>
    public void CopyTo(Span<sbyte> destination)
    {
        RequireType(SafetensorsType.I8);
        RequireLength(destination.Length);
        MemoryMarshal.Cast<byte, sbyte>(Bytes).CopyTo(destination);
    }

    /// <summary>Copies the whole tensor of 32-bit integers: quantised biases.</summary>
    /// <param name="destination">Exactly as long as the tensor.</param>
    /// <exception cref="DataFormatException">The tensor is not of type I32, or its length is another.</exception>
    public void CopyTo(Span<int> destination)
    {
        RequireType(SafetensorsType.I32);
        RequireLength(destination.Length);
        ReadOnlySpan<byte> bytes = Bytes;
        if (BitConverter.IsLittleEndian)
        {
            bytes.CopyTo(MemoryMarshal.AsBytes(destination));
            return;
        }

        for (int i = 0; i < destination.Length; i++)
        {
            destination[i] = BinaryPrimitives.ReadInt32LittleEndian(bytes[(i * sizeof(int))..]);
        }
    }

    void INamedTensor.CopyFloats(Span<float> destination)
    {
        RequireLength(destination.Length);
        ReadOnlySpan<byte> bytes = Bytes;
        for (int i = 0; i < destination.Length; i++)
        {
            destination[i] = FloatElements.Read(Type, bytes, i);
        }
    }

    /// <summary>Checks type F32 and the shape before anything is copied.</summary>
    /// <param name="shape">The dimensions that the caller needs, outermost first.</param>
    /// <exception cref="DataFormatException">Type or shape differ; the message shows both shapes.</exception>
    public void Require(params ReadOnlySpan<int> shape) => Require(SafetensorsType.F32, shape);

    /// <summary>Checks type and shape before anything is copied.</summary>
    /// <param name="type">The type that the caller needs.</param>
    /// <param name="shape">The dimensions that the caller needs, outermost first.</param>
    /// <exception cref="DataFormatException">Type or shape differ; the message shows both.</exception>
    public void Require(SafetensorsType type, ReadOnlySpan<int> shape)
    {
        RequireType(type);
        if (!Shape.SequenceEqual(shape))
        {
            throw Error($"expected the shape {Text(shape)}, got {Text(Shape)}");
        }
    }

    /// <summary>An error at this tensor's data that only the tensor's user can detect.</summary>
    /// <param name="problem">The expected and the found; the tensor's name is put before it.</param>
    public DataFormatException Error(string problem) =>
        new(_file.Name, _file.DataStart + (long)_begin, $"tensor '{Name}': {problem}");

    /// <summary>An error at one element.</summary>
    /// <param name="element">The element, counted from 0; it is put before the problem.</param>
    /// <param name="problem">The expected and the found.</param>
    internal DataFormatException Error(int element, string problem) =>
        new(
            _file.Name,
            _file.DataStart + _begin + ((long)element * SafetensorsFormat.ElementBytes(Type)),
            string.Create(CultureInfo.InvariantCulture, $"tensor '{Name}', element {element}: {problem}"));

    private void RequireType(SafetensorsType type)
    {
        if (Type != type)
        {
            throw Error($"expected elements of {SafetensorsFormat.NameOf(type)}, got {SafetensorsFormat.NameOf(Type)}");
        }
    }

    private void RequireLength(int length)
    {
        if (length != Length)
        {
            throw Error(string.Create(CultureInfo.InvariantCulture, $"expected {length} elements, got {Length}"));
        }
    }

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
