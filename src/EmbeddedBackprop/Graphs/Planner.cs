using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Graphs;

/// <summary>
/// Packs buffers into one workspace so that buffers whose lives overlap do not. One after the other, each at the lowest offset (or in the
/// tightest gap) that is free during its whole life; in several orders, of which the best is kept.
/// </summary>
/// <param name="layout">Where buffers may begin.</param>
/// <param name="tries">Orders that are tried where the usual ones leave gaps.</param>
internal sealed class Planner(Layout layout, int tries = 1000)
{
    /// <summary>Above this many buffers a search costs more than it saves.</summary>
    private const int SearchLimit = 200;

    private readonly List<Buffer> buffers = [];

    /// <summary>A buffer that must be kept from time its first writer to time its last reader, both included.</summary>
    public sealed class Buffer(string name, int length, int first)
    {
        private int offset = -1;

        public string Name { get; } = name;

        public int Length { get; } = length;

        public int First { get; set; } = first;

        public int Last { get; set; } = first;

        /// <summary>The buffer whose memory this one shares, because an op may work in place.</summary>
        public Buffer? Host { get; private set; }

        /// <summary>The buffer that has memory of its own.</summary>
        public Buffer Root => Host is null ? this : Host.Root;

        public int Offset
        {
            get => Host is null ? offset : Root.Offset;
            set => offset = value;
        }

        public bool Overlaps(Buffer other) => First <= other.Last && other.First <= Last;

        /// <summary>Somebody writes or reads the buffer at this time.</summary>
        public void Touch(int time)
        {
            First = Math.Min(First, time);
            Last = Math.Max(Last, time);
        }

        /// <summary>Puts this buffer into another's memory, which then lives as long as both.</summary>
        public void Overlay(Buffer host)
        {
            Host = host.Root;
            Host.Last = Math.Max(Host.Last, Last);
        }
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
        Buffer[] roots = [.. buffers.Where(buffer => buffer.Host is null)];
        int[] best = [];
        long bestLength = long.MaxValue;
        int bound = LowerBound();

        // Equal keys keep their order (the sort is stable), so that the same graph always gives the same plan.
        int[] bySize = Order(roots, b => -(long)b.Length);
        int[][] orders =
        [
            bySize,
            Order(roots, b => -(long)b.Length * (b.Last - b.First + 1)),
            Order(roots, b => b.First - b.Last),
            Order(roots, b => b.First),
            Order(roots, b => -b.Last),
        ];
        int[] bestOrder = bySize;
        foreach (int[] order in orders)
        {
            foreach (bool tightest in (ReadOnlySpan<bool>)[false, true])
            {
                if (bestLength > bound)
                {
                    Try(roots, order, tightest, ref best, ref bestLength, ref bestOrder);
                }
            }
        }

        if (bestLength > bound && roots.Length <= SearchLimit)
        {
            Search(roots, bound, ref best, ref bestLength, ref bestOrder);
        }

        if (bestLength > int.MaxValue - Layouts.PaddedMultiple)
        {
            Errors.TooLarge("workspace", bestLength);
        }

        for (int i = 0; i < roots.Length; i++)
        {
            roots[i].Offset = best[i];
        }

        Length = (int)Math.Max(0, roots.Length == 0 ? 0 : bestLength);
    }

    /// <summary>
    /// The most floats alive at one time: no placement can do with less. In padded rows every buffer but the last one takes whole multiples.
    /// </summary>
    public int LowerBound()
    {
        long most = 0;
        foreach (Buffer at in buffers)
        {
            if (at.Host is not null)
            {
                continue;
            }

            long alive = 0;
            int slack = 0;
            foreach (Buffer other in buffers)
            {
                if (other.Host is null && other.First <= at.First && at.First <= other.Last)
                {
                    int aligned = layout.Align(other.Length);
                    alive += aligned;
                    slack = Math.Max(slack, aligned - other.Length);
                }
            }

            most = Math.Max(most, alive - slack);
        }

        return (int)Math.Min(most, int.MaxValue);
    }

    private static int[] Order(Buffer[] roots, Func<Buffer, long> key) => [.. Enumerable.Range(0, roots.Length).OrderBy(i => key(roots[i]))];

    /// <summary>Moves the buffer at the top of the workspace, or one drawn by lot, to the front of the order, again and again.</summary>
    private void Search(Buffer[] roots, int bound, ref int[] best, ref long bestLength, ref int[] bestOrder)
    {
        RandomSequence random = new CounterRandom(0).Sequence(0);
        for (int i = 0; i < tries && bestLength > bound; i++)
        {
            int[] order = [.. bestOrder];
            int from;
            if (i % 2 == 0)
            {
                (int[] places, long length) = (best, bestLength);
                from = Array.FindIndex(order, b => (long)places[b] + roots[b].Length == length);
            }
            else
            {
                from = random.NextBelow(order.Length);
            }

            int to = i % 4 == 0 ? 0 : random.NextBelow(order.Length);
            int moved = order[from];
            List<int> list = [.. order];
            list.RemoveAt(from);
            list.Insert(to, moved);
            Try(roots, [.. list], random.NextBelow(2) == 0, ref best, ref bestLength, ref bestOrder);
        }
    }

    private void Try(Buffer[] roots, int[] order, bool tightest, ref int[] best, ref long bestLength, ref int[] bestOrder)
    {
        int[] offsets = new int[roots.Length];
        List<int> placed = new(roots.Length); // by offset
        long length = 0;
        foreach (int i in order)
        {
            long offset = FindPlace(roots, offsets, placed, roots[i], tightest);
            if (offset + roots[i].Length > int.MaxValue)
            {
                length = long.MaxValue;
                break;
            }

            offsets[i] = (int)offset;
            int at = placed.FindIndex(other => offsets[other] > offset);
            placed.Insert(at < 0 ? placed.Count : at, i);
            length = Math.Max(length, offset + roots[i].Length);
        }

        // Equals are taken, too: a search must be able to walk along a plateau.
        if (length <= bestLength)
        {
            (best, bestLength, bestOrder) = (offsets, length, order);
        }
    }

    /// <summary>Walks over the gaps between the buffers that live at the same time.</summary>
    private long FindPlace(Buffer[] roots, int[] offsets, List<int> placed, Buffer buffer, bool tightest)
    {
        long end = 0, found = -1, gap = long.MaxValue;
        foreach (int i in placed)
        {
            if (!roots[i].Overlaps(buffer))
            {
                continue;
            }

            long room = offsets[i] - end;
            if (room >= buffer.Length && room < gap)
            {
                if (!tightest)
                {
                    return end;
                }

                (found, gap) = (end, room);
            }

            long next = offsets[i] + (long)roots[i].Length;
            end = Math.Max(end, next > int.MaxValue - Layouts.PaddedMultiple ? int.MaxValue : layout.Align((int)next));
        }

        return found >= 0 ? found : end;
    }
}
