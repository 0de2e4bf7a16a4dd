namespace EmbeddedBackprop.Data;

/// <summary>How recordings are cut into windows of one length.</summary>
public sealed class SignalWindowOptions
{
    /// <summary>Samples of a window; 0, the default, is the length of the longest recording.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is negative.</exception>
    public int Length
    {
        get;
        init
        {
            ArgumentOutOfRangeException.ThrowIfNegative(value);
            field = value;
        }
    }

    /// <summary>
    /// Samples from the beginning of a window to that of the next, at most the length; 0, the default, is one window a recording, at its beginning.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is negative.</exception>
    public int Hop
    {
        get;
        init
        {
            ArgumentOutOfRangeException.ThrowIfNegative(value);
            field = value;
        }
    }

    /// <summary>Whether recordings that are shorter than a window are left out; they are filled up with zeros at their end by default.</summary>
    public bool DropShort { get; init; }
}
