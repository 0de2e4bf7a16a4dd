using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Graphs;

/// <summary>
/// Packs buffers into one workspace so that buffers whose lives overlap do not. One after the other, each at the lowest offset (or in the
/// tightest gap) that is free during its whole life; in several orders, of which the best is kept.
/// </summary>
/// <param name="layout">Where buffers may begin.</param>
/// <param name="tries">Orders that are tried where the usual ones leave gaps.</param>
internal sealed partial class Planner(Layout layout, int tries = 1000)
{
    /// <summary>Above this many blocks a search costs more than it saves.</summary>
    private const int SearchLimit = 200;

    private readonly List<Buffer> buffers = [];
    private readonly List<(long Begin, long End)> blocked = [];

    /// <summary>All buffers in the order in which they were asked for.</summary>
    public IReadOnlyList<Buffer> Buffers => buffers;

    /// <summary>Floats of the whole workspace, after <see cref="Place"/>.</summary>
    public int Length { get; private set; }

    /// <summary>Asks for a buffer that is first written at the given time.</summary>
    /// <param name="name">For errors.</param>
    /// <param name="length">Floats.</param>
    /// <param name="first">The time of its first writer.</param>
    /// <param name="isConstant">Whether nothing is written over it in its life.</param>
    /// <param name="isCallers">Whether it lies in the caller's memory.</param>
    /// <param name="bytes">Bytes of the value; 0 where it fills all its floats.</param>
    public Buffer Add(string name, long length, int first, bool isConstant = false, bool isCallers = false, long bytes = 0)
    {
        if (length > int.MaxValue)
        {
            Errors.TooLarge(name, length);
        }

        Buffer buffer = new(name, (int)length, first) { IsConstant = isConstant, IsCallers = isCallers, Bytes = bytes };
        buffers.Add(buffer);
        return buffer;
    }

    /// <summary>Gives every buffer its offset.</summary>
    public void Place()
    {
        Block[] blocks = [.. Blocks()];
        int[] best = [];
        long bestLength = long.MaxValue;
        int bound = LowerBound();

        // Equal keys keep their order (the sort is stable), so that the same graph always gives the same plan.
        int[] bySize = OrderOf(blocks, b => -(long)b.Length);
        int[][] orders =
        [
            bySize,
            OrderOf(blocks, b => -(long)b.Length * (b.Last - b.First + 1)),
            OrderOf(blocks, b => b.First - b.Last),
            OrderOf(blocks, b => b.First),
            OrderOf(blocks, b => -b.Last),
        ];
        int[] bestOrder = bySize;
        foreach (int[] order in orders)
        {
            foreach (bool tightest in (ReadOnlySpan<bool>)[false, true])
            {
                if (bestLength > bound)
                {
                    Try(blocks, order, tightest, ref best, ref bestLength, ref bestOrder);
                }
            }
        }

        if (bestLength > int.MaxValue - Layouts.PaddedMultiple)
        {
            // Where no order fits, the buffers that are alive at one time say by how much.
            Errors.TooLarge("workspace", bestLength < long.MaxValue ? bestLength : Math.Max(MostAlive(), int.MaxValue + 1L));
        }

        if (bestLength > bound && blocks.Length <= SearchLimit)
        {
            Search(blocks, bound, ref best, ref bestLength, ref bestOrder);
        }

        for (int i = 0; i < blocks.Length; i++)
        {
            blocks[i].Offset = best[i];
        }

        Length = (int)Math.Max(0, blocks.Length == 0 ? 0 : bestLength);
    }

    /// <summary>
    /// The most floats alive at one time: no placement can do with less. In padded rows every block but the last one takes whole multiples.
    /// </summary>
    public int LowerBound() => (int)Math.Min(MostAlive(), int.MaxValue);

    private long MostAlive()
    {
        Block[] blocks = Blocks();
        long most = 0;
        foreach (Block each in blocks)
        {
            foreach (Area area in each.Areas)
            {
                most = Math.Max(most, Alive(blocks, area.First));
            }
        }

        return most;
    }

