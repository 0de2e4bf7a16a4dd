using System.Globalization;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Elements;
using EmbeddedBackprop.Kernels.Pooling;

namespace EmbeddedBackprop.Ops;

/// <summary>
/// The common part of the poolings: windows of a channel, moved in strides, each giving one element. Output size along an axis: floor((size
/// + 2 padding - window) / stride) + 1.
/// Padding has no value: windows are clipped.
/// </summary>
public abstract class Pooling : KernelOp
{
    private readonly int rank;
    private Shape input;

    private protected Pooling(int rank, (int Height, int Width) window, (int Height, int Width) stride, (int Height, int Width) padding)
    {
        this.rank = rank;
        Window = (Errors.RequirePositive("window", window.Height), Errors.RequirePositive("window", window.Width));
        Stride = (stride.Height == 0 ? window.Height : stride.Height, stride.Width == 0 ? window.Width : stride.Width);
        _ = Errors.RequirePositive("stride", Stride.Height) + Errors.RequirePositive("stride", Stride.Width);
        Padding = (RequirePadding(padding.Height, window.Height), RequirePadding(padding.Width, window.Width));
    }

    /// <summary>The window's rows and columns (rows: 1 in one dimension).</summary>
    public (int Height, int Width) Window { get; }

    /// <summary>How far a window is moved.</summary>
    public (int Height, int Width) Stride { get; }

    /// <summary>How far windows may reach over each edge: less than a window.</summary>
    public (int Height, int Width) Padding { get; }

    /// <inheritdoc/>
    public override string Settings
    {
        get
        {
            string text = Pair(Window);
            text += Stride == Window ? "" : " s" + Pair(Stride);
            return Padding == (0, 0) ? text : text + " p" + Pair(Padding);
        }
    }

    /// <summary>The sizes, known when the op is applied.</summary>
    internal PoolSizes Sizes { get; private set; }

    // Without padding, window o begins at element o or later.
    internal override bool MayOverlayBeginning(int input) => Padding == (0, 0);

    /// <inheritdoc/>
    public override Shape InferShape(string name, ReadOnlySpan<Node> inputs)
    {
        Shape shape = Shapes.Single(name, inputs, ref input);
        if (shape.Rank != rank)
        {
            OpErrors.RankExpected(name, rank == 3 ? "channels x height x width" : "channels x length", shape, inputs[0].Name);
        }

        int height = rank == 3 ? shape[1] : 1, width = shape[rank - 1];
        Sizes = new PoolSizes(shape[0], height, width, Window.Height, Window.Width, Stride.Height, Stride.Width, Padding.Height, Padding.Width);
        if (height + (2L * Padding.Height) < Window.Height || width + (2L * Padding.Width) < Window.Width)
        {
            OpErrors.WindowTooLarge(name, Pair(Window), shape, Pair(Padding), inputs[0].Name);
        }

        return rank == 3 ? new Shape(shape[0], Sizes.OutputHeight, Sizes.OutputWidth) : new Shape(shape[0], Sizes.OutputWidth);
    }

    /// <inheritdoc/>
    internal override TimeRule AlongTime(ReadOnlySpan<Node> inputs, int axis)
    {
        bool down = rank == 3 && axis == 1;
        return axis == 0 ? TimeRule.OtherAxis("pools each step of time by itself as a channel")
            : (down ? Padding.Height : Padding.Width) > 0
                ? TimeRule.Refused("pads the window in time (a pooling without padding can be fed step by step)")
            : down ? TimeRule.Rows(Window.Height, Stride.Height, axis)
            : TimeRule.Rows(Window.Width, Stride.Width, axis);
    }

    private static int RequirePadding(int padding, int window)
    {
        if (padding < 0 || padding >= window)
        {
            Errors.OutOfRange(nameof(padding), padding, string.Create(CultureInfo.InvariantCulture, $"0 to {window - 1} (less than the window)"));
        }

        return padding;
    }

    private string Pair((int Height, int Width) pair) => rank < 3 || pair.Height == pair.Width
        ? pair.Width.ToString(CultureInfo.InvariantCulture)
        : string.Create(CultureInfo.InvariantCulture, $"{pair.Height}x{pair.Width}");
}
