using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Ops.Integer;

/// <summary>
/// How exported C computes a convolution on integers: the sums of a few positions of one or two outputs together, from a copy of the part of the
/// image that they see; or of one position, whose inputs are copied in the order of the weights.
/// </summary>
/// <param name="Rows">Rows of the tile; 0 for single positions.</param>
/// <param name="Columns">Columns of the tile.</param>
/// <param name="Together">Outputs of the tile.</param>
/// <param name="Depth">Channels whose elements are neighbours in the copy.</param>
internal readonly record struct ConvTile(int Rows, int Columns, int Together, int Depth)
{
    // Products that are written out; the C of more is longer than what it saves.
    private const int MostProducts = 144;

    /// <summary>The tile of a convolution.</summary>
    /// <param name="s">Its sizes, as <see cref="Seen"/> gives them.</param>
    public static ConvTile Of(in ConvSizes s)
    {
        int rows = Math.Min(s.OutputHeight, 2), columns = Math.Min(s.OutputWidth, s.OutputHeight == 1 ? 4 : 2);
        int together = s.Outputs / s.Groups % 2 == 0 ? 2 : 1, depth = together == 2 && s.Channels / s.Groups % 2 == 0 ? 2 : 1;
        ConvTile tile = new(rows, columns, together, depth);
        return rows * columns > 1 && tile.Products(s.KernelWidth) <= MostProducts && s.DilationX == 1 && s.DilationY == 1 ? tile : default;
    }

    /// <summary>The sizes that the C sees: of a kernel of one tap without padding the image is a single row.</summary>
    public static ConvSizes Seen(in ConvSizes s) => s.Flattened;

    /// <summary>Whether the products of all rows of a kernel are written out; else the rows are a loop.</summary>
    public bool WritesRows(in ConvSizes s, bool small) =>
        s.KernelHeight == 1 || (!small && Products(s.KernelHeight * s.KernelWidth) <= MostProducts);

    /// <summary>Columns of the kernel in the table of weights: neighbouring columns are pairs where channels are none.</summary>
    public int KernelColumns(in ConvSizes s) => s.KernelWidth + (Together == 2 && Depth == 1 ? s.KernelWidth % 2 : 0);

    /// <summary>Rows of the image that a tile sees.</summary>
    public int PatchRows(in ConvSizes s) => ((Rows - 1) * s.StrideY) + s.KernelHeight;

    /// <summary>Columns of the image that a tile sees.</summary>
    public int PatchColumns(in ConvSizes s) => ((Columns - 1) * s.StrideX) + s.KernelWidth;

    /// <summary>Elements of 16 bits that are copied for a tile; a pair of columns may end after the last one.</summary>
    public int Copied(in ConvSizes s) => (s.Channels / s.Groups * PatchRows(in s) * PatchColumns(in s)) + 1;

    private int Products(int taps) => taps * Rows * Columns * Together * Depth;
}
