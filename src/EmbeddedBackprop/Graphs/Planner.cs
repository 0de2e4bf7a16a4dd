namespace EmbeddedBackprop.Graphs;

/// <summary>
/// Places buffers in one workspace so that buffers whose lives overlap do not: the largest first, each at the lowest offset that is free
/// during its whole life.
/// </summary>
internal sealed class Planner(Layout layout)
{
    private readonly List<Buffer> buffers = [];

    /// <summary>A buffer that somebody must keep from time its first writer to time its last reader, both included.</summary>
    public sealed record Buffer(string Name, int Length, int First)
    {
        public int Last { get; set; } = First;

        public int Offset { get; set; } = -1;

        public bool Overlaps(Buffer other) => First <= other.Last && other.First <= Last;
    }

    /// <summary>All buffers in the order in which they were asked for.</summary>
    public IReadOnlyList<Buffer> Buffers => buffers;

    /// <summary>Floats of the whole workspace, after <see cref="Place"/>.</summary>
    public int Length { get; private set; }

    /// <summary>Asks for a buffer that is first written at the given time.</summary>
    public Buffer Add(string name, long length, int first)
    {
        if (length > int.MaxValue)
        {
            Errors.TooLarge(name, length);
        }

        Buffer buffer = new(name, (int)length, first);
        buffers.Add(buffer);
        return buffer;
    }

    /// <summary>Gives every buffer its offset.</summary>
    public void Place()
    {
        List<Buffer> placed = [];
        // Equal lengths keep their order (the sort is stable), so that the same graph always gives the same plan.
        foreach (Buffer buffer in buffers.OrderByDescending(b => b.Length))
        {
            long offset = 0;
            foreach (Buffer other in placed)
            {
                if (other.Overlaps(buffer) && offset < other.Offset + other.Length && other.Offset < offset + buffer.Length)
                {
                    offset = layout.Align(other.Offset + other.Length);
                }
            }

            if (offset + buffer.Length > int.MaxValue - Layouts.PaddedMultiple)
            {
                Errors.TooLarge("workspace", offset + buffer.Length);
            }

            buffer.Offset = (int)offset;
            placed.Add(buffer);
            placed.Sort((x, y) => x.Offset.CompareTo(y.Offset));
            Length = Math.Max(Length, buffer.Offset + buffer.Length);
        }
    }

    /// <summary>The most floats alive at one time: no placement can do with less.</summary>
    public int LowerBound()
    {
        int most = 0;
        foreach (Buffer at in buffers)
        {
            int alive = 0;
            foreach (Buffer other in buffers)
            {
                alive += other.First <= at.First && at.First <= other.Last ? other.Length : 0;
            }

            most = Math.Max(most, alive);
        }

        return most;
    }
}
