namespace EmbeddedBackprop.Data;

/// <summary>The contents of an IDX file: bytes in row-major order and their dimensions.</summary>
public sealed class IdxArray
{
    private readonly int[] dimensions;

    internal IdxArray(int[] dimensions, byte[] data)
    {
        this.dimensions = dimensions;
        Data = data;
    }

    /// <summary>The dimensions, the number of items first: [60000, 28, 28].</summary>
    public ReadOnlySpan<int> Dimensions => dimensions;

    /// <summary>The bytes, as many as the dimensions' product.</summary>
    public byte[] Data { get; }

    /// <summary>How many items there are.</summary>
    public int Count => dimensions[0];

    /// <summary>Bytes of one item: the product of the other dimensions.</summary>
    public int ItemLength => Count == 0 ? 0 : Data.Length / Count;
}
