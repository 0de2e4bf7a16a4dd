namespace EmbeddedBackprop.Graphs;

/// <summary>Turns a graph into steps: finds what is needed, how long each buffer lives, and who writes each gradient first.</summary>
internal sealed class PlanBuilder
{
    private readonly Planner planner;
    private readonly List<(Planner.Buffer Buffer, int Columns, int Stride, Action<Slot> Assign)> requests = [];
    private int endOfTime;

    private PlanBuilder(Graph graph, PlanOptions options, Node[] losses, Node[] outputs)
    {
        if (options.Batch < 1)
        {
            Errors.NotPositive("batch", options.Batch);
        }

        Graph = graph;
        Options = options;
        Losses = losses;
        Outputs = outputs;
        planner = new Planner(options.Layout);
        Values = NoSlots(graph);
        ValueGradients = NoSlots(graph);
        Steps = FindSteps();
        LayOutParameters();
        LayOutState();
        PlaceBuffers();
    }

    public Graph Graph { get; }

    public PlanOptions Options { get; }

    public Node[] Losses { get; }

    public bool Training => Losses.Length > 0;

    public Node[] Outputs { get; }

    public Step[] Steps { get; }

    public Slot[] Values { get; }

    public Slot[] ValueGradients { get; }

    public ParameterRange[] Parameters { get; private set; } = [];

    /// <summary>Those of ops with a backward pass.</summary>
    public ParameterRange[] TrainedParameters { get; private set; } = [];

    public int ParameterLength { get; private set; }

    public StateRange[] State { get; private set; } = [];

    public int StateLength { get; private set; }

    public int WorkspaceLength => planner.Length;

    public int WorkspaceLowerBound { get; private set; }

    public static Plan ForInference(Graph graph, PlanOptions options, ReadOnlySpan<Node> outputs)
    {
        foreach (Node output in outputs)
        {
            CheckOwner(graph, output);
            if (output.Op is { IsLoss: true })
            {
                Errors.LossInInference(output.Name);
            }
        }

        return new Plan(new PlanBuilder(graph, options, [], outputs.ToArray()));
    }

    public static Plan ForTraining(Graph graph, PlanOptions options, ReadOnlySpan<Node> losses, ReadOnlySpan<Node> outputs)
    {
        if (losses.Length == 0)
        {
            Errors.NotPositive("losses", 0);
        }

        foreach (Node loss in losses)
        {
            CheckOwner(graph, loss);
            if (loss.Op is not { IsLoss: true })
            {
                Errors.NotALoss(loss.Name);
            }
        }

        foreach (Node output in outputs)
        {
            CheckOwner(graph, output);
        }

        return new Plan(new PlanBuilder(graph, options, losses.ToArray(), outputs.ToArray()));
    }

    private static void CheckOwner(Graph graph, Node node)
    {
        if (node.Graph != graph)
        {
            Errors.OtherGraph(node.Name);
        }
    }

    private static Slot[] NoSlots(Graph graph)
    {
        Slot[] slots = new Slot[graph.Nodes.Count];
        slots.AsSpan().Fill(Slot.None);
        return slots;
    }

    /// <summary>A step for every op that the wanted nodes depend on, in the order of creation.</summary>
    private Step[] FindSteps()
    {
        bool[] wanted = new bool[Graph.Nodes.Count];
        foreach (Node output in Outputs)
        {
            wanted[output.Index] = true;
        }

        foreach (Node loss in Losses)
        {
            wanted[loss.Index] = true;
        }

        for (int i = wanted.Length - 1; i >= 0; i--)
        {
            if (wanted[i])
            {
                foreach (Node input in Graph.Nodes[i].Inputs)
                {
                    wanted[input.Index] = true;
                }
            }
        }

        return [.. Graph.Nodes.Where(node => node.Op is not null && wanted[node.Index]).Select(node => new Step(node))];
    }

    /// <summary>All ops of the graph have their place, also those this plan does not run: every plan of a graph sees the same parameter span.</summary>
    private void LayOutParameters()
    {
        ParameterLayout layout = new(Options.Layout);
        foreach (Op op in Graph.Ops)
        {
            int first = layout.Ranges.Count;
            int offset = Options.Layout.Align(layout.Length);
            op.DescribeParameters(layout);
            foreach (Step step in Steps)
            {
                if (step.Op == op && layout.Ranges.Count > first)
                {
                    step.Ranges = [.. layout.Ranges.Skip(first)];
                    step.Parameters = (offset, layout.Length - offset);
                }
            }
        }

        Parameters = [.. layout.Ranges];
        ParameterLength = layout.Length;
    }

