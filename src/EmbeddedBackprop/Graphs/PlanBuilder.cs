namespace EmbeddedBackprop.Graphs;

/// <summary>Turns a graph into a program: the steps needed, their order, fused and recomputed steps, and the first writer of each gradient.</summary>
internal sealed class PlanBuilder
{
    /// <summary>Elements of a value of a batch, at most: its bytes are counted in an int.</summary>
    private const int MostElements = (1 << 29) - 1;

    private readonly int[] stepOf;
    private readonly bool[] dropped;
    private readonly List<ProgramEntry> program = [];
    private readonly Step?[] again;
    private readonly Dictionary<Step, Step> forwardOf = [];

    private PlanBuilder(Graph graph, PlanOptions options, Node[] losses, Node[] outputs)
    {
        if (options.Batch < 1)
        {
            Errors.NotPositive("batch", options.Batch);
        }

        if (options.MicroBatch < 0 || options.MicroBatch > options.Batch)
        {
            Errors.OutOfRange("micro-batch", options.MicroBatch, $"0 (the whole batch) to {options.Batch}");
        }

        Graph = graph;
        Options = options;
        Losses = losses;
        Outputs = outputs;
        Values = NoSlots(graph);
        ValueGradients = NoSlots(graph);
        Steps = StepFinder.Find(graph, losses, outputs, options);
        stepOf = new int[graph.Nodes.Count];
        stepOf.AsSpan().Fill(-1);
        for (int i = 0; i < Steps.Length; i++)
        {
            stepOf[Steps[i].Node.Index] = i;
        }

        LimitValues();
        LayOutParameters();
        LayOutState();
        Freeze();
        if (Training)
        {
            FindGradients();
        }

        again = new Step?[Steps.Length];
        dropped = FindDropped();
        WriteProgram();
        PlanBuffers buffers = PlanBuffers.Place(this, [.. program]);
        buffers.Assign(Values, ValueGradients);
        CallersPlaces = new (Node, int)?[graph.Nodes.Count];
        for (int i = 0; i < CallersPlaces.Length; i++)
        {
            CallersPlaces[i] = buffers.CallersPlace(graph.Nodes[i]);
        }

        foreach (Step step in Steps)
        {
            step.OneSampleForward = step.Op.OneSampleForward(step, options.Arithmetic);
        }

        WorkspaceLength = buffers.Length;
        WorkspaceLowerBound = buffers.LowerBound;
    }

    public Graph Graph { get; }

    public PlanOptions Options { get; }

    public Node[] Losses { get; }

    public bool Training => Losses.Length > 0;

    public Node[] Outputs { get; }

    /// <summary>The most samples of one run.</summary>
    public int Batch => Options.MicroBatch > 0 ? Options.MicroBatch : Options.Batch;

    /// <summary>The forward pass.</summary>
    public Step[] Steps { get; }

    /// <summary>The backward pass, with the recomputed steps in between.</summary>
    public ProgramEntry[] BackwardProgram => [.. program[Steps.Length..]];

    public Slot[] Values { get; }

    public Slot[] ValueGradients { get; }

    /// <summary>For each node whose value is in the caller's memory: whose memory, and at which float of it.</summary>
    public (Node Argument, int Offset)?[] CallersPlaces { get; }

    public ParameterRange[] Parameters { get; private set; } = [];

    /// <summary>Those of ops with a backward pass that are not frozen.</summary>
    public ParameterRange[] TrainedParameters { get; private set; } = [];

    public int ParameterLength { get; private set; }

    public StateRange[] State { get; private set; } = [];

    public int StateLength { get; private set; }

    public int WorkspaceLength { get; }

    public int WorkspaceLowerBound { get; }

    public static Plan ForInference(Graph graph, PlanOptions options, ReadOnlySpan<Node> outputs)
    {
        foreach (Node output in outputs)
        {
            CheckOwner(graph, output);
            if (output.Op is { IsLoss: true })
            {
                GraphErrors.LossInInference(output.Name);
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
                GraphErrors.NotALoss(loss.Name);
            }
        }

        foreach (Node output in outputs)
        {
            CheckOwner(graph, output);
        }

        return options.MemoryBudget > 0
            ? new BudgetSearch(graph, options, losses.ToArray(), outputs.ToArray()).Find()
            : Build(graph, options, losses.ToArray(), outputs.ToArray());
    }

    /// <summary>The plan that the options describe, whatever it takes.</summary>
    public static Plan Build(Graph graph, PlanOptions options, Node[] losses, Node[] outputs) =>
        new(new PlanBuilder(graph, options, losses, outputs));

    /// <summary>Whether the node's value is not kept for the backward pass.</summary>
    public bool IsDropped(Node node) => dropped[node.Index];

