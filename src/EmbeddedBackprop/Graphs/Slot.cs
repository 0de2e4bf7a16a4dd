namespace EmbeddedBackprop.Graphs;

/// <summary>A place in the workspace: rows of <paramref name="Columns"/> numbers, <paramref name="Stride"/> floats apart.</summary>
/// <param name="Offset">First float; -1 when the slot does not exist (a gradient that nobody wants).</param>
/// <param name="Length">Floats at the plan's full batch.</param>
/// <param name="Columns">Numbers of one sample.</param>
/// <param name="Stride">Floats from sample to sample.</param>
public readonly record struct Slot(int Offset, int Length, int Columns, int Stride)
{
    /// <summary>No memory: nobody wants the value.</summary>
    public static Slot None { get; } = new(-1, 0, 0, 0);

    /// <summary>Whether there is memory behind the slot.</summary>
    public bool Exists => Offset >= 0;
}
