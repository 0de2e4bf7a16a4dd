namespace EmbeddedBackprop.Graphs;

/// <content>Buffers, and which of them may share memory.</content>
internal sealed partial class Planner
{
    /// <summary>A buffer that must be kept from time its first writer to time its last reader, both included.</summary>
    /// <remarks>
    /// Buffers that share memory form a group, whose members keep their distances: an output in the place of the input that it is computed from,
    /// and values that have elements in common, because an op only moves them.
    /// </remarks>
    public sealed class Buffer
    {
        private readonly List<Buffer> members = []; // of a root: all buffers of its group
        private Buffer? host;
        private int distance; // floats from the host's first one
        private int offset = -1; // of a root

        public Buffer(string name, int length, int first)
        {
            (Name, Length, First, Last) = (name, length, first, first);
            members.Add(this);
            Content = [new Piece(this, 0, 0, length)];
        }

        public string Name { get; }

        public int Length { get; }

        /// <summary>Bytes of the value itself: integers may end inside the last float's memory.</summary>
        public long Bytes { get => field > 0 ? field : sizeof(float) * (long)Length; init; }

        public int First { get; set; }

        public int Last { get; set; }

        /// <summary>The elements that the buffer holds: its own, or those of other buffers where an op only moves them.</summary>
        public Piece[] Content { get; set; }

        /// <summary>Whether nothing is written over the elements as long as they are needed, not even by their last reader.</summary>
        public bool IsConstant { get; init; }

        /// <summary>Whether the memory is the caller's: the planner gives it no offset, and it ends where the value ends.</summary>
        public bool IsCallers { get; init; }

        /// <summary>Whether the memory is part of the workspace, whatever it shares: the caller is told where.</summary>
        public bool NeedsOffset { get; set; }

        /// <summary>The buffer by which a group is known.</summary>
        public Buffer Root => host is null ? this : host.Root;

        /// <summary>The buffers of the group, this one among them.</summary>
        public IReadOnlyList<Buffer> Group => Root.members;

        /// <summary>Floats from the root's first one; they may be negative.</summary>
        public int At => host is null ? 0 : distance + host.At;

        public int Offset
        {
            get => Root.offset < 0 ? -1 : Root.offset + At;
            set => Root.offset = value - At;
        }

        public bool Overlaps(Buffer other) => First <= other.Last && other.First <= Last;

        /// <summary>Somebody writes or reads the buffer at this time.</summary>
        public void Touch(int time)
        {
            First = Math.Min(First, time);
            Last = Math.Max(Last, time);
        }

        /// <summary>
        /// Joins this buffer's group with another one's, unless two values that live at the same time would then have different elements in one
        /// place.
        /// </summary>
        /// <param name="other">The other buffer.</param>
        /// <param name="shift">Floats from the other's first one to this one's; they may be negative.</param>
        /// <param name="overwrites">Whether this buffer is computed from the other one element by element, at the other's last reading.</param>
        /// <returns>Whether the two lie so, now or already.</returns>
        public bool TryShare(Buffer other, int shift, bool overwrites = false)
        {
            if (Root == other.Root)
            {
                return At == other.At + shift;
            }

            int between = other.At + shift - At; // from the other's root to this one's
            foreach (Buffer mine in Group)
            {
                foreach (Buffer theirs in other.Group)
                {
                    int apart = mine.At + between - theirs.At;
                    bool handedOver = overwrites && mine == this && theirs == other && First == other.Last && !other.IsConstant;
                    bool meet = mine.Overlaps(theirs) || mine.IsConstant || theirs.IsConstant;
                    if (!Fits(mine, theirs, apart) || (meet && !handedOver && !Agree(mine, theirs, apart)))
                    {
                        return false;
                    }
                }
            }

            Buffer root = Root, newRoot = other.Root;
            newRoot.members.AddRange(root.members);
            (root.distance, root.host) = (between, newRoot);
            return true;
        }

        /// <summary>Whether a value fits into the memory of a caller's: that of one argument, and no further.</summary>
        private static bool Fits(Buffer a, Buffer b, int apart) =>
            !(a.IsCallers && (b.IsCallers || b.NeedsOffset))
            && !(b.IsCallers && a.NeedsOffset)
            && (!a.IsCallers || (apart <= 0 && b.Bytes - (sizeof(float) * (long)apart) <= a.Bytes))
            && (!b.IsCallers || (apart >= 0 && a.Bytes + (sizeof(float) * (long)apart) <= b.Bytes));

        /// <summary>Whether two buffers hold the same elements wherever they overlap, if a begins so many floats after b.</summary>
        private static bool Agree(Buffer a, Buffer b, int apart)
        {
            if (apart >= b.Length || -apart >= a.Length)
            {
                return true;
            }

            foreach (Piece x in a.Content)
            {
                foreach (Piece y in b.Content)
                {
                    int distance = apart + x.At - y.At;
                    bool disjoint = distance >= y.Length || -distance >= x.Length;
                    if (!disjoint && (x.Source != y.Source || x.From - y.From != distance))
                    {
                        return false;
                    }
                }
            }

            return true;
        }
    }

    /// <summary>Elements that were computed as elements of a buffer, and are now in the same or another one.</summary>
    /// <param name="Source">The buffer that they were computed for.</param>
    /// <param name="From">The first of them there.</param>
    /// <param name="At">The first of them here.</param>
    /// <param name="Length">How many.</param>
    public readonly record struct Piece(Buffer Source, int From, int At, int Length);

    /// <summary>The memory of a group of buffers: floats and the times at which they are in use.</summary>
    private sealed class Block
    {
        private readonly Buffer root;
        private readonly int begin; // floats from the root's first one

        public Block(Buffer root)
        {
            this.root = root;
            Buffer[] members = root.Group.Items();
            Array.Sort(members, (a, b) => (a.At, a.Length, a.First).CompareTo((b.At, b.Length, b.First)));
            begin = members[0].At;
            First = int.MaxValue;
            List<Area> areas = [];
            foreach (Buffer member in members)
            {
                Length = Math.Max(Length, member.At - begin + member.Length);
                First = Math.Min(First, member.First);
                Last = Math.Max(Last, member.Last);
                Area area = new(member.At - begin, member.Length, member.First, member.Last);
                bool continues = areas is [.., { } last] && (last.At, last.Length) == (area.At, area.Length) && area.First <= last.Last + 1;
                if (continues)
                {
                    areas[^1] = areas[^1] with { Last = Math.Max(areas[^1].Last, area.Last) };
                }
                else
                {
                    areas.Add(area);
                }
            }

            Areas = [.. areas];
        }

        /// <summary>Ordered by their first float.</summary>
        public Area[] Areas { get; }

        public int Length { get; }

        public int First { get; }

        public int Last { get; }

        public int Offset
        {
            set => root.Offset = value - begin;
        }

        /// <summary>Floats in use at a time.</summary>
        public int Alive(int time)
        {
            int alive = 0, end = 0;
            foreach (Area area in Areas)
            {
                if (area.First <= time && time <= area.Last)
                {
                    alive += Math.Max(0, area.At + area.Length - Math.Max(end, area.At));
                    end = Math.Max(end, area.At + area.Length);
                }
            }

            return alive;
        }
    }

    /// <summary>Floats of a block that are in use from one time to another, both included.</summary>
    private readonly record struct Area(int At, int Length, int First, int Last)
    {
        public bool Overlaps(Area other) => First <= other.Last && other.First <= Last;
    }
}
