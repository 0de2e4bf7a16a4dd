using System.Globalization;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Quantization;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Streaming;

/// <summary>
/// The graph that a stream runs for each hop: the net's own ops on the newest rows, with a <see cref="Keep"/> before each that looks back in time.
/// </summary>
/// <remarks>
/// An op whose row reads e rows, every s rows, needs its last e - s rows once more when the next ones come (<see cref="TimeRule"/>). With them it
/// gives the rows that it would give over the whole signal, each the same sum in the same order. The op that makes one result of a window keeps all
/// rows of the window but the new ones, and everything after it runs once for each hop.
/// The first hop begins before the signal does, by as many steps as it takes for a hop to end where a decision is due. Rows that these steps give are
/// in no window; where an op reads rows before the first one as zeros, or carries a state, they are left out (<see cref="Keep.Begin"/>,
/// <see cref="Begun"/>). The net's text is the copy of the graph: op by op it is what a model file keeps.
/// </remarks>
internal sealed class StreamGraph
{
    private readonly List<Node> nodes;
    private readonly Dictionary<Node, Along> along = [];
    private readonly bool carry;

    /// <summary>Rewrites a net. One on integers is rewritten as the float net that it was made of, and becomes integers again.</summary>
    /// <param name="outputs">Its outputs.</param>
    /// <param name="hop">Steps of time from decision to decision; 0 for as few as the strides allow.</param>
    /// <param name="carry">Whether recurrent layers carry their state from hop to hop, also those that begin each window anew.</param>
    /// <exception cref="NotSupportedException">An op cannot be fed row by row; the message names it and the remedy.</exception>
    /// <exception cref="ArgumentException">The hop does not fit the net's strides or window; the message names the numbers.</exception>
    public StreamGraph(Node[] outputs, int hop, bool carry)
    {
        this.carry = carry;
        QuantizedFrom? from = outputs[0].Graph.QuantizedFrom;
        Node[] floats = from is null ? outputs : [from.Float];
        nodes = NetText.Ancestors(floats);
        Source = TheInput();
        FindTime();
        Hop = FitHop(hop);
        Window = CountBack();
        Lead = (int)((Hop - (Window % Hop)) % Hop);
        CountForward();
        List<NetStatement> statements = Rewrite();
        Graph = NetText.Build(statements, name => NetText.ActivationOf(nodes, name));
        Outputs = Array.ConvertAll(floats, output => Find(output.Name));
        Input = Find(Source.Name);
        if (from is not null)
        {
            using Network hopInFloats = new([Input], Outputs, [], new NetworkOptions { Batch = 1, Threads = 1 });
            using Network integers = Quantizer.Build(hopInFloats, QuantizerOptions.Parse(from.Settings));
            (Graph, Input, Outputs) = (integers.Output.Graph, integers.Input, [integers.Output]);
            RequireSameIntegers(outputs[0].Graph);
        }
    }

    /// <summary>The graph of a hop.</summary>
    public Graph Graph { get; }

    /// <summary>Its input: the steps of a hop.</summary>
    public Node Input { get; }

    /// <summary>Its outputs.</summary>
    public Node[] Outputs { get; }

    /// <summary>The input of the net.</summary>
    public Node Source { get; }

    /// <summary>The input's axis of time.</summary>
    public int Axis => along[Source].Axis;

    /// <summary>Steps of time from decision to decision.</summary>
    public int Hop { get; }

    /// <summary>Steps of time that the first decision needs.</summary>
    public long Window { get; }

    /// <summary>Steps by which the first hop begins before the signal.</summary>
    public int Lead { get; }

    /// <summary>The number of the hop that gives the first decision, counted from 1.</summary>
    public long FirstDecision => (Window + Lead) / Hop;

    /// <summary>What is an integer in the net is one in the hop, with the same bits: else scales would be missing.</summary>
    private void RequireSameIntegers(Graph source)
    {
        Dictionary<string, IntegerValue?> values = new(StringComparer.Ordinal);
        foreach (Node node in source.Nodes)
        {
            values[node.Name] = node.Integers;
        }

        foreach (Node node in Graph.Nodes)
        {
            bool isNew = !values.TryGetValue(node.Name, out IntegerValue? value);
            if (isNew ? node.Integers?.Owner.Graph == Graph && !values.ContainsKey(node.Integers.Owner.Name) : value?.Bits != node.Integers?.Bits)
            {
                StreamErrors.CannotStream(node.Name, "becomes integers in another way where it is fed step by step");
            }
        }
    }

    private Node TheInput()
    {
        List<Node> inputs = nodes.FindAll(node => node.Op is null);
        if (inputs.Count > 1)
        {
            StreamErrors.CannotStream(inputs[1].Name, "is a second input");
        }

        return inputs[0];
    }

