using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Training;

/// <summary>All memory of a network, one part after the other: made once, or handed in by the caller.</summary>
internal sealed class NetworkMemory
{
    public NetworkMemory(Layout layout, MemorySizes sizes, Memory<float>? given)
    {
        Length = sizes.Total(layout);
        if (given is { } memory && memory.Length < Length)
        {
            GraphErrors.MemoryTooSmall("memory", Length, memory.Length);
        }

        Memory<float> all = given ?? AlignedMemory.Allocate(Length);
        all.Span[..Length].Clear();
        int next = 0;
        Parameters = Take(all, layout, ref next, sizes.Parameters);
        Gradients = Take(all, layout, ref next, sizes.Gradients);
        OptimizerState = Take(all, layout, ref next, sizes.OptimizerState);
        State = Take(all, layout, ref next, sizes.State);
        Workspace = Take(all, layout, ref next, sizes.Workspace);
        Rows = Take(all, layout, ref next, sizes.Rows);
    }

    public int Length { get; }

    public Memory<float> Parameters { get; }

    public Memory<float> Gradients { get; }

    public Memory<float> OptimizerState { get; }

    public Memory<float> State { get; }

    public Memory<float> Workspace { get; }

    /// <summary>Samples of a source, where they must be dealt out to several inputs or targets.</summary>
    public Memory<float> Rows { get; }

    private static Memory<float> Take(Memory<float> all, Layout layout, ref int next, int length)
    {
        Memory<float> part = all.Slice(next, length);
        next += layout.Align(length);
        return part;
    }
}