    /// <summary>The forward step whose slots a backward step of its own uses; null for others.</summary>
    public Step? ForwardOf(Step step) => forwardOf.GetValueOrDefault(step);

    private static void CheckOwner(Graph graph, Node node)
    {
        ArgumentNullException.ThrowIfNull(node);
        if (node.Graph != graph)
        {
            GraphErrors.OtherGraph(node.Name);
        }
    }

    private static Slot[] NoSlots(Graph graph)
    {
        Slot[] slots = new Slot[graph.Nodes.Count];
        slots.AsSpan().Fill(Slot.None);
        return slots;
    }

    /// <summary>Ops count their scratch in ints, up to three times a value of a batch.</summary>
    private void LimitValues()
    {
        foreach (Step step in Steps)
        {
            foreach (Node node in (Node[])[step.Node, .. step.Node.Inputs])
            {
                if ((long)Batch * Options.Layout.Stride(node.Shape.Length) > MostElements)
                {
                    GraphErrors.ValueTooLarge(node.Name, Batch, node.Shape, MostElements);
                }
            }
        }
    }

    /// <summary>
    /// All ops of the graph have their ranges, also those this plan does not run: every plan of a graph sees the same parameter span.
    /// </summary>
    private void LayOutParameters()
    {
        ParameterLayout layout = new(Options.Layout);
        for (int i = 0; i < Graph.Ops.Count; i++)
        {
            Op op = Graph.Ops[i];
            int first = layout.Ranges.Count;
            int offset = Options.Layout.Align(layout.Length);
            op.DescribeParameters(layout);
            foreach (Step step in Steps)
            {
                foreach (Step part in step.Parts)
                {
                    if (part.Owner != op)
                    {
                        continue;
                    }

                    part.OpIndex = i;
                    if (layout.Ranges.Count > first)
                    {
                        part.Ranges = layout.Ranges.Items()[first..];
                        part.Parameters = (offset, layout.Length - offset);
                    }
                }
            }
        }

        foreach (Step block in Array.FindAll(Steps, step => step.Parts.Length > 1))
        {
            block.OpIndex = block.Parts[0].OpIndex;
            block.Ranges = Joined(block, part => part.Ranges);
            block.Parameters = block.Parts[0].Parameters;
        }

        Parameters = layout.Ranges.Items();
        ParameterLength = layout.Length;
    }

    /// <summary>As with parameters: every plan of a graph sees the same state span.</summary>
    private void LayOutState()
    {
        StateLayout layout = StateLayout.Of(Graph, Options.Layout, Options.Batch);
        foreach (Step step in Steps)
        {
            foreach (Step part in step.Parts)
            {
                part.StateRanges = layout.RangesOf(part.Owner);
                part.InputTypes = Array.ConvertAll(part.InputNodes, node => TypeOf(layout, node));
                part.OutputType = TypeOf(layout, part.Node);
            }

            step.StateRanges = Joined(step, part => part.StateRanges);
        }

        State = layout.Ranges;
        StateLength = layout.Length;
    }

    private TypeRange TypeOf(StateLayout layout, Node node)
    {
        if (node.Integers is not { } integers)
        {
            return default;
        }

        StateRange[] ranges = layout.RangesOf(integers.Owner);
        return new(integers.Bits, ranges[0].Offset, Graph.FollowsRanges ? ranges[^1].Offset : 0);
    }

    /// <summary>The ranges of a step's parts, one after the other.</summary>
    private static T[] Joined<T>(Step step, Func<Step, T[]> ranges)
    {
        T[] all = ranges(step.Parts[0]);
        foreach (Step part in step.Parts.AsSpan(1))
        {
            T[] more = ranges(part);
            Array.Resize(ref all, all.Length + more.Length);
            more.CopyTo(all.AsSpan(all.Length - more.Length));
        }

        return all;
    }

    /// <summary>Marks the layers that training leaves alone; a prediction leaves all of them alone.</summary>
    private void Freeze()
    {
        if (!Training)
        {
            return;
        }

        Step[] layers = Array.FindAll(Steps, step => step.Ranges.Length > 0);
        foreach (string name in Options.Frozen)
        {
            if (!Array.Exists(layers, step => step.Owner.Name == name))
            {
                GraphErrors.NothingToFreeze(name, new HashSet<string>(Array.ConvertAll(layers, step => step.Owner.Name)));
            }
        }

        foreach (Step step in layers)
        {
            step.Frozen = Options.Frozen.Has(step.Owner.Name);
        }
    }

