namespace EmbeddedBackprop.Ops;

/// <summary>How wide the border is that a convolution sees around its input. Taps in it are skipped, as if they were multiplied by zero.</summary>
public enum ConvPadding
{
    /// <summary>
    /// As many rows and columns on both sides as <see cref="ConvOptions.PaddingY"/> and <see cref="ConvOptions.PaddingX"/> say; none if they say
    /// nothing ("valid").
    /// </summary>
    Explicit,

    /// <summary>As much as the output needs to have ceiling(input / stride) rows and columns; an odd one follows the input.</summary>
    Same,

    /// <summary>Signals only: all of it before the input, dilation * (kernel - 1), so that an output reads nothing of its future.</summary>
    Causal,
}

/// <summary>Stride, padding, dilation and groups of a convolution. Y counts rows, X counts columns; a signal has columns only.</summary>
public sealed record ConvOptions
{
    /// <summary>Input rows from output row to output row; 1 by default.</summary>
    public int StrideY { get; init; } = 1;

    /// <summary>Input columns from output column to output column; 1 by default.</summary>
    public int StrideX { get; init; } = 1;

    /// <summary>Both strides, 1 by default; reads as the vertical one.</summary>
    public int Stride
    {
        get => StrideY;
        init => (StrideY, StrideX) = (value, value);
    }

    /// <summary>The kind of padding; explicit by default.</summary>
    public ConvPadding Padding { get; init; }

    /// <summary>Rows of padding above and below, where the padding is explicit; 0 by default.</summary>
    public int PaddingY { get; init; }

    /// <summary>Columns of padding left and right, where the padding is explicit; 0 by default.</summary>
    public int PaddingX { get; init; }

    /// <summary>Input rows from kernel row to kernel row; 1 by default.</summary>
    public int DilationY { get; init; } = 1;

    /// <summary>Input columns from kernel column to kernel column; 1 by default.</summary>
    public int DilationX { get; init; } = 1;

    /// <summary>Groups of channels that do not see each other; as many as there are channels for a depthwise convolution. 1 by default.</summary>
    public int Groups { get; init; } = 1;

    /// <summary>Transposed convolutions only: rows added below the output, fewer than the stride; 0 by default.</summary>
    public int OutputPaddingY { get; init; }

    /// <summary>Transposed convolutions only: columns added right of the output, fewer than the stride; 0 by default.</summary>
    public int OutputPaddingX { get; init; }
}
