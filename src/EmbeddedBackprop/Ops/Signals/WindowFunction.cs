namespace EmbeddedBackprop.Ops;

/// <summary>How the samples of a frame are weighted.</summary>
public enum WindowFunction
{
    /// <summary>0.5 - 0.5 cos(2 pi t / n), after Julius von Hann.</summary>
    Hann,

    /// <summary>0.54 - 0.46 cos(2 pi t / n), after Richard Hamming.</summary>
    Hamming,
}