    private long Alive(Block[] blocks, int time)
    {
        long alive = 0;
        int slack = 0;
        foreach (Block block in blocks)
        {
            int length = block.Alive(time), aligned = layout.Align(length);
            alive += aligned;
            slack = Math.Max(slack, aligned - length);
        }

        return alive - slack;
    }

    /// <summary>The groups of buffers that need memory of the workspace.</summary>
    private Block[] Blocks() =>
        [
            .. buffers.FindAll(buffer => buffer.Root == buffer && !Array.Exists(buffer.Group.Items(), member => member.IsCallers))
                .ConvertAll(root => new Block(root)),
        ];

    private static int[] OrderOf(Block[] blocks, Func<Block, long> key) => Lists.Order(blocks.Length, i => key(blocks[i]));

    /// <summary>Moves the block at the top of the workspace, or one drawn by lot, to the front of the order, again and again.</summary>
    private void Search(Block[] blocks, int bound, ref int[] best, ref long bestLength, ref int[] bestOrder)
    {
        RandomSequence random = new CounterRandom(0).Sequence(0);
        for (int i = 0; i < tries && bestLength > bound; i++)
        {
            int[] order = (int[])bestOrder.Clone();
            int from;
            if (i % 2 == 0)
            {
                (int[] places, long length) = (best, bestLength);
                from = Array.FindIndex(order, b => (long)places[b] + blocks[b].Length == length);
            }
            else
            {
                from = random.NextBelow(order.Length);
            }

            int to = i % 4 == 0 ? 0 : random.NextBelow(order.Length);
            int moved = order[from];
            Array.Copy(order, Math.Min(to, from + 1), order, Math.Min(to + 1, from), Math.Abs(to - from));
            order[to] = moved;
            Try(blocks, order, random.NextBelow(2) == 0, ref best, ref bestLength, ref bestOrder);
        }
    }

    private void Try(Block[] blocks, int[] order, bool tightest, ref int[] best, ref long bestLength, ref int[] bestOrder)
    {
        int[] offsets = new int[blocks.Length];
        List<(int Offset, Area Area)> placed = new(blocks.Length); // by offset
        long length = 0;
        foreach (int i in order)
        {
            long offset = FindPlace(placed, blocks[i], tightest);
            if (offset + blocks[i].Length > int.MaxValue)
            {
                length = long.MaxValue;
                break;
            }

            offsets[i] = (int)offset;
            foreach (Area area in blocks[i].Areas)
            {
                int first = offsets[i] + area.At, at = placed.FindIndex(other => other.Offset > first);
                placed.Insert(at < 0 ? placed.Count : at, (first, area));
            }

            length = Math.Max(length, offset + blocks[i].Length);
        }

        // Equals are taken, too: a search must be able to walk along a plateau.
        if (length <= bestLength)
        {
            (best, bestLength, bestOrder) = (offsets, length, order);
        }
    }

    /// <summary>Walks over the offsets at which the block would meet something that lives at the same time.</summary>
    private long FindPlace(List<(int Offset, Area Area)> placed, Block block, bool tightest)
    {
        blocked.Clear();
        foreach ((int offset, Area other) in placed)
        {
            foreach (Area area in block.Areas)
            {
                if (area.Overlaps(other))
                {
                    long next = offset + (long)other.Length;
                    long end = next > int.MaxValue - Layouts.PaddedMultiple ? int.MaxValue : layout.Align((int)next);
                    blocked.Add((offset - (long)area.Length - area.At, end - area.At));
                }
            }
        }

        if (block.Areas.Length > 1)
        {
            blocked.Sort();
        }

        // Free are the offsets from one blocked range's end to the next one's beginning.
        long free = 0, found = -1, gap = long.MaxValue;
        foreach ((long begin, long end) in blocked)
        {
            long room = begin - free;
            if (room >= 0 && room < gap)
            {
                if (!tightest)
                {
                    return free;
                }

                (found, gap) = (free, room);
            }

            free = Math.Max(free, end);
        }

        return found >= 0 ? found : free;
    }
}
