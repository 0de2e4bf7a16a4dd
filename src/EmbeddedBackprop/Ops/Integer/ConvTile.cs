using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Ops.Integer;

/// <summary>
/// How exported C computes a convolution on integers: of the positions of a tile together, each input read once from a copy of the part of the image
/// that they see; or of one position, whose inputs are copied in the order of the weights.
/// </summary>
/// <param name="Rows">Rows of the tile; 0 for single positions.</param>
/// <param name="Columns">Columns of the tile.</param>
internal readonly record struct ConvTile(int Rows, int Columns)
{
    // Beyond, the C of all products of a tile is longer than what it saves.
    private const int MostProducts = 100;

    /// <summary>The tile of a convolution.</summary>
    public static ConvTile Of(in ConvSizes s)
    {
        int rows = Math.Min(s.OutputHeight, 2), columns = Math.Min(s.OutputWidth, s.OutputHeight == 1 ? 4 : 2);
        int kernel = s.KernelHeight * s.KernelWidth, products = rows * columns * kernel;
        return kernel > 1 && rows * columns > 1 && products <= MostProducts && s.DilationX == 1 && s.DilationY == 1
            ? new ConvTile(rows, columns)
            : default;
    }

    /// <summary>Rows of the image that a tile sees.</summary>
    public int PatchRows(in ConvSizes s) => ((Rows - 1) * s.StrideY) + s.KernelHeight;

    /// <summary>Columns of the image that a tile sees.</summary>
    public int PatchColumns(in ConvSizes s) => ((Columns - 1) * s.StrideX) + s.KernelWidth;

    /// <summary>Elements that are copied for a tile, or for a position.</summary>
    public int Copied(in ConvSizes s) => Rows > 0 ? s.Channels / s.Groups * PatchRows(in s) * PatchColumns(in s) : s.Taps;
}
