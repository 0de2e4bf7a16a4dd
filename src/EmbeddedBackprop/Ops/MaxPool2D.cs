namespace EmbeddedBackprop.Ops;

/// <summary>The maximum of every window of an image: [channels, height, width] to [channels, output height, output width].</summary>
public sealed class MaxPool2D : MaxPooling
{
    /// <summary>Square windows; the stride is the window unless given.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A size is not positive, or the padding is not less than the window.</exception>
    public MaxPool2D(int window, int stride = 0, int padding = 0)
        : this((window, window), (stride, stride), (padding, padding))
    {
    }

    /// <summary>Windows of (rows, columns).</summary>
    /// <exception cref="ArgumentOutOfRangeException">A size is not positive, or the padding is not less than the window.</exception>
    public MaxPool2D((int Height, int Width) window, (int Height, int Width) stride = default, (int Height, int Width) padding = default)
        : base(3, window, stride, padding)
    {
    }

    /// <inheritdoc/>
    public override string Kind => "maxpool";
}
