namespace EmbeddedBackprop.Graphs;

/// <summary>
/// How an op works along time: row t of its result reads the rows t <see cref="Stride"/> - <see cref="Before"/> and the next <see cref="Extent"/> - 1
/// of its inputs. A stream follows from it: an op needs its last Extent - Stride rows once more when the next ones come.
/// </summary>
internal readonly record struct TimeRule
{
    private TimeRule(int extent, int stride, int before, int axis, string refusal = "")
    {
        (Extent, Stride, Before, Axis) = (extent, stride, before, axis);
        Refusal = refusal;
    }

    /// <summary>Rows that a row of the result reads; 0: all of the window, for one result without time.</summary>
    public int Extent { get; }

    /// <summary>Rows from the first one that a row of the result reads to that of the next.</summary>
    public int Stride { get; }

    /// <summary>Rows before the first one that are read as zeros: causal padding.</summary>
    public int Before { get; }

    /// <summary>The axis of time in the result; -1 for none.</summary>
    public int Axis { get; }

    /// <summary>Why the op cannot be fed row by row; empty if it can.</summary>
    public string Refusal { get; }

    /// <summary>Whether time would have to be another axis: a refusal of that one says more.</summary>
    public bool IsOtherAxis { get; private init; }

    /// <summary>Whether the op gives one result for all rows of the window.</summary>
    public bool IsWindow => Extent == 0;

    /// <summary>An op that gives a row for each row, from that row and from what it keeps of earlier ones.</summary>
    public static TimeRule Each(int axis) => new(1, 1, 0, axis);

    /// <summary>An op with a row for every so many rows.</summary>
    public static TimeRule Rows(int extent, int stride, int axis, int before = 0) => new(extent, stride, before, axis);

    /// <summary>An op that gives one result for the window.</summary>
    public static TimeRule Window => new(0, 1, 0, -1);

    /// <summary>An op that gives one result, of the newest row and of what it keeps of earlier ones.</summary>
    public static TimeRule Newest => new(1, 1, 0, -1);

    /// <summary>An op that cannot be fed row by row.</summary>
    /// <param name="reason">What it does instead, after its name.</param>
    public static TimeRule Refused(string reason) => new(1, 1, 0, -1, reason);

    /// <summary>An op for which time is never this axis.</summary>
    /// <param name="reason">What it does along it, after its name.</param>
    public static TimeRule OtherAxis(string reason) => new(1, 1, 0, -1, reason) { IsOtherAxis = true };
}
