namespace EmbeddedBackprop.Kernels.Products;

/// <summary>Equal tiles of a weight gradient, one after the other in a list of rows, and the update they feed.</summary>
internal ref struct UpdateTileArguments
{
    /// <summary>The samples: element (step p, row i) is at p * AStep + i.</summary>
    public ref readonly float A;
    public ref readonly float B;
    public ref float C;

    /// <summary>The rows of C (columns of A) that are computed, MaximumRows or fewer to a tile.</summary>
    public ref readonly ushort Rows;
    public nuint AStep;
    public nuint LeadingB;
    public nuint LeadingC;
    public nuint Depth;

    /// <summary>Offset of the tile's last vector. In a ragged panel it overlaps its neighbour, and both compute the same bits there.</summary>
    public nuint Last;

    /// <summary>How many tiles.</summary>
    public nuint Tiles;
    public float LearningRate;
    public float L2;
}
