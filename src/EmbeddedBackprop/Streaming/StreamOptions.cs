namespace EmbeddedBackprop.Streaming;

/// <summary>How a net is fed as a stream.</summary>
public sealed record StreamOptions
{
    /// <summary>Steps of time from decision to decision, a multiple of the net's strides; 0, the default: as few as they allow.</summary>
    public int Hop { get; init; }

    /// <summary>
    /// Whether recurrent layers that begin each window with an empty state carry it from step to step instead, from the reset on. Without it, the
    /// default, such layers are refused: a stream would give other results than the window.
    /// </summary>
    public bool Carry { get; init; }
}
