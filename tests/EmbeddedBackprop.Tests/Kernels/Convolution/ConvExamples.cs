namespace EmbeddedBackprop.Tests.Kernels;

/// <summary>Convolutions that reach every way through the kernels, and every bound.</summary>
internal static class ConvExamples
{
    /// <summary>
    /// Padded, strided, dilated, grouped, depthwise, pointwise, one row, large kernels, more taps than a block, more outputs than a chunk.
    /// </summary>
    public static readonly ConvSizes[] Chosen =
    [
        new(1, 28, 28, 8, 5, 5),
        new(8, 12, 12, 16, 5, 5),
        new(1, 28, 28, 4, 3, 3) { StrideX = 2, StrideY = 2 },
        new(4, 13, 13, 8, 3, 3) { StrideX = 2, StrideY = 2 },
        new(3, 17, 19, 5, 3, 3) { Top = 1, Bottom = 1, Left = 1, Right = 1 },
        new(3, 9, 11, 7, 5, 3) { Top = 2, Bottom = 2, Left = 1, Right = 1, StrideX = 2, StrideY = 3 },
        new(2, 15, 16, 3, 3, 3) { Top = 2, Bottom = 2, Left = 2, Right = 2, DilationX = 2, DilationY = 2 },
        new(4, 10, 10, 6, 3, 3) { Groups = 2, Top = 1, Bottom = 1, Left = 1, Right = 1 },
        new(5, 11, 12, 5, 3, 3) { Groups = 5, Top = 1, Bottom = 1, Left = 1, Right = 1 },
        new(4, 9, 21, 8, 3, 5) { Groups = 4, Top = 1, Left = 2, Right = 3, DilationX = 2 },
        new(3, 1, 60, 3, 1, 3) { Groups = 3, Left = 8, DilationX = 4 },
        new(2, 20, 40, 4, 3, 3) { Groups = 2, Top = 5, Bottom = 4, Left = 3, Right = 6 },
        new(19, 11, 9, 19, 3, 3) { Groups = 19, StrideY = 2, StrideX = 3, Top = 1, Left = 2 },
        new(3, 60, 70, 3, 5, 5) { Groups = 3, Top = 2, Bottom = 2, Left = 2, Right = 2 },
        new(2, 3, 3, 2, 3, 3) { Groups = 2, Top = 1, Bottom = 1, Left = 1, Right = 1 },

        // Rows shorter than a vector: as wide as the result, higher or lower than it, of few positions, with taps that no position sees.
        new(4, 25, 5, 4, 3, 3) { Groups = 4, Top = 1, Bottom = 1, Left = 1, Right = 1 },
        new(3, 6, 5, 3, 3, 3) { Groups = 3, Left = 1, Right = 1 },
        new(3, 6, 5, 3, 2, 4) { Groups = 3, Top = 3, Bottom = 2, Left = 1, Right = 2 },
        new(2, 5, 3, 6, 3, 3) { Groups = 2, Top = 1, Bottom = 1, Left = 1, Right = 1 },
        new(3, 1, 14, 3, 1, 3) { Groups = 3, Left = 2, Right = 2, DilationX = 2 },
        new(3, 3, 2, 3, 5, 5) { Groups = 3, Top = 2, Bottom = 2, Left = 2, Right = 2 },
        new(2, 4, 4, 2, 3, 3) { Groups = 2, Top = 6, Bottom = 6, Left = 6, Right = 6, DilationX = 6, DilationY = 6 },
        new(2, 70, 14, 2, 3, 3) { Groups = 2, Top = 1, Bottom = 1, Left = 1, Right = 1 },
        new(2, 73, 14, 2, 3, 3) { Groups = 2, Top = 1, Bottom = 1, Left = 1, Right = 1 },

        new(6, 7, 9, 9, 1, 1),
        new(6, 7, 9, 9, 1, 1) { StrideX = 2, StrideY = 2 },
        new(3, 1, 50, 6, 1, 5) { StrideX = 2, Left = 2, Right = 2 },
        new(2, 1, 70, 3, 1, 3) { DilationX = 8, Left = 16 },
        new(1, 1, 300, 2, 1, 129),
        new(33, 4, 4, 70, 3, 3) { Top = 1, Bottom = 1, Left = 1, Right = 1 },
        new(300, 2, 2, 3, 1, 1),
        new(2, 3, 3, 300, 2, 2),
        new(1, 3, 3, 2, 3, 3) { Top = 3, Bottom = 3, Left = 3, Right = 3 },
        new(1, 1, 2, 1, 1, 5) { Left = 4, Right = 4 },
        new(1, 6, 40, 3, 2, 20),

        // Outputs that fill the lanes, with a border, steps and holes; more columns than a block of sums; many channels of a plane each.
        new(3, 13, 14, 16, 3, 3) { Top = 1, Bottom = 1, Left = 1, Right = 1 },
        new(5, 8, 8, 33, 3, 3) { Top = 1, Bottom = 1, Left = 1, Right = 1 },
        new(2, 12, 9, 48, 4, 3) { StrideX = 2, StrideY = 2, Top = 1, Bottom = 2, Left = 1 },
        new(4, 9, 10, 26, 3, 3) { Groups = 2, DilationX = 2, DilationY = 3, Top = 3, Bottom = 3, Left = 2, Right = 2 },
        new(2, 1, 600, 12, 1, 9) { Left = 4, Right = 4 },
        new(1, 3, 2, 17, 5, 7) { Top = 4, Bottom = 4, Left = 6, Right = 6 },
        new(20, 9, 5, 20, 3, 3) { Groups = 20, Top = 1, Bottom = 1, Left = 1, Right = 1 },
        new(9, 14, 13, 9, 3, 5) { Groups = 9, StrideX = 2, StrideY = 3, Top = 2, Left = 4, Right = 3, DilationX = 2 },
        new(16, 60, 40, 16, 3, 3) { Groups = 16, Top = 1, Bottom = 1, Left = 1, Right = 1 },

        // A window that slides over rows of taps: tiles of 8, 6 and 4 positions, an odd line, two groups; planes of 1 to 8 positions a line.
        new(2, 11, 18, 16, 5, 5),
        new(2, 6, 9, 13, 5, 5) { Top = 1, Left = 1 },
        new(3, 7, 6, 14, 3, 3),
        new(6, 5, 16, 32, 3, 3) { Groups = 2, Top = 1, Bottom = 1, Left = 1, Right = 1 },
        new(16, 8, 3, 16, 2, 2) { Groups = 16 },
        new(17, 7, 7, 17, 2, 3) { Groups = 17 },

        // Kernels larger than the image in more than one block of taps: the farthest tap is not the last one.
        new(7, 3, 3, 2, 5, 5) { Top = 2, Bottom = 2, Left = 2, Right = 2 },
        new(11, 2, 9, 3, 7, 3) { Top = 3, Bottom = 3, Left = 1, Right = 1 },

        // Samples whose channels do not fit on the stack together; a single kernel row of many channels.
        new(5, 70, 60, 3, 3, 3),
        new(21, 5, 6, 3, 1, 2) { StrideY = 2 },

        // One channel whose rows are joined: a ragged row, steps. Kernels of two rows; of three with five vectors each.
        new(1, 20, 17, 3, 3, 4),
        new(1, 11, 33, 2, 5, 3) { StrideY = 2, StrideX = 3 },
        new(3, 8, 9, 4, 2, 3),
        new(8, 9, 10, 5, 3, 5),

        // Few outputs and rows of whole halves of a vector: as few rows as a tile takes, and several tiles.
        new(2, 8, 10, 3, 3, 3),
        new(3, 10, 18, 7, 3, 3),

        // Outputs that fill the lanes, and input channels in whole and ragged tiles: a border, steps, holes, groups, one long row, several bands.
        new(16, 20, 30, 16, 3, 3) { Top = 1, Bottom = 1, Left = 1, Right = 1 },
        new(11, 13, 12, 13, 3, 2) { StrideX = 2, StrideY = 2, Top = 1, Left = 1 },
        new(18, 12, 11, 62, 3, 3) { Groups = 2, DilationX = 2, DilationY = 3, Top = 3, Bottom = 3, Left = 2, Right = 2 },
        new(8, 1, 300, 32, 1, 5) { Left = 2, Right = 2 },
        new(15, 5, 6, 48, 5, 7) { Top = 4, Bottom = 6, Left = 3, Right = 9 },
    ];

