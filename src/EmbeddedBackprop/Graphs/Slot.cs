namespace EmbeddedBackprop.Graphs;

/// <summary>A range of the workspace: rows of <paramref name="Columns"/> elements, <paramref name="Stride"/> floats apart.</summary>
/// <param name="Offset">First float; -1 when the slot does not exist (a gradient that nothing reads).</param>
/// <param name="Length">Floats at the plan's full batch.</param>
/// <param name="Columns">Elements of one sample.</param>
/// <param name="Stride">Floats from sample to sample.</param>
public readonly record struct Slot(int Offset, int Length, int Columns, int Stride)
{
    /// <summary>No memory: nothing reads the value.</summary>
    public static Slot None { get; } = new(-1, 0, 0, 0);

    /// <summary>Whether the slot has memory.</summary>
    public bool Exists => Offset >= 0;
}