    /// <summary>
    /// The axis of time is the first one along which every op can be fed. If there is none, the refusal of the op that is furthest from the input
    /// tells why.
    /// </summary>
    private void FindTime()
    {
        Shape shape = Source.Shape;
        (Node Node, string Reason)? furthest = null;
        for (int axis = shape.Rank == 3 || (shape.Rank == 2 && shape[0] == 1) ? 1 : 0; axis < shape.Rank; axis++)
        {
            if (Refusal(axis) is not { } refusal)
            {
                return;
            }

            furthest = furthest is { } other && other.Node.Index >= refusal.Node.Index ? other : refusal;
        }

        StreamErrors.CannotStream(furthest!.Value.Node.Name, furthest.Value.Reason);
    }

    /// <summary>Follows time from the input on; the op that cannot be fed, or null.</summary>
    private (Node Node, string Reason)? Refusal(int inputAxis)
    {
        along.Clear();
        along.Add(Source, new Along(TimeRule.Each(inputAxis)));
        HashSet<Op> applied = [];
        foreach (Node node in nodes)
        {
            if (node.Op is null || !node.Sources.Any(source => along[source].HasTime))
            {
                _ = along.TryAdd(node, new Along(TimeRule.Newest));
                continue;
            }

            int axis = along[node.Sources[0]].Axis;
            if (node.Sources.Any(source => along[source].Axis != axis))
            {
                return (node, "joins values with time and without");
            }

            TimeRule rule = node.Op.AlongTime(node.Inputs, axis);
            string reason = node.Integers is not null ? "computes on integers" : rule.Refusal;
            if (reason.Length == 0 && node.Op is Recurrent { Options.CarryState: false } && !carry)
            {
                reason = "begins each window with an empty state (a layer with carry can be fed step by step)";
            }
            else if (reason.Length == 0 && !applied.Add(node.Op) && rule != TimeRule.Each(rule.Axis))
            {
                reason = "is applied twice";
            }

            if (reason.Length > 0)
            {
                return (node, reason);
            }

            along.Add(node, new Along(rule));
        }

        return null;
    }

    /// <summary>The new rows of every node, for a hop that is a multiple of all strides.</summary>
    private int FitHop(int wish)
    {
        // Steps of the input for a row of each node.
        long multiple = 1;
        foreach (Node node in nodes)
        {
            Along own = along[node];
            own.StepsPerRow = node.Op is null ? 1 : node.Sources.Max(source => along[source].StepsPerRow) * own.Rule.Stride;
            if (own.HasTime)
            {
                multiple = multiple / Gcd(multiple, own.StepsPerRow) * own.StepsPerRow;
            }
        }

        if (wish < 0 || wish % multiple != 0 || multiple > int.MaxValue)
        {
            StreamErrors.HopDoesNotFit(wish, multiple);
        }

        int hop = wish == 0 ? (int)multiple : wish;
        foreach (Node node in nodes)
        {
            Along own = along[node];
            own.New = own.HasTime ? (int)(hop / own.StepsPerRow) : 0;
            if (own.Rule.IsWindow && along[node.Sources[0]] is var source && source.New > node.Sources[0].Shape[source.Axis])
            {
                StreamErrors.HopTooLong(hop, node.Name, source.New, node.Sources[0].Shape[source.Axis]);
            }
        }

        return hop;
    }

    private static long Gcd(long a, long b) => b == 0 ? a : Gcd(b, a % b);

    /// <summary>From the outputs back: the rows that every node must have given before the first decision. Returns the input's.</summary>
    private long CountBack()
    {
        foreach (Node node in Enumerable.Reverse(nodes))
        {
            Along own = along[node];
            if (own.HasTime && own.Needed == 0)
            {
                // An output with time: its new rows are the decision.
                own.Needed = own.New;
            }

            foreach (Node from in node.Sources)
            {
                Along source = along[from];
                if (source.HasTime)
                {
                    long needed = own.Rule.IsWindow ? from.Shape[source.Axis]
                        : own.HasTime ? ((own.Needed - 1) * own.Rule.Stride) + Math.Max(own.Rule.Extent, own.Rule.Stride) - own.Rule.Before
                        : 1;
                    source.Needed = Math.Max(source.Needed, needed);
                }
            }
        }

        return along[Source].Needed;
    }

    /// <summary>From the input on: the rows that every node gives before the signal's first one, and those that the ops keep.</summary>
    private void CountForward()
    {
        along[Source].Early = Lead;
        foreach (Node node in nodes)
        {
            if (node.Op is null || along[node.Sources[0]] is not { HasTime: true } source)
            {
                continue;
            }

            Along own = along[node];
            foreach (Node other in node.Sources)
            {
                if (along[other].Early != source.Early || along[other].New != source.New)
                {
                    StreamErrors.CannotStream(node.Name, $"joins {node.Sources[0].Name} and {other.Name}, one of which looks back further");
                }
            }

            if (own.Rule.IsWindow)
            {
                own.Kept = node.Sources[0].Shape[source.Axis] - source.New;
                continue;
            }

            // Row j of the result begins with the row j stride - before of the input: the first row of a hop has to be such a one.
            int stride = own.Rule.Stride, before = own.Rule.Before;
            int kept = Math.Max(own.Rule.Extent - stride, 0);
            while ((source.Early + kept - before) % stride != 0)
            {
                kept++;
            }

            own.Kept = kept;
            own.Early = (source.Early + kept - before) / stride;
            own.EarlyRead = before > 0 || node.Op is Recurrent || IsFilterOverTime(node) ? source.Early : 0;
        }
    }

