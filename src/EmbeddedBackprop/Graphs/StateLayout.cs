namespace EmbeddedBackprop.Graphs;

/// <summary>Collects the state that ops keep from step to step. State saved in files comes first, so that its offset depends neither on the
/// batch nor on the plan.</summary>
public sealed class StateLayout
{
    private readonly List<Owned> ranges = [];
    private Op? owner;

    internal StateLayout(Layout layout, int batch)
    {
        Layout = layout;
        Batch = batch;
    }

    /// <summary>Padded or compact.</summary>
    public Layout Layout { get; }

    /// <summary>Rows of a range with a row per sample.</summary>
    public int Batch { get; }

    /// <summary>Floats of all ranges, after <see cref="Place"/>.</summary>
    internal int Length { get; private set; }

    /// <summary>Adds floats that are kept like weights and saved in model files: running means and variances.</summary>
    /// <param name="name">Op and part, unique in the graph.</param>
    /// <param name="length">How many floats.</param>
    /// <param name="initialValue">The initial value of each.</param>
    public void Add(string name, int length, float initialValue = 0f) =>
        ranges.Add(new Owned(owner!, new StateRange(name, 0, Errors.RequirePositive(name, length), 1, initialValue, PerSample: false)));

    /// <summary>Adds floats for each sample of the batch, [batch][length]: they begin with 0, a reset forgets them, and files do not hold
    /// them.</summary>
    /// <param name="name">Op and part, unique in the graph.</param>
    /// <param name="length">How many floats a sample has; an op that needs padded rows asks for padded lengths.</param>
    public void AddPerSample(string name, int length) =>
        ranges.Add(new Owned(owner!, new StateRange(name, 0, Errors.RequirePositive(name, length), Batch, 0f, PerSample: true)));

    /// <summary>Asks the ops of a graph and gives every range its offset.</summary>
    internal static StateLayout Of(Graph graph, Layout layout, int batch)
    {
        StateLayout state = new(layout, batch);
        foreach (Op op in graph.Ops)
        {
            state.owner = op;
            op.DescribeState(state);
            if (graph.FollowsRanges && OwnsIntegers(graph, op))
            {
                state.Add(op.Name + ".extremes", IntegerValue.ExtremesLength);
            }
        }

        state.Place();
        return state;
    }

    private static bool OwnsIntegers(Graph graph, Op op)
    {
        foreach (Node node in graph.Nodes)
        {
            if (node.Integers?.Owner == op)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>The ranges in the order of their offsets.</summary>
    internal StateRange[] Ranges => Array.ConvertAll(Lists.Order(ranges.Count, i => ranges[i].Range.Offset), i => ranges[i].Range);

    /// <summary>The ranges of one op in the order in which it asked for them.</summary>
    internal StateRange[] RangesOf(Op op) => [.. ranges.FindAll(entry => entry.Owner == op).ConvertAll(entry => entry.Range)];

    private void Place()
    {
        // An op's own order is kept: the sort is stable and RangesOf counts saved and per-sample ranges as they were asked for.
        long next = 0;
        foreach (int i in Lists.Order(ranges.Count, i => ranges[i].Range.PerSample ? 1 : 0))
        {
            StateRange range = ranges[i].Range;
            next = Layout.Align((int)next);
            ranges[i] = new Owned(ranges[i].Owner, range with { Offset = (int)next });
            next += (long)range.Rows * range.Length;
            if (next > int.MaxValue - Layouts.PaddedMultiple)
            {
                Errors.TooLarge(range.Name, next);
            }
        }

        Length = (int)next;
    }

    private readonly struct Owned(Op owner, StateRange range)
    {
        public Op Owner => owner;

        public StateRange Range => range;
    }
}
