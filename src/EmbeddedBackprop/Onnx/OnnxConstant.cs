using System.Buffers.Binary;

namespace EmbeddedBackprop.Onnx;

/// <summary>
/// A tensor whose elements are known: weights, and the shapes that a graph computes. All of one value where it has one element stored.
/// </summary>
internal sealed class OnnxConstant
{
    /// <summary>
    /// The element of a shape that says "the batch". No honest file holds this number; in another it means the batch as well, and no more than that.
    /// </summary>
    public const long Batch = long.MinValue + 0x62617463;

    private readonly float[]? floats;
    private readonly long[]? integers;

    public OnnxConstant(long[] dims, float[] floats)
    {
        (Dims, this.floats) = (dims, floats);
    }

    public OnnxConstant(long[] dims, long[] integers)
    {
        (Dims, this.integers) = (dims, integers);
    }

    /// <summary>Sizes, outermost first. One of a tensor of one value may be <see cref="Batch"/>.</summary>
    public long[] Dims { get; }

    /// <summary>Elements that are stored: all, or one for all.</summary>
    public int Stored => floats?.Length ?? integers!.Length;

    public bool IsInteger => integers is not null;

    /// <summary>Elements; null where the batch is among the sizes.</summary>
    public long? Count
    {
        get
        {
            long count = 1;
            foreach (long size in Dims)
            {
                if (size == Batch)
                {
                    return null;
                }

                count = checked(count * size);
            }

            return count;
        }
    }

    /// <summary>Whether one stored element is all of them.</summary>
    public bool IsUniform => Stored == 1 && Count != 1;

    public ReadOnlySpan<float> Floats => floats;

    public ReadOnlySpan<long> Integers => integers;

    /// <summary>The one value that all elements have; null if they differ, or are integers.</summary>
    public float? SingleValue => floats is { Length: > 0 } && Floats.IndexOfAnyExcept(floats[0]) < 0 ? floats[0] : null;

    /// <summary>An element of those stored, as it is.</summary>
    public OnnxConstant With(long[] dims, int[] elements)
    {
        if (integers is not null)
        {
            return new OnnxConstant(dims, Array.ConvertAll(elements, i => integers[i]));
        }

        return new OnnxConstant(dims, Array.ConvertAll(elements, i => floats![i]));
    }

    /// <summary>The same elements under other sizes.</summary>
    public OnnxConstant Sized(long[] dims) => integers is null ? new OnnxConstant(dims, floats!) : new OnnxConstant(dims, integers);

    /// <summary>The elements of a tensor; null with the reason where it cannot be read.</summary>
    public static OnnxConstant? Read(OnnxTensor tensor, out string reason)
    {
        reason = tensor.Refused is { } refused ? $"{refused}" : "";
        if (reason.Length > 0)
        {
            return null;
        }

        long count = 1;
        foreach (long size in tensor.Dims)
        {
            if (size is < 0 or > int.MaxValue || (size > 0 && count > int.MaxValue / size))
            {
                reason = $"sizes [{string.Join(", ", tensor.Dims)}] that no tensor can have";
                return null;
            }

            count *= size;
        }

        long given = Given(tensor);
        if (given < 0)
        {
            reason = $"elements of the type {tensor.Type}: float, double, float16, int64, int32 and bool are read";
            return null;
        }

        if (given != count)
        {
            reason = $"the sizes [{string.Join(", ", tensor.Dims)}] and {given} elements";
            return null;
        }

        return Convert(tensor, (int)count);
    }

    /// <summary>How many elements there are; -1 for a type that is not read, or bytes that are no whole number of elements.</summary>
    private static long Given(OnnxTensor tensor)
    {
        int width = tensor.Type switch
        {
            OnnxType.Double or OnnxType.Int64 => 8,
            OnnxType.Float or OnnxType.Int32 => 4,
            OnnxType.Float16 => 2,
            OnnxType.Bool => 1,
            _ => 0,
        };
        if (width == 0)
        {
            return -1;
        }

        if (tensor.Raw is { } raw)
        {
            return raw.Length % width == 0 && tensor.Floats.Length == 0 && tensor.Integers.Length == 0 ? raw.Length / width : -1;
        }

        return tensor.Type switch
        {
            OnnxType.Float => tensor.Integers.Length == 0 ? tensor.Floats.Length : -1,
            OnnxType.Double => tensor.Integers.Length + tensor.Floats.Length == 0 ? 0 : -1,
            _ => tensor.Floats.Length == 0 ? tensor.Integers.Length : -1,
        };
    }

    private static OnnxConstant Convert(OnnxTensor tensor, int count)
    {
        ReadOnlySpan<byte> raw = tensor.Raw is { } bytes ? bytes.Span : default;
        bool isRaw = tensor.Raw is not null;
        if (tensor.Type is OnnxType.Int64 or OnnxType.Int32 or OnnxType.Bool)
        {
            long[] integers = new long[count];
            for (int i = 0; i < count; i++)
            {
                integers[i] = !isRaw ? tensor.Integers[i]
                    : tensor.Type == OnnxType.Int64 ? BinaryPrimitives.ReadInt64LittleEndian(raw[(8 * i)..])
                    : tensor.Type == OnnxType.Int32 ? BinaryPrimitives.ReadInt32LittleEndian(raw[(4 * i)..])
                    : raw[i];
            }

            return new OnnxConstant(tensor.Dims, integers);
        }

        float[] floats = new float[count];
        for (int i = 0; i < count; i++)
        {
            floats[i] = tensor.Type switch
            {
                OnnxType.Double => (float)BinaryPrimitives.ReadDoubleLittleEndian(raw[(8 * i)..]),
                OnnxType.Float16 => isRaw
                    ? (float)BinaryPrimitives.ReadHalfLittleEndian(raw[(2 * i)..])
                    : (float)BitConverter.UInt16BitsToHalf((ushort)tensor.Integers[i]),
                _ => isRaw ? BinaryPrimitives.ReadSingleLittleEndian(raw[(4 * i)..]) : tensor.Floats[i],
            };
        }

        return new OnnxConstant(tensor.Dims, floats);
    }
}
