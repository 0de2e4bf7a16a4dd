namespace EmbeddedBackprop.Kernels.Products;

/// <summary>Equal tiles one below the other: where they are, and how far their chains go.</summary>
internal ref struct TileArguments
{
    public ref readonly float A;
    public ref readonly float B;
    public ref readonly float Bias;
    public ref float C;
    public nuint ARow;
    public nuint AStep;
    public nuint LeadingB;
    public nuint LeadingC;
    public nuint Depth;

    /// <summary>The indices k that are summed, Depth of them, ascending; null for all.</summary>
    public ref readonly ushort Steps;

    /// <summary>Offset of the tile's last vector. In a ragged panel it overlaps its neighbour, and both compute the same bits there.</summary>
    public nuint Last;

    /// <summary>How many tiles.</summary>
    public nuint Tiles;
    public GemmStart Start;
}
