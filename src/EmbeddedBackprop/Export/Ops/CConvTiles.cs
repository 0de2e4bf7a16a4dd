using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Export.Ops;

/// <summary>Neighbouring tiles of a row that have the same taps inside the image.</summary>
/// <param name="Start">The first position.</param>
/// <param name="Inside">For each position of a tile its taps inside the image; null where each sum finds them itself.</param>
/// <param name="Positions">Positions of a tile.</param>
/// <param name="Count">Tiles.</param>
internal sealed record CTileRun(int Start, (int First, int End)[]? Inside, int Positions, int Count);

/// <summary>
/// The sizes of a block's loops, and its tiles: a tile is a few neighbouring positions of one, two or four output channels, whose sums stay in
/// registers.
/// </summary>
internal sealed class CConvTiles
{
    /// <summary>A wider kernel row is a loop, and a clipped tile of such a kernel is computed sum by sum.</summary>
    public const int WrittenOut = 8;

    // More kinds of clipped tiles than these are computed sum by sum.
    private const int ClippedTiles = 4;

    // So many weights of the outputs of a tile are widened on the stack before their tiles; more are widened where they are read.
    private const int Widened = 96;

    /// <summary>Chooses the tiles.</summary>
    /// <param name="sizes">The convolution's sizes.</param>
    /// <param name="storage">The storage of its weights.</param>
    /// <param name="pool">The pooling that ends the block; null where none does.</param>
    /// <param name="small">Whether the C is to be small.</param>
    public CConvTiles(in ConvSizes sizes, CStorage storage, Pooling? pool, bool small)
    {
        (Sizes, Small) = (sizes, small);
        // Of a kernel of one tap that sees every element the image is a single row.
        bool flat = pool is null && sizes is { KernelHeight: 1, KernelWidth: 1, StrideX: 1, StrideY: 1, Top: 0, Left: 0 }
            && sizes.OutputPositions == sizes.Height * sizes.Width;
        (Height, Width) = flat ? (1, sizes.Height * sizes.Width) : (sizes.Height, sizes.Width);
        int outputWidth = flat ? Width : sizes.OutputWidth;
        (WindowHeight, WindowWidth) = pool?.Window ?? (1, 1);
        Rows = (flat ? 1 : sizes.OutputHeight) / WindowHeight;
        Columns = outputWidth / WindowWidth;
        Channels = sizes.Channels / sizes.Groups;
        Outputs = sizes.Outputs / sizes.Groups;
        Taps = sizes.KernelHeight * sizes.KernelWidth;
        ClipsRows = Enumerable.Range(0, Rows * WindowHeight).Any(row => RowsInside(row) < Sizes.KernelHeight);
        ClipsColumns = Enumerable.Range(0, Columns * WindowWidth).Any(column => TapsInside(column) != (0, Sizes.KernelWidth));
        // Of a few positions side by side more outputs are computed at once.
        int side = Columns * WindowWidth;
        Together = Outputs % 4 == 0 && (small || side < 4) && WindowWidth <= 4 ? 4 : small || Outputs % 2 != 0 || WindowWidth > 4 ? 1 : 2;
        Widens = storage != CStorage.Float32 && !small && Together * Channels * Taps <= Widened;
        TilePositions = Positions(small ? 1 : Together == 4 ? 3 : Together == 1 || (storage != CStorage.Float32 && !Widens) ? 8 : 7);
    }

    public ConvSizes Sizes { get; }

    public bool Small { get; }

    /// <summary>The image.</summary>
    public int Height { get; }

    public int Width { get; }

    /// <summary>A window of the pooling.</summary>
    public int WindowHeight { get; }

    public int WindowWidth { get; }

    /// <summary>Rows of the block's output.</summary>
    public int Rows { get; }

    public int Columns { get; }

    /// <summary>Channels of a group.</summary>
    public int Channels { get; }

    /// <summary>Output channels of a group.</summary>
    public int Outputs { get; }

    /// <summary>Taps of the kernel.</summary>
    public int Taps { get; }

    /// <summary>Output channels of a tile.</summary>
    public int Together { get; }

    /// <summary>Weights of an output.</summary>
    public int WeightsOfOutput => Channels * Taps;

    /// <summary>Whether rows of the kernel lie outside the image somewhere.</summary>
    public bool ClipsRows { get; }

    /// <summary>Whether columns of the kernel lie outside the image somewhere.</summary>
    public bool ClipsColumns { get; }

    /// <summary>Whether the weights of a tile's outputs are widened to floats before its sums.</summary>
    public bool Widens { get; }

    /// <summary>The neighbouring positions of a tile.</summary>
    public int TilePositions { get; }

    /// <summary>The columns of the kernel that are inside the image.</summary>
    private (int First, int End) TapsInside(int column) =>
        Inside(column * Sizes.StrideX, Sizes.Left, Width, Sizes.DilationX, Sizes.KernelWidth);

    /// <summary>How many rows of the kernel are inside the image.</summary>
    public int RowsInside(int row)
    {
        (int first, int end) = Inside(row * Sizes.StrideY, Sizes.Top, Height, Sizes.DilationY, Sizes.KernelHeight);
        return end - first;
    }

    /// <summary>The taps of a row or a column of the kernel that are inside the image.</summary>
    private static (int First, int End) Inside(int position, int padding, int size, int dilation, int kernel)
    {
        int first = 0, end = kernel;
        while (first < end && position + (first * dilation) < padding)
        {
            first++;
        }

        while (end > first && position + ((end - 1) * dilation) - padding >= size)
        {
            end--;
        }

        return (first, end);
    }

    /// <summary>
    /// The neighbouring positions of a tile: whole windows, not more sums than a Cortex-M4F keeps in registers, and tiles of about equal size.
    /// Weights that have to be widened are shared by one more position.
    /// </summary>
    private int Positions(int most)
    {
        int windows = Math.Max(1, most / WindowWidth), tiles = (Columns + windows - 1) / windows;
        return Math.Max(1, (Columns + tiles - 1) / Math.Max(1, tiles)) * WindowWidth;
    }

    /// <summary>The tiles of a row.</summary>
    public List<CTileRun> Runs()
    {
        List<CTileRun> runs = [];
        int end = Columns * WindowWidth;
        for (int start = 0; start < end;)
        {
            int positions = Math.Min(TilePositions, end - start);
            (int, int)[] inside = [.. Enumerable.Range(start, positions).Select(TapsInside)];
            if (runs.Count > 0 && runs[^1] is { } last && last.Inside!.AsSpan().SequenceEqual(inside))
            {
                runs[^1] = last with { Count = last.Count + 1 };
            }
            else
            {
                runs.Add(new CTileRun(start, inside, positions, 1));
            }

            start += positions;
        }

        bool IsClipped(CTileRun run) => Array.Exists(run.Inside!, taps => taps != (0, Sizes.KernelWidth));
        if (Small)
        {
            return [new CTileRun(0, null, WindowWidth, Columns)];
        }

        return Sizes.KernelWidth <= WrittenOut && runs.Count(IsClipped) <= ClippedTiles
            ? runs
            : [.. runs.Select(run => IsClipped(run)
                ? new CTileRun(run.Start, null, WindowWidth, run.Positions / WindowWidth * run.Count)
                : run)];
    }
}