    /// <summary>
    /// Which steps have a backward pass, and which writes each gradient first: the last reader of a value, because it comes first in the
    /// backward pass. The others add to its result. A gradient is needed if a parameter depends on it, or if it is an input's and input
    /// gradients were asked for.
    /// </summary>
    private void FindGradients()
    {
        bool[] wanted = new bool[Graph.Nodes.Count];
        foreach (Node node in Graph.Nodes)
        {
            wanted[node.Index] = node.Op is null && Options.InputGradients;
        }

        foreach (Step step in Steps)
        {
            bool any = step.Ranges.Length > 0 && !step.Frozen;
            for (int k = 0; k < step.InputNodes.Length; k++)
            {
                any |= step.Op.HasGradient(k) && wanted[step.InputNodes[k].Index];
            }

            wanted[step.Node.Index] = any;
        }

        if (!Array.Exists(Steps, step => step.Op.IsLoss && wanted[step.InputNodes[0].Index]))
        {
            GraphErrors.NothingToTrain();
        }

        bool[] written = new bool[Graph.Nodes.Count];
        HashSet<Op> seen = [];
        for (int i = Steps.Length - 1; i >= 0; i--)
        {
            Step step = Steps[i];
            step.HasBackward = step.Op.IsLoss ? wanted[step.InputNodes[0].Index] : written[step.Node.Index];
            if (!step.HasBackward)
            {
                continue;
            }

            step.ContinueParameterGradient = !seen.Add(step.Owner);
            for (int k = 0; k < step.InputNodes.Length; k++)
            {
                int input = step.InputNodes[k].Index;
                if (wanted[input] && step.Op.HasGradient(k))
                {
                    step.WantedInputGradients[k] = true;
                    step.ContinueInputGradients[k] = written[input];
                    written[input] = true;
                }
            }
        }

        HashSet<string> trained = [];
        foreach (Step step in Array.FindAll(Steps, step => step.HasBackward && !step.Frozen))
        {
            trained.UnionWith(Array.ConvertAll(step.Ranges, range => range.Name));
        }

        TrainedParameters = Array.FindAll(Parameters, range => trained.Contains(range.Name));
    }

    /// <summary>
    /// The values that are computed again instead of being kept: those asked for, but for values that are read after the forward pass and those
    /// of ops with state, which a second run would change once more.
    /// </summary>
    private bool[] FindDropped()
    {
        bool[] result = new bool[Graph.Nodes.Count];
        if (!Training)
        {
            return result;
        }

        foreach (Node node in Options.Recompute)
        {
            result[node.Index] = node.Graph == Graph && stepOf[node.Index] >= 0 && Steps[stepOf[node.Index]].StateRanges.Length == 0;
        }

        foreach (Node output in Outputs)
        {
            result[output.Index] = false;
        }

        foreach (Step step in Steps)
        {
            if (step.Op.IsLoss)
            {
                result[step.Node.Index] = false;
                foreach (Node input in step.InputNodes)
                {
                    result[input.Index] = false;
                }
            }
        }

        return result;
    }

    private void WriteProgram()
    {
        foreach (Step step in Steps)
        {
            program.Add(new ProgramEntry(step, Phase.Forward));
        }

        for (int i = Steps.Length - 1; i >= 0; i--)
        {
            if (Training && Steps[i].HasBackward)
            {
                program.Add(new ProgramEntry(BackwardStep(i), Phase.Backward));
            }
        }
    }

    /// <summary>The step whose backward pass runs: itself, or one with slots of its own where an input was recomputed.</summary>
    private Step BackwardStep(int index)
    {
        Step step = Steps[index];
        bool readsOwn = step.Op.BackwardReads.HasFlag(BackwardReads.Outputs) || step.Op.SavedLength(Batch, Options.Layout) > 0;
        if (IsDropped(step.Node) && readsOwn)
        {
            ComputeAgain(index);
        }

        bool differs = IsDropped(step.Node);
        foreach (Node input in step.InputNodes)
        {
            differs |= IsDropped(input);
            if (IsDropped(input) && step.Op.BackwardReads.HasFlag(BackwardReads.Inputs))
            {
                ComputeAgain(stepOf[input.Index]);
            }
        }

        if (again[index] is { } second)
        {
            return second;
        }

        if (!differs)
        {
            return step;
        }

        Step own = step.WithOwnSlots();
        forwardOf.Add(own, step);
        return own;
    }

    /// <summary>Runs a step a second time, after those it reads.</summary>
    private void ComputeAgain(int index)
    {
        if (again[index] is not null)
        {
            return;
        }

        Step step = Steps[index];
        foreach (Node input in step.InputNodes)
        {
            if (IsDropped(input))
            {
                ComputeAgain(stepOf[input.Index]);
            }
        }

        again[index] = step.WithOwnSlots();
        program.Add(new ProgramEntry(again[index]!, Phase.Recompute));
    }
}