    /// <summary>As with parameters: every plan of a graph sees the same state span.</summary>
    private void LayOutState()
    {
        StateLayout layout = StateLayout.Of(Graph, Options.Layout, Options.Batch);
        foreach (Step step in Steps)
        {
            step.StateRanges = layout.RangesOf(step.Op);
            step.OpIndex = IndexOf(Graph.Ops, step.Op);
        }

        State = layout.Ranges;
        StateLength = layout.Length;
    }

    private static int IndexOf(IReadOnlyList<Op> ops, Op op)
    {
        int index = 0;
        while (ops[index] != op)
        {
            index++;
        }

        return index;
    }

    private void PlaceBuffers()
    {
        // Forward step i runs at time i, its backward pass at 2 S - 1 - i; the caller reads outputs at the end of time.
        int count = Steps.Length;
        endOfTime = Training ? 2 * count : count;
        Planner.Buffer[] values = PlaceValues();
        if (Training)
        {
            PlaceGradients();
        }

        HashSet<string> trained = [.. Steps.Where(step => step.HasBackward).SelectMany(step => step.Ranges).Select(range => range.Name)];
        TrainedParameters = [.. Parameters.Where(range => trained.Contains(range.Name))];
        for (int i = 0; i < count; i++)
        {
            PlaceOwn(Steps[i], i);
        }

        foreach (Node output in Outputs)
        {
            values[output.Index].Last = endOfTime;
        }

        planner.Place();
        WorkspaceLowerBound = planner.LowerBound();
        foreach ((Planner.Buffer buffer, int columns, int stride, Action<Slot> assign) in requests)
        {
            assign(new Slot(buffer.Offset, buffer.Length, columns, stride));
        }

        foreach (Step step in Steps)
        {
            step.ForwardRow = step.Op.ForwardRow(step, Options.Arithmetic);
        }
    }

    /// <summary>Inputs and outputs of the steps: alive from their writer to their last reader, in training to the last backward pass that reads them.</summary>
    private Planner.Buffer[] PlaceValues()
    {
        Planner.Buffer[] buffers = new Planner.Buffer[Graph.Nodes.Count];
        foreach (Node output in Outputs)
        {
            if (output.Op is null)
            {
                // An input that the caller wants to read back; nobody else need read it.
                buffers[output.Index] ??= Request(output.Name, output, -1, Values, output.Index);
            }
        }

        for (int i = 0; i < Steps.Length; i++)
        {
            Step step = Steps[i];
            for (int k = 0; k < step.Inputs.Length; k++)
            {
                Node input = step.Node.Inputs[k];
                if (buffers[input.Index] is null)
                {
                    // Only an input of the graph has no writer before its first reader: the caller writes it before time 0.
                    buffers[input.Index] = Request(input.Name, input, -1, Values, input.Index);
                }

                Extend(buffers[input.Index], i);
                if (Training && step.Op.BackwardReads.HasFlag(BackwardReads.Inputs))
                {
                    Extend(buffers[input.Index], BackwardTime(i));
                }

                int index = k;
                int node = input.Index;
                requests.Add((buffers[node], input.Shape.Length, Options.Layout.Stride(input.Shape.Length), slot => step.Inputs[index] = slot));
            }

            Planner.Buffer output = Request(step.Name, step.Node, i, Values, step.Node.Index);
            buffers[step.Node.Index] = output;
            if (Training && (step.Op.IsLoss || step.Op.BackwardReads.HasFlag(BackwardReads.Outputs)))
            {
                Extend(output, step.Op.IsLoss ? endOfTime : BackwardTime(i));
            }

            requests.Add((output, step.Node.Shape.Length, Options.Layout.Stride(step.Node.Shape.Length), slot => step.Output = slot));
        }

        return buffers;
    }