    /// <summary>Sizes at the tiles' bounds and beyond, as a hostile model file may have them.</summary>
    public static readonly ConvSizes[] Extreme =
    [
        new(1, 8, 8, 1, 200, 200) { Top = 99, Bottom = 100, Left = 99, Right = 100 },
        new(1, 8, 8, 2, 32, 32) { Top = 15, Bottom = 16, Left = 15, Right = 16 },
        new(8, 4, 69, 2, 3, 16) { DilationY = 100000, Top = 100000, Bottom = 100000, Left = 7, Right = 8 },
        new(3, 4, 9, 2, 3, 3) { DilationY = 4096, Top = 4096, Bottom = 4096, Left = 1, Right = 1 },
        new(131072, 1, 1, 2, 1, 1),
        new(131073, 1, 1, 2, 1, 1),
        new(20000, 3, 3, 1, 3, 3),
        new(2, 1, 9000, 2, 1, 2) { Groups = 2, DilationX = 4096 },
        new(2, 1, 9000, 2, 1, 2) { Groups = 2, DilationX = 5000 },
        new(2, 1, 60, 4, 1, 3) { Groups = 2, Left = 4096, Right = 4096 },
        new(1, 3, 70000, 2, 1, 3) { StrideX = 32768 },
        new(1, 3, 70000, 2, 1, 3) { StrideX = int.MaxValue, StrideY = 2 },
        new(1, 2, 5, 1, 1, 1) { Left = 1 << 20, StrideX = 1 << 19 },
        new(1, 1, 3, 1, 1, 2) { DilationX = int.MaxValue - 8, Left = int.MaxValue - 8, StrideX = 1 << 30 },
    ];
}