    private List<NetStatement> Rewrite()
    {
        List<NetStatement> written = NetParser.Parse(NetText.Format(nodes)), statements = [];
        HashSet<string> names = [.. nodes.Select(node => node.Name)];
        for (int i = 0; i < nodes.Count; i++)
        {
            Node node = nodes[i];
            NetStatement statement = written[i];
            List<NetWord> words = [.. statement.Words];
            Along own = along[node];
            bool reads = node.Sources.Count > 0, named = reads && (node.Sources.Count > 1 || node.Sources[0] != nodes[i - 1]);
            if (own.Kept > 0)
            {
                string past = FreeName(names, node.Name + "_past");
                List<NetWord> keep = [Word(Number(own.Kept)), Word("axis" + Number(along[node.Sources[0]].Axis))];
                if (own.EarlyRead > 0)
                {
                    keep.Add(Word("begin" + Number(own.EarlyRead)));
                }

                statements.Add(new NetStatement(Name(past), Word("keep"), [.. keep, Name(node.Sources[0].Name)]));
                if (named)
                {
                    words[^1] = Name(past);
                }
            }
            else if (own.EarlyRead > 0 && node.Op is Recurrent)
            {
                string mask = FreeName(names, node.Name + "_begun");
                statements.Add(new NetStatement(Name(mask), Word("begun"), [Word(Number(own.EarlyRead)), Name(node.Sources[0].Name)]));
                words = named ? [.. words, Name(mask)] : [.. words, Name(node.Sources[0].Name), Name(mask)];
            }

            ForHop(node, own, words);

            // The name is written out: a kind may become another one, and a default name with it.
            statements.Add(statement with { Name = Name(node.Name), Words = words });
        }

        return statements;
    }

    /// <summary>The words of a statement that say how many rows there are, or what the first ones read.</summary>
    private void ForHop(Node node, Along own, List<NetWord> words)
    {
        switch (node.Op)
        {
            case null:
                words[0] = words[0] with { Text = Keep.WithRows(node.Shape, own.Axis, own.New).ToString() };
                break;
            case Reshape when own.HasTime:
                words[0] = words[0] with { Text = Keep.WithRows(node.Shape, own.Axis, own.New).ToString() };
                break;
            case Slice when own.Rule == TimeRule.Newest && along[node.Sources[0]].HasTime:
                words[0] = words[0] with { Text = Number(along[node.Sources[0]].New - 1) };
                break;
            case Conv1D { Options.Padding: ConvPadding.Causal }:
                _ = words.RemoveAll(word => word is { Text: "causal", Quoted: false });
                break;
            case SignalFilter filter when IsFilterOverTime(node):
                if (!filter.Carry)
                {
                    words.Insert(filter is Biquad ? 5 : 1, Word("carry"));
                }

                if (own.EarlyRead > 0)
                {
                    words.Add(Word("begin" + Number(own.EarlyRead)));
                }

                break;
            case Recurrent { Options.CarryState: false } when along[node.Sources[0]].HasTime:
                words.Insert(1, Word("carry"));
                break;
        }
    }

    /// <summary>Whether a filter runs over the samples of the stream, and not over those of each frame.</summary>
    private bool IsFilterOverTime(Node node) =>
        node.Op is SignalFilter && along[node.Sources[0]].Axis == node.Shape.Rank - 1;

    private static string FreeName(HashSet<string> names, string wish)
    {
        string name = wish;
        for (int i = 2; !names.Add(name); i++)
        {
            name = wish + Number(i);
        }

        return name;
    }

    private static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);

    private static NetWord Word(string text) => new(text, 0, Quoted: false);

    private static NetWord Name(string text) => new(text, 0, Quoted: true);

    private Node Find(string name)
    {
        foreach (Node node in Graph.Nodes)
        {
            if (node.Name == name)
            {
                return node;
            }
        }

        throw new InvalidOperationException(name);
    }

    /// <summary>A node's rows.</summary>
    private sealed class Along(TimeRule rule)
    {
        public TimeRule Rule => rule;

        /// <summary>The axis of time; -1 for none.</summary>
        public int Axis => rule.Axis;

        public bool HasTime => rule.Axis >= 0;

        /// <summary>Steps of the input from row to row.</summary>
        public long StepsPerRow { get; set; } = 1;

        /// <summary>New rows in a hop.</summary>
        public int New { get; set; }

        /// <summary>Rows that the first decision needs.</summary>
        public long Needed { get; set; }

        /// <summary>Rows before the signal's first one.</summary>
        public int Early { get; set; }

        /// <summary>Such rows of the input that the op must not take for rows of the signal.</summary>
        public int EarlyRead { get; set; }

        /// <summary>Rows of its input that the op reads once more.</summary>
        public int Kept { get; set; }
    }
}
