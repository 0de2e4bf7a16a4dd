namespace EmbeddedBackprop.Ops;

/// <summary>The maximum of every window of a signal: [channels, length] to [channels, output length].</summary>
public sealed class MaxPool1D : MaxPooling
{
    /// <summary>Windows of so many positions; the stride is the window unless given.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A size is not positive, or the padding is not less than the window.</exception>
    public MaxPool1D(int window, int stride = 0, int padding = 0)
        : base(2, (1, window), (1, stride), (0, padding))
    {
    }

    /// <inheritdoc/>
    public override string Kind => "maxpool1d";
}
