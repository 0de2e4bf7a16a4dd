using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;

namespace EmbeddedBackprop.Kernels;

/// <summary>
/// The sizes of a convolution. One sample of the input is [channels, height, width], of the output [outputs, output height, output width], the
/// kernels are
/// [outputs, channels / groups, kernel height, kernel width], all without gaps. Output (oy, ox) reads row oy * strideY - top + ky * dilationY and
/// column ox * strideX - left + kx * dilationX; taps that fall outside the input are skipped, never multiplied.
/// </summary>
/// <param name="Channels">Channels of the input.</param>
/// <param name="Height">Rows of the input; 1 for a signal.</param>
/// <param name="Width">Columns of the input.</param>
/// <param name="Outputs">Channels of the output.</param>
/// <param name="KernelHeight">Rows of a kernel.</param>
/// <param name="KernelWidth">Columns of a kernel.</param>
public readonly record struct ConvSizes(int Channels, int Height, int Width, int Outputs, int KernelHeight, int KernelWidth)
{
    /// <summary>The longest sum of a tile: products of it with the columns of a panel are ints.</summary>
    private const int MostTaps = 1 << 17;

    /// <summary>Rows of a mask, which is on the stack: 256 KB.</summary>
    private const int MostPositionsOfKernel = 1024;

    private const int FarthestStep = 1 << 15;

    private const int WidestPadding = 1 << 12;

    /// <summary>Input rows from output row to output row.</summary>
    public int StrideY { get; init; } = 1;

    /// <summary>Input columns from output column to output column.</summary>
    public int StrideX { get; init; } = 1;

    /// <summary>Input rows from kernel row to kernel row.</summary>
    public int DilationY { get; init; } = 1;

    /// <summary>Input columns from kernel column to kernel column.</summary>
    public int DilationX { get; init; } = 1;

    /// <summary>Rows of padding above the input.</summary>
    public int Top { get; init; }

    /// <summary>Rows of padding below the input.</summary>
    public int Bottom { get; init; }

    /// <summary>Columns of padding left of the input.</summary>
    public int Left { get; init; }

    /// <summary>Columns of padding right of the input.</summary>
    public int Right { get; init; }

    /// <summary>Groups of channels that do not see each other: input channels of group g give output channels of group g.</summary>
    public int Groups { get; init; } = 1;

    /// <summary>
    /// Rows of the output: (height + top + bottom - dilation (kernel height - 1) - 1) / stride + 1, rounded down; 0 if the kernel does not fit.
    /// </summary>
    public int OutputHeight => OutputLength(Height, Top, Bottom, KernelHeight, DilationY, StrideY);

    /// <summary>Columns of the output, by the same formula.</summary>
    public int OutputWidth => OutputLength(Width, Left, Right, KernelWidth, DilationX, StrideX);

    /// <summary>Floats of one sample of the input.</summary>
    public int InputLength => Channels * Height * Width;

    /// <summary>Floats of one sample of the output.</summary>
    public int SampleOutputs => Outputs * OutputPositions;

    /// <summary>Positions of one output channel.</summary>
    public int OutputPositions => OutputHeight * OutputWidth;

    /// <summary>Weights of one output channel: the length of its sums.</summary>
    public int Taps => (Groups == 1 ? Channels : Channels / Groups) * KernelHeight * KernelWidth;

    /// <summary>Floats of the kernels.</summary>
    public int Weights => Outputs * Taps;

    /// <summary>Multiply-adds of one sample, padding counted as if it were there.</summary>
    public long MultiplyAdds => (long)SampleOutputs * Taps;

    /// <summary>Whether every output reads one position: a matrix product.</summary>
    internal bool IsPointwise =>
        KernelHeight == 1 && KernelWidth == 1 && StrideY == 1 && StrideX == 1 && (Top | Bottom | Left | Right) == 0;

    /// <summary>Whether taps may lie outside the input.</summary>
    internal bool IsPadded => (Top | Bottom | Left | Right) != 0;

    /// <summary>
    /// Whether the tiles may run: their panels are on the stack, and their offsets are ints. All other sizes have plain loops, which give the same
    /// bits.
    /// </summary>
    internal bool FitsTiles =>
        Taps <= MostTaps
        && (long)KernelHeight * KernelWidth <= MostPositionsOfKernel
        && Math.Max(Math.Max(StrideY, StrideX), Math.Max(DilationY, DilationX)) <= FarthestStep
        && Math.Max(Math.Max(Top, Bottom), Math.Max(Left, Right)) <= WidestPadding;

    /// <summary>The output rows of which no tap lies outside the input: first, and end (exclusive).</summary>
    internal (int First, int End) InnerRows => Inner(Height, Top, KernelHeight, DilationY, StrideY, OutputHeight);

    /// <summary>The output columns of which no tap lies outside the input: first, and end (exclusive).</summary>
    internal (int First, int End) InnerColumns => Inner(Width, Left, KernelWidth, DilationX, StrideX, OutputWidth);

    /// <summary>The same sizes seen with as few rows as possible: a pointwise convolution does not care about rows.</summary>
    internal ConvSizes Flattened => IsPointwise ? this with { Height = 1, Width = Height * Width } : this;

    /// <summary>The output positions along one axis whose tap at the given offset lies inside: first, and end (exclusive).</summary>
    internal static (int First, int End) Reading(int offset, int length, int stride, int outputs)
    {
        // 0 <= position * stride + offset < length
        long first = offset >= 0 ? 0 : ((long)stride - 1 - offset) / stride;
        long end = length <= offset ? 0 : Math.Min(outputs, (((long)length - 1 - offset) / stride) + 1);
        first = Math.Min(first, outputs);
        return ((int)first, (int)Math.Max(end, first));
    }

    /// <summary>Refuses sizes that are no convolution.</summary>
    internal void Require(string kernel)
    {
        if (Channels <= 0 || Height <= 0 || Width <= 0 || Outputs <= 0 || KernelHeight <= 0 || KernelWidth <= 0
            || StrideY <= 0 || StrideX <= 0 || DilationY <= 0 || DilationX <= 0 || Groups <= 0 || (Top | Bottom | Left | Right) < 0)
        {
            Throw(kernel, "sizes must be positive and padding not negative");
        }

        if (Channels % Groups != 0 || Outputs % Groups != 0)
        {
            Throw(kernel, $"{Groups} groups must divide {Channels} channels and {Outputs} outputs");
        }

        // Every offset within a sample, within the kernels and along the padded input is an int from here on.
        long rows = (long)Height + Top + Bottom, columns = (long)Width + Left + Right;
        long image = Math.Min((long)Channels * Height, int.MaxValue) * Width;
        if (Math.Max(rows, columns) > int.MaxValue || image > int.MaxValue)
        {
            Throw(kernel, $"the padded input of {Channels}x{rows}x{columns} is too large");
        }

        if (OutputHeight == 0 || OutputWidth == 0)
        {
            Throw(kernel, $"a kernel of {KernelHeight}x{KernelWidth} does not fit into the padded input of {Height}x{Width}");
        }

        long taps = Math.Min((long)(Channels / Groups) * KernelHeight, int.MaxValue) * KernelWidth;
        long maps = Math.Min((long)Outputs * OutputHeight, int.MaxValue) * OutputWidth;
        if (Math.Min(taps, int.MaxValue) * Outputs > int.MaxValue || maps > int.MaxValue)
        {
            Throw(kernel, $"{Outputs} kernels of {taps} weights, or their maps of {OutputHeight}x{OutputWidth}, are too large");
        }
    }

    private static int OutputLength(int length, int before, int after, int kernel, int dilation, int stride)
    {
        long room = (long)length + before + after - ((long)dilation * (kernel - 1)) - 1;

        // A pass of one sample asks often enough for a division to be seen.
        long steps = stride == 1 ? room : room / stride;
        return room < 0 ? 0 : (int)Math.Min(steps + 1, int.MaxValue);
    }

    private static (int First, int End) Inner(int length, int before, int kernel, int dilation, int stride, int outputs)
    {
        long first = Math.Min(((long)before + stride - 1) / stride, outputs);
        long last = (long)length + before - 1 - ((long)dilation * (kernel - 1));
        long end = last < 0 ? first : Math.Clamp((last / stride) + 1, first, outputs);
        return ((int)first, (int)end);
    }

    [DoesNotReturn]
    [StackTraceHidden]
    private static void Throw(string kernel, string what) => throw new ArgumentException($"{kernel}: {what}");
}
