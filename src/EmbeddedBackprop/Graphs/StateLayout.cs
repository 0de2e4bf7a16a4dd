namespace EmbeddedBackprop.Graphs;

/// <summary>Collects the state that ops keep from step to step. State saved in files comes first, so that its offset depends neither on the
/// batch nor on the plan.</summary>
public sealed class StateLayout
{
    private readonly List<(Op Owner, StateRange Range)> ranges = [];
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
        ranges.Add((owner!, new StateRange(name, 0, Errors.RequirePositive(name, length), 1, initialValue, PerSample: false)));

    /// <summary>Adds floats for each sample of the batch, [batch][length]: they begin with 0, a reset forgets them, and files do not hold
    /// them.</summary>
    /// <param name="name">Op and part, unique in the graph.</param>
    /// <param name="length">How many floats a sample has; an op that needs padded rows asks for padded lengths.</param>
    public void AddPerSample(string name, int length) =>
        ranges.Add((owner!, new StateRange(name, 0, Errors.RequirePositive(name, length), Batch, 0f, PerSample: true)));

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
    internal StateRange[] Ranges => [.. ranges.Select(entry => entry.Range).OrderBy(range => range.Offset)];

    /// <summary>The ranges of one op in the order in which it asked for them.</summary>
    internal StateRange[] RangesOf(Op op) => [.. ranges.Where(entry => entry.Owner == op).Select(entry => entry.Range)];

    private void Place()
    {
        // An op's own order is kept: the sort is stable and RangesOf counts saved and per-sample ranges as they were asked for.
        List<int> order = [.. Enumerable.Range(0, ranges.Count).OrderBy(i => ranges[i].Range.PerSample)];
        long next = 0;
        foreach (int i in order)
        {
            (Op op, StateRange range) = ranges[i];
            next = Layout.Align((int)next);
            ranges[i] = (op, range with { Offset = (int)next });
            next += (long)range.Rows * range.Length;
            if (next > int.MaxValue - Layouts.PaddedMultiple)
            {
                Errors.TooLarge(range.Name, next);
            }
        }

        Length = (int)next;
    }
}