    /// <summary>Gradients of values: written first by the last reader (it comes first in the backward pass), dead after their own step's backward pass.</summary>
    private void PlaceGradients()
    {
        bool[] wanted = WantsGradient();
        if (!Losses.Any(loss => wanted[loss.Inputs[0].Index]))
        {
            Errors.NothingToTrain();
        }

        Planner.Buffer?[] buffers = new Planner.Buffer?[Graph.Nodes.Count];
        HashSet<Op> opsSeen = [];
        for (int i = Steps.Length - 1; i >= 0; i--)
        {
            Step step = Steps[i];
            bool reached = step.Op.IsLoss ? wanted[step.Node.Inputs[0].Index] : buffers[step.Node.Index] is not null;
            if (!reached)
            {
                continue;
            }

            step.HasBackward = true;
            step.ContinueParameterGradient = !opsSeen.Add(step.Op);
            if (buffers[step.Node.Index] is { } gradient)
            {
                Extend(gradient, BackwardTime(i));
                requests.Add((gradient, step.Node.Shape.Length, Options.Layout.Stride(step.Node.Shape.Length), slot => step.OutputGradient = slot));
            }

            for (int k = 0; k < step.Inputs.Length; k++)
            {
                Node input = step.Node.Inputs[k];
                if (!wanted[input.Index] || !step.Op.HasGradient(k))
                {
                    continue;
                }

                step.ContinueInputGradients[k] = buffers[input.Index] is not null;
                Planner.Buffer buffer = buffers[input.Index] ??= Request("d " + input.Name, input, BackwardTime(i), ValueGradients, input.Index);
                Extend(buffer, input.Op is null ? endOfTime : BackwardTime(i));
                int index = k;
                requests.Add((buffer, input.Shape.Length, Options.Layout.Stride(input.Shape.Length), slot => step.InputGradients[index] = slot));
            }
        }
    }

    private void PlaceOwn(Step step, int time)
    {
        int saved = Training ? step.Op.SavedLength(Options.Batch, Options.Layout) : 0;
        int scratch = step.Op.ScratchLength(Options.Batch, Options.Layout);
        if (saved > 0)
        {
            Planner.Buffer buffer = planner.Add(step.Name + " saved", saved, time);
            Extend(buffer, BackwardTime(time));
            requests.Add((buffer, saved, saved, slot => step.Saved = slot));
        }

        if (scratch > 0)
        {
            requests.Add((planner.Add(step.Name + " scratch", scratch, time), scratch, scratch, slot => step.ForwardScratch = slot));
        }

        int backward = step.HasBackward ? step.Op.BackwardScratchLength(Options.Batch, Options.Layout) : 0;
        if (backward > 0)
        {
            requests.Add((planner.Add(step.Name + " scratch", backward, BackwardTime(time)), backward, backward, slot => step.BackwardScratch = slot));
        }
    }

    /// <summary>A node's gradient is wanted if a parameter stands behind it, or if it is an input and input gradients were asked for.</summary>
    private bool[] WantsGradient()
    {
        bool[] wanted = new bool[Graph.Nodes.Count];
        foreach (Node node in Graph.Nodes)
        {
            wanted[node.Index] = node.Op is null ? Options.InputGradients : Enumerable.Range(0, node.Inputs.Length).Any(k => node.Op.HasGradient(k) && wanted[node.Inputs[k].Index]);
            foreach (Step step in Steps)
            {
                wanted[node.Index] |= step.Node == node && step.Parameters.Length > 0;
            }
        }

        return wanted;
    }

    private Planner.Buffer Request(string name, Node node, int first, Slot[] slots, int index)
    {
        int columns = node.Shape.Length;
        int stride = Options.Layout.Stride(columns);
        bool loss = node.Op is { IsLoss: true };
        // A loss is not one value per sample but 16 partial sums for the whole logical batch: the forward pass of the next micro-batch must leave them alone.
        bool callers = Options.EndsByReference && slots == Values && (node.Op is null || Array.IndexOf(Outputs, node) >= 0);
        Planner.Buffer buffer = callers
            ? new Planner.Buffer(name, 0, first) // the planner does not see it, so it gets no offset
            : planner.Add(name, loss ? EmbeddedBackprop.Losses.Loss.PartCount : (long)Options.Batch * stride, loss ? -1 : first);
        requests.Add((buffer, columns, stride, slot => slots[index] = slot));
        return buffer;
    }

    private static void Extend(Planner.Buffer buffer, int time) => buffer.Last = Math.Max(buffer.Last, time);

    private int BackwardTime(int step) => (2 * Steps.Length) - 1 - step;
}
