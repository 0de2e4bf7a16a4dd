using EmbeddedBackprop.Graphs;

namespace EmbeddedBackprop.Streaming;

/// <summary>A node's rows along time, in a stream.</summary>
/// <param name="rule">How its op works along time.</param>
internal sealed class StreamRows(TimeRule rule)
{
    public TimeRule Rule => rule;

    /// <summary>The axis of time; -1 for none.</summary>
    public int Axis => rule.Axis;

    public bool HasTime => rule.Axis >= 0;

    /// <summary>Steps of the input from row to row.</summary>
    public long StepsPerRow { get; set; } = 1;

    /// <summary>New rows in a hop.</summary>
    public int New { get; set; }

    /// <summary>Rows that the first decision needs.</summary>
    public long Needed { get; set; }

    /// <summary>Rows before the signal's first one.</summary>
    public int Early { get; set; }

    /// <summary>Such rows of its sources that the op must not take for rows of the signal.</summary>
    public int EarlyRead { get; set; }

    /// <summary>Rows of its sources that the op reads once more; below 0: so many of the first new ones, which it leaves out.</summary>
    public int Kept { get; set; }
}
