using System.Globalization;
using System.Runtime.InteropServices;

namespace EmbeddedBackprop.IO;

/// <summary>An array in NumPy's format (.npy): a type, a shape, and elements in C or Fortran order.</summary>
/// <remarks>
/// Numbers, little-endian, at most 8 dimensions. The header is read strictly and never evaluated; objects (pickles) are refused. Besides the file's
/// bytes, reading allocates less than 1 KiB.
/// </remarks>
public sealed class NpyArray : INamedTensor
{
    private readonly ReadOnlyMemory<byte> elements;
    private readonly int[] shape;
    private readonly bool columnsFirst;
    private readonly string file;
    private readonly long offset;

    /// <param name="bytes">Header and elements.</param>
    /// <param name="file">The file's name in messages.</param>
    /// <param name="offset">Bytes of the file before the array.</param>
    /// <param name="name">The array's name within its archive.</param>
    internal NpyArray(ReadOnlyMemory<byte> bytes, string file, long offset, string name)
    {
        int header = NpyHeader.Read(bytes.Span, file, offset, out SafetensorsType type, out shape, out columnsFirst);
        elements = bytes[header..];
        Type = type;
        Name = name;
        this.file = file;
        this.offset = offset + header;
    }

    /// <summary>The array's name in its archive, without ".npy"; the file's name for one that is read by itself.</summary>
    public string Name { get; }

    /// <summary>The type of the elements.</summary>
    public SafetensorsType Type { get; }

    /// <summary>The dimensions, outermost first; empty for a scalar.</summary>
    public ReadOnlySpan<int> Shape => shape;

    /// <summary>The number of elements: the product of the dimensions.</summary>
    public int Length => elements.Length / SafetensorsFormat.ElementBytes(Type);

    /// <summary>Reads a file.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="DataFormatException">The file does not follow the format.</exception>
    /// <exception cref="IOException">The file is missing or cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">The file may not be read, or is a folder.</exception>
    public static NpyArray Read(string path) => Parse(WholeFile.Read(path), path);

    /// <summary>Reads a file's bytes, which must stay as they are while the result is in use.</summary>
    /// <param name="bytes">The whole file.</param>
    /// <param name="name">The file's name in messages.</param>
    /// <exception cref="DataFormatException">The bytes do not follow the format.</exception>
    public static NpyArray Parse(ReadOnlyMemory<byte> bytes, string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return new NpyArray(bytes, name, 0, name);
    }

    /// <summary>The bytes of an array of binary32 in C order.</summary>
    /// <param name="shape">The dimensions, outermost first.</param>
    /// <param name="values">The elements, row-major, as many as the product of the dimensions.</param>
    /// <exception cref="ArgumentException">The number of values is not the shape's.</exception>
    public static byte[] ToArray(ReadOnlySpan<int> shape, ReadOnlySpan<float> values)
    {
        long expected = 1;
        foreach (int size in shape)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(size, nameof(shape));
            expected = Math.Min(expected * size, int.MaxValue);
        }

        if (expected != values.Length || shape.Length > SafetensorsFormat.MaximumRank)
        {
            throw new ArgumentException(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"expected {expected} values in at most {SafetensorsFormat.MaximumRank} dimensions, got {values.Length} in {shape.Length}"),
                nameof(values));
        }

        return [.. NpyHeader.Write(SafetensorsType.F32, shape), .. LittleEndian(values)];
    }

    /// <summary>Writes an array of binary32 in C order, or leaves the old file unchanged (<see cref="AtomicFile"/>).</summary>
    /// <param name="path">The target; its folder must exist.</param>
    /// <param name="shape">The dimensions, outermost first.</param>
    /// <param name="values">The elements, row-major, as many as the product of the dimensions.</param>
    /// <exception cref="ArgumentException">The number of values is not the shape's.</exception>
    /// <exception cref="IOException">The file cannot be written; the message names it.</exception>
    public static void Save(string path, ReadOnlySpan<int> shape, ReadOnlySpan<float> values) =>
        AtomicFile.WriteAllBytes(path, ToArray(shape, values));

    /// <summary>Copies all elements row-major, whatever their order in the file; those of 64 bits are rounded to nearest even.</summary>
    /// <param name="destination">Exactly as long as the array.</param>
    /// <exception cref="DataFormatException">The elements are not floats, or the length is another.</exception>
    public void CopyTo(Span<float> destination)
    {
        if (!FloatElements.Are(Type))
        {
            throw Error($"expected elements of floats, got {SafetensorsFormat.NameOf(Type)}");
        }

        if (destination.Length != Length)
        {
            throw Error(string.Create(CultureInfo.InvariantCulture, $"expected {destination.Length} elements, got {Length}"));
        }

        ReadOnlySpan<byte> bytes = elements.Span;
        if (columnsFirst && shape.Length > 1)
        {
            CopyColumns(bytes, destination);
            return;
        }

        for (int i = 0; i < destination.Length; i++)
        {
            destination[i] = FloatElements.Read(Type, bytes, i);
        }
    }

    void INamedTensor.CopyFloats(Span<float> destination) => CopyTo(destination);

    /// <summary>An error at this array that only its user can detect.</summary>
    /// <param name="problem">The expected and the found; the array's name is put before it.</param>
    public DataFormatException Error(string problem) => new(file, offset, $"array '{Name}': {problem}");

    /// <summary>Little-endian bytes of floats.</summary>
    internal static byte[] LittleEndian(ReadOnlySpan<float> values)
    {
        byte[] bytes = MemoryMarshal.AsBytes(values).ToArray();
        if (!BitConverter.IsLittleEndian)
        {
            for (int i = 0; i < bytes.Length; i += sizeof(float))
            {
                bytes.AsSpan(i, sizeof(float)).Reverse();
            }
        }

        return bytes;
    }

    /// <summary>In Fortran order element (i0, i1, i2, ...) lies at i0 + d0 (i1 + d1 (i2 + ...)).</summary>
    private void CopyColumns(ReadOnlySpan<byte> bytes, Span<float> destination)
    {
        Span<int> index = stackalloc int[SafetensorsFormat.MaximumRank];
        index.Clear();
        for (int i = 0; i < destination.Length; i++)
        {
            int at = 0;
            for (int axis = shape.Length - 1; axis >= 0; axis--)
            {
                at = (at * shape[axis]) + index[axis];
            }

            destination[i] = FloatElements.Read(Type, bytes, at);
            for (int axis = shape.Length - 1; axis >= 0 && ++index[axis] == shape[axis]; axis--)
            {
                index[axis] = 0;
            }
        }
    }
}
