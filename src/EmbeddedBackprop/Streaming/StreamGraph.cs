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
    private readonly StreamTime along;

    /// <summary>Rewrites a net. One on integers is rewritten as the float net that it was made of, and becomes integers again.</summary>
    /// <param name="outputs">Its outputs.</param>
    /// <param name="feed">How it is fed.</param>
    /// <exception cref="NotSupportedException">An op cannot be fed row by row; the message names it and the remedy.</exception>
    /// <exception cref="ArgumentException">The hop does not fit the net's strides or window; the message names the numbers.</exception>
    public StreamGraph(Node[] outputs, StreamFeed feed)
    {
        QuantizedFrom? from = outputs[0].Graph.QuantizedFrom;
        Node[] floats = from is null ? outputs : [from.Float];
        nodes = NetText.Ancestors(floats);
        along = new StreamTime(nodes, feed);
        Hop = FitHop(feed.Hop);
        Window = CountBack(floats);
        Lead = (int)((Hop - (Window % Hop)) % Hop);
        CountForward();
        List<NetStatement> statements = Rewrite();
        Graph = NetText.Build(statements, name => NetText.ActivationOf(nodes, name));
        Outputs = Array.ConvertAll(floats, output => Find(output.Name));
        if (from is not null)
        {
            Node[] ends = [.. nodes.Where(node => node.Op is null).Select(node => Find(node.Name))];
            using Network hopInFloats = new(ends, Outputs, [], new NetworkOptions { Batch = 1, Threads = 1 });
            using Network integers = Quantizer.Build(hopInFloats, QuantizerOptions.Parse(from.Settings));
            (Graph, Outputs) = (integers.Output.Graph, [integers.Output]);
            RequireSameIntegers(outputs[0].Graph);
        }

        Inputs = [.. nodes.Where(node => node.Op is null).Select(node => new StreamInput(node, along[node].Axis, Find(node.Name)))];
    }

    /// <summary>The graph of a hop.</summary>
    public Graph Graph { get; }

    /// <summary>The inputs, in the order of the net: the steps of a hop, or values without time.</summary>
    public StreamInput[] Inputs { get; }

    /// <summary>Its outputs.</summary>
    public Node[] Outputs { get; }

    /// <summary>Steps of time from decision to decision.</summary>
    public int Hop { get; }

    /// <summary>Steps of time that the first decision needs.</summary>
    public long Window { get; }

    /// <summary>Steps by which the first hop begins before the signal.</summary>
    public int Lead { get; }

    /// <summary>The number of the hop that gives the first decision, counted from 1.</summary>
    public long FirstDecision => (Window + Lead) / Hop;

    /// <summary>The input of a name; null where the net does not read it.</summary>
    public StreamInput? InputOf(string name) => Array.Find(Inputs, input => input.Source.Name == name);

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

    /// <summary>The new rows of every node, for a hop that is a multiple of all strides.</summary>
    private int FitHop(int wish)
    {
        // Steps of the input for a row of each node.
        long multiple = 1;
        foreach (Node node in nodes)
        {
            StreamRows own = along[node];
            own.StepsPerRow = node.Sources.Select(source => along[source].StepsPerRow).DefaultIfEmpty(1).Max() * own.Rule.Stride;
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
            StreamRows own = along[node];
            own.New = own.HasTime ? (int)(hop / own.StepsPerRow) : 0;
            if (own.Rule.IsWindow && along[node.Sources[0]] is var source && source.New > node.Sources[0].Shape[source.Axis])
            {
                StreamErrors.HopTooLong(hop, node.Name, source.New, node.Sources[0].Shape[source.Axis]);
            }
        }

        return hop;
    }

    private static long Gcd(long a, long b) => b == 0 ? a : Gcd(b, a % b);

    /// <summary>From the outputs back: the rows that every node must have given before the first decision. Returns the most of an input.</summary>
    private long CountBack(Node[] outputs)
    {
        foreach (Node node in Enumerable.Reverse(nodes))
        {
            StreamRows own = along[node];
            if (outputs.Contains(node))
            {
                // An output with time: its new rows are the decision.
                own.Needed = Math.Max(own.Needed, own.New);
            }

            foreach (Node from in node.Sources)
            {
                StreamRows source = along[from];
                if (source.HasTime)
                {
                    long needed = own.Rule.IsWindow ? from.Shape[source.Axis]
                        : own.HasTime ? ((own.Needed - 1) * own.Rule.Stride) + own.Rule.Extent - own.Rule.Before
                        : 1;
                    source.Needed = Math.Max(source.Needed, needed);
                }
            }
        }

        return along.Inputs.Max(input => along[input].Needed);
    }

    /// <summary>From the inputs on: the rows that every node gives before the signal's first one, and those that the ops keep.</summary>
    /// <remarks>
    /// Every op gives each row with the hop that completes it. So branches of one rate that have as many rows in the window give rows of the same
    /// time in every hop, however far each looks back.
    /// </remarks>
    private void CountForward()
    {
        foreach (Node node in nodes)
        {
            StreamRows own = along[node];
            if (node.Sources.Count == 0 || along[node.Sources[0]] is not { HasTime: true } source)
            {
                own.Early = own.HasTime ? Lead : 0;
                continue;
            }

            foreach (Node other in node.Sources)
            {
                if (along[other].Early != source.Early || along[other].New != source.New)
                {
                    StreamErrors.CannotStream(node.Name, $"joins {node.Sources[0].Name} and {other.Name}, whose rows are of other times");
                }
            }

            if (own.Rule.IsWindow)
            {
                own.Kept = node.Sources[0].Shape[source.Axis] - source.New;
                continue;
            }

            // Row j of the result begins with the row j stride - before of the input: the first row that is read has to be such a one. The last
            // row of the result ends less than a stride before the newest one of the input.
            int stride = own.Rule.Stride, before = own.Rule.Before;
            int kept = own.Rule.Extent - stride;
            while ((source.Early + kept - before) % stride != 0)
            {
                kept++;
            }

            own.Kept = kept;
            own.Early = (source.Early + kept - before) / stride;
            own.EarlyRead = before > 0 || node.Op is Recurrent || along.IsFilterOverTime(node) ? source.Early : 0;
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
            StreamRows own = along[node];
            int count = node.Sources.Count;
            bool named = count > 1 || (count == 1 && node.Sources[0] != nodes[i - 1]), begins = own.EarlyRead > 0;
            if (own.Kept != 0 || (begins && node.Op is Convolution))
            {
                for (int k = 0; k < count; k++)
                {
                    string past = FreeName(names, node.Name + "_past");
                    statements.Add(KeepOf(past, node.Sources[k], own));
                    if (named)
                    {
                        words[^(count - k)] = Name(past);
                    }
                }
            }
            else if (begins && node.Op is Recurrent)
            {
                // Steps before the stream's begin do not count: a mask says so, or the net's own, which is 0 there.
                string mask = FreeName(names, node.Name + "_begun");
                statements.Add(count == 2 ? KeepOf(mask, node.Sources[1], own)
                    : new NetStatement(Name(mask), Word("begun"), [Word(Number(own.EarlyRead)), Name(node.Sources[0].Name)]));
                words = count == 2 ? [.. words[..^1], Name(mask)]
                    : named ? [.. words, Name(mask)]
                    : [.. words, Name(node.Sources[0].Name), Name(mask)];
            }

            ForHop(node, own, words);

            // The name is written out: a kind may become another one, and a default name with it.
            statements.Add(statement with { Name = Name(node.Name), Words = words });
        }

        return statements;
    }

    /// <summary>The statement of the rows that an op reads of a source: kept ones and new ones, or new ones without the first.</summary>
    private NetStatement KeepOf(string name, Node source, StreamRows reader)
    {
        List<NetWord> words = [Word(Number(Math.Max(reader.Kept, 0))), Word("axis" + Number(along[source].Axis))];
        if (reader.EarlyRead > 0)
        {
            words.Add(Word("begin" + Number(reader.EarlyRead)));
        }

        if (reader.Kept < 0)
        {
            words.Add(Word("skip" + Number(-reader.Kept)));
        }

        return new NetStatement(Name(name), Word("keep"), [.. words, Name(source.Name)]);
    }

    /// <summary>The words of a statement that say how many rows there are, or what the first ones read.</summary>
    private void ForHop(Node node, StreamRows own, List<NetWord> words)
    {
        switch (node.Op)
        {
            case null when own.HasTime:
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
            case SignalFilter filter when along.IsFilterOverTime(node):
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
}
