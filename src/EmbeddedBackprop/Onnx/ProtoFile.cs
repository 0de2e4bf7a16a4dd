namespace EmbeddedBackprop.Onnx;

/// <summary>
/// A file that is read, and the bytes that reading it may still allocate: three times the file and 48 KiB. A file of tiny entries, each of which
/// would be an object many times its size, is refused before they are made.
/// </summary>
/// <param name="name">The file's name in messages.</param>
/// <param name="bytes">The whole file.</param>
internal sealed class ProtoFile(string name, ReadOnlyMemory<byte> bytes)
{
    private long left = (3L * bytes.Length) + (48 << 10);

    /// <summary>The file's name in messages.</summary>
    public string Name { get; } = name;

    /// <summary>The whole file.</summary>
    public ReadOnlyMemory<byte> Bytes { get; } = bytes;

    /// <summary>Takes bytes of what may be allocated; false if there are not as many left.</summary>
    public bool TryTake(long count)
    {
        left -= count;
        return left >= 0;
    }
}
