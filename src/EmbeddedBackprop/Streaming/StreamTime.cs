using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Streaming;

/// <summary>Which axis of every value of a net is time: the net can be fed along it, row by row.</summary>
internal sealed class StreamTime
{
    private const int NoTime = -1;

    private readonly IReadOnlyList<Node> nodes;
    private readonly StreamFeed feed;
    private readonly Node[] inputs;
    private readonly Dictionary<Node, StreamRows> rows = [];

    /// <summary>
    /// Takes the first axes of the inputs along which every op can be fed. If there are none, the refusal of the op that is furthest from the inputs
    /// tells why.
    /// </summary>
    /// <param name="nodes">The net, each node after those that it reads.</param>
    /// <param name="feed">How it is fed.</param>
    /// <exception cref="NotSupportedException">An op cannot be fed row by row; the message names it and the remedy.</exception>
    public StreamTime(IReadOnlyList<Node> nodes, StreamFeed feed)
    {
        (this.nodes, this.feed) = (nodes, feed);
        inputs = [.. nodes.Where(node => node.Op is null)];
        int[][] axes = Array.ConvertAll(inputs, Axes);
        int[] choice = new int[inputs.Length];
        (Node Node, int Rank, string Reason)? furthest = null;
        do
        {
            if (Refusal(choice.Select((chosen, i) => axes[i][chosen])) is not { } refusal)
            {
                Inputs = [.. inputs.Where(input => rows[input].HasTime)];
                return;
            }

            furthest = furthest is { } other && other.Rank >= refusal.Rank ? other : refusal;
        }
        while (Next(choice, axes));
        StreamErrors.CannotStream(furthest!.Value.Node.Name, furthest.Value.Reason);
        Inputs = [];
    }

    /// <summary>The inputs that have time.</summary>
    public Node[] Inputs { get; }

    /// <summary>A node's rows.</summary>
    public StreamRows this[Node node] => rows[node];

    /// <summary>Whether a filter runs over the samples of the stream, and not over those of each frame.</summary>
    public bool IsFilterOverTime(Node node) => node.Op is SignalFilter && rows[node.Sources[0]].Axis == node.Shape.Rank - 1;

    /// <summary>
    /// The axes of an input that may be time. Of a net that is fed one step a call, an input may have none, unless a recurrent layer reads it.
    /// </summary>
    private int[] Axes(Node input)
    {
        Shape shape = input.Shape;
        int first = shape.Rank == 3 || (shape.Rank == 2 && shape[0] == 1 && !feed.EachStep) ? 1 : 0;
        IEnumerable<int> axes = Enumerable.Range(first, shape.Rank - first);
        return [.. feed.EachStep && !ReachesRecurrent(input) ? axes.Prepend(NoTime) : axes];
    }

    private bool ReachesRecurrent(Node input)
    {
        HashSet<Node> reached = [input];
        foreach (Node node in nodes)
        {
            if (node.Sources.Any(reached.Contains))
            {
                if (node.Op is Recurrent)
                {
                    return true;
                }

                _ = reached.Add(node);
            }
        }

        return false;
    }

    /// <summary>The next choice of axes, the last input's first; false after the last one.</summary>
    private static bool Next(int[] choice, int[][] axes)
    {
        for (int i = choice.Length - 1; i >= 0; i--)
        {
            if (++choice[i] < axes[i].Length)
            {
                return true;
            }

            choice[i] = 0;
        }

        return false;
    }

    /// <summary>
    /// Follows time from the inputs on; the node that cannot be fed, or null. The rank is how far the node is; of one node a refusal of the axis that
    /// can be time is above that of the other.
    /// </summary>
    private (Node Node, int Rank, string Reason)? Refusal(IEnumerable<int> axes)
    {
        rows.Clear();
        foreach ((Node input, int axis) in inputs.Zip(axes))
        {
            rows.Add(input, new StreamRows(axis == NoTime ? TimeRule.Newest : TimeRule.Each(axis)));
        }

        HashSet<Op> applied = [];
        foreach (Node node in nodes.Where(node => node.Op is not null))
        {
            if (!node.Sources.Any(source => rows[source].HasTime))
            {
                rows.Add(node, new StreamRows(TimeRule.Newest));
            }
            else if (Reason(node, applied) is { Length: > 0 } reason)
            {
                return (node, (2 * node.Index) + (rows.TryGetValue(node, out StreamRows? own) && !own.Rule.IsOtherAxis ? 1 : 0), reason);
            }
        }

        Node[] timed = Array.FindAll(inputs, input => rows[input].HasTime);
        foreach (Node other in timed)
        {
            if (Steps(other) != Steps(timed[0]))
            {
                return (other, int.MaxValue, $"has {Steps(other)} time steps, {timed[0].Name} has {Steps(timed[0])}");
            }
        }

        return null;
    }

    private int Steps(Node input) => input.Shape[rows[input].Axis];

    /// <summary>Notes the rows of a node that reads values with time; or tells why there are none.</summary>
    private string Reason(Node node, HashSet<Op> applied)
    {
        int axis = rows[node.Sources[0]].Axis;
        if (node.Sources.Any(source => rows[source].Axis != axis))
        {
            return "joins values with time and without";
        }

        TimeRule rule = node.Op!.AlongTime(node.Inputs, axis);
        rows.Add(node, new StreamRows(rule));
        if (node.Integers is not null)
        {
            return "computes on integers";
        }

        if (rule.Refusal.Length == 0 && node.Op is Recurrent { Options.CarryState: false } && !feed.Carry)
        {
            return "begins each window with an empty state (a layer with carry can be fed step by step)";
        }

        if (rule.Refusal.Length == 0 && !applied.Add(node.Op) && (rule != TimeRule.Each(rule.Axis) || node.Op is Recurrent || IsFilterOverTime(node)))
        {
            return "is applied twice";
        }

        string reason = rule.Refusal.Length == 0 && feed.EachStep && (rule.IsWindow || rule.Extent - rule.Before > 1 || rule.Stride > 1)
            ? "looks at several time steps at once"
            : rule.Refusal;
        return reason.Length > 0 && feed.EachStep && node.Op is not Recurrent ? $"({node.Op.Kind}) {reason}" : reason;
    }
}
