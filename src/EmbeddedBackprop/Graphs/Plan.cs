using System.Numerics;
using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Graphs;

/// <summary>Which passes of the ops a plan runs.</summary>
public enum Execution
{
    /// <summary>The SIMD kernels.</summary>
    Vector,

    /// <summary>The scalar twins, the definition of every result: the same bits, slowly.</summary>
    Scalar,
}

/// <summary>
/// A graph compiled into a list of steps over one flat parameter span and one flat workspace span. A plan is immutable, may be shared between
/// threads, and writes only to the spans it is given; running it allocates nothing.
/// </summary>
public sealed partial class Plan
{
    private readonly Step[] steps;
    private readonly Step[] predicting;
    private readonly ProgramEntry[] backward;
    private readonly Step[] lossSteps;
    private readonly Slot[] values;
    private readonly Slot[] valueGradients;
    private readonly (Node Argument, int Offset)?[] callersPlaces;
    private readonly ParameterRange[] parameters;
    private readonly ParameterRange[] trainedParameters;
    private readonly StateRange[] state;
    private readonly Step[] following;

    internal Plan(PlanBuilder builder)
    {
        Graph = builder.Graph;
        Options = builder.Options;
        Losses = builder.Losses;
        Outputs = builder.Outputs;
        Batch = builder.Batch;
        steps = builder.Steps;
        backward = builder.BackwardProgram;
        FindOnlyReaders(steps, builder.Outputs);
        predicting = Losses.Count == 0 && Options.Fuse && !Options.InputsAndOutputsByReference ? WithStepsDoneAlong(steps) : steps;
        FindDerivers(Losses.Count > 0 && Options.Fuse ? backward : []);
        OneSampleSteps = new OneSampleSteps(steps);
        lossSteps = Array.ConvertAll(builder.Losses, loss => Array.Find(steps, step => step.Node == loss)!);
        values = builder.Values;
        valueGradients = builder.ValueGradients;
        callersPlaces = builder.CallersPlaces;
        parameters = builder.Parameters;
        trainedParameters = builder.TrainedParameters;
        state = builder.State;
        following = FollowingOf(steps);
        StateLength = builder.StateLength;
        WholeBatch = Array.Find(steps, step => step.Op.DependsOnWholeBatch && !step.Frozen);
        ParameterLength = builder.ParameterLength;
        WorkspaceLength = builder.WorkspaceLength;
        WorkspaceLowerBound = builder.WorkspaceLowerBound;
        CanUpdateInBackward = Loss is not null && UsesOnce(steps);
        GradientLength = Loss is null || Options.UpdateInBackward ? 0 : ParameterLength;
        if (Options.UpdateInBackward && Loss is not null && (!CanUpdateInBackward || Batch < Options.Batch))
        {
            GraphErrors.CannotUpdateInBackward(CanUpdateInBackward ? "the batch is run in parts" : "an op is used twice");
        }

        if (Batch < Options.Batch && Loss is not null && WholeBatch is not null)
        {
            GraphErrors.WholeBatch(WholeBatch.Name, Batch, Options.Batch);
        }
    }

    /// <summary>The graph that was compiled.</summary>
    public Graph Graph { get; }

    /// <summary>How it was compiled.</summary>
    public PlanOptions Options { get; }

    /// <summary>The most samples of one run.</summary>
    public int Batch { get; }

    /// <summary>The losses whose weighted sum training minimises; none in an inference plan.</summary>
    public IReadOnlyList<Node> Losses { get; }

    /// <summary>The first loss; null in an inference plan.</summary>
    public Node? Loss => Losses.Count > 0 ? Losses[0] : null;

    /// <summary>
    /// Whether the batch may be run in parts in training: not so where an op's result depends on the whole batch (batch normalisation).
    /// </summary>
    public bool CanSplitBatch => WholeBatch is null;

    /// <summary>The first step whose result depends on the whole batch; null for none.</summary>
    internal Step? WholeBatch { get; }

    /// <summary>The nodes an inference plan was asked for.</summary>
    public IReadOnlyList<Node> Outputs { get; }

    /// <summary>Floats of the parameter span, padding included.</summary>
    public int ParameterLength { get; }

    /// <summary>
    /// Floats of the gradient span; 0 in inference, and where gradients live only while they are applied
    /// (<see cref="PlanOptions.UpdateInBackward"/>).
    /// </summary>
    public int GradientLength { get; }

    /// <summary>Floats of all memory that a run takes: parameters, gradients, the optimiser's and the ops' state, workspace.</summary>
    public int MemoryLength =>
        new MemorySizes(
            ParameterLength,
            GradientLength,
            Loss is null ? 0 : Options.OptimizerStateLength,
            StateLength,
            WorkspaceLength,
            checked(Batch * Options.RowLength)
        ).Total(Options.Layout);

    /// <summary>
    /// Whether micro-batches give the bits of the whole batch: not so where an op is applied twice or its chain runs over time outside.
    /// </summary>
    public bool SplitsExactly => UsesOnce(steps) && !Array.Exists(steps, step => step.Op.SplitsToRounding && !step.Frozen);

    /// <summary>Trainable elements, padding not counted.</summary>
    public long ParameterCount
    {
        get
        {
            long count = 0;
            foreach (ParameterRange range in parameters)
            {
                count += range.Count;
            }

            return count;
        }
    }

    /// <summary>
    /// Floats of the state span: values kept from step to step without being trained. The same in every plan of the graph with this batch.
    /// </summary>
    public int StateLength { get; }

    /// <summary>Every range of the state span: first those that files hold, then those with a row per sample.</summary>
    public ReadOnlySpan<StateRange> State => state;

    /// <summary>Floats of the workspace span.</summary>
    public int WorkspaceLength { get; }

    /// <summary>The most floats alive at one time: no plan of these steps can do with a smaller workspace.</summary>
    public int WorkspaceLowerBound { get; }

    /// <summary>The steps in forward order.</summary>
    public ReadOnlySpan<Step> Steps => steps;

    /// <summary>The steps that a prediction by SIMD kernels runs: without those that another one does along.</summary>
    internal ReadOnlySpan<Step> PredictingSteps => predicting;

    /// <summary>Every tensor in the parameter span, in order.</summary>
    public ReadOnlySpan<ParameterRange> Parameters => parameters;

    /// <summary>Multiply-adds of one sample's forward pass.</summary>
    public long MultiplyAdds
    {
        get
        {
            long sum = 0;
            foreach (Step step in steps)
            {
                sum += step.Op.MultiplyAdds;
            }

            return sum;
        }
    }

    /// <summary>
    /// Multiply-adds of one sample that the backward pass spends on values that were not kept (<see cref="PlanOptions.Recompute"/>).
    /// </summary>
    public long RecomputedMultiplyAdds
    {
        get
        {
            long sum = 0;
            foreach ((Step step, Phase phase) in backward)
            {
                sum += phase == Phase.Recompute ? step.Op.MultiplyAdds : 0;
            }

            return sum;
        }
    }

    /// <summary>
    /// How many threads a run of a whole batch is worth: one for every four million multiply-adds, at most one for each processor. The backward pass
    /// of a training plan counts for two forward passes.
    /// </summary>
    /// <param name="processors">Processors that may be used.</param>
    public int WorthwhileThreads(int processors)
    {
        // A thread gains what it takes over, and costs about a microsecond at each of some twenty meetings of a step.
        const long PerThread = 4_000_000;
        long work = MultiplyAdds * Batch * (Loss is null ? 1 : 3);
        return (int)Math.Clamp(work / PerThread, 1, Math.Max(1, processors));
    }

    /// <summary>A plan that computes the given nodes; activation memory is reused after its last reader.</summary>
    /// <exception cref="ArgumentException">A node is a loss or belongs to another graph.</exception>
    public static Plan ForInference(Graph graph, PlanOptions options, params ReadOnlySpan<Node> outputs) =>
        PlanBuilder.ForInference(graph, options, outputs);

    /// <summary>A plan that computes a loss and the gradients of all parameters it depends on; it keeps what the backward pass reads.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="options">Batch, arithmetic, layout.</param>
    /// <param name="loss">The loss.</param>
    /// <param name="outputs">Nodes whose values the caller reads after the forward pass (for example the prediction).</param>
    /// <exception cref="ArgumentException">The node is no loss, or nothing in the graph can be trained.</exception>
    public static Plan ForTraining(Graph graph, PlanOptions options, Node loss, params ReadOnlySpan<Node> outputs) =>
        PlanBuilder.ForTraining(graph, options, [loss], outputs);

    /// <summary>
    /// A plan that computes several losses and the gradients of their sum, each times its <see cref="EmbeddedBackprop.Losses.Loss.Weight"/>.
    /// </summary>
    /// <param name="graph">The graph.</param>
    /// <param name="options">Batch, arithmetic, layout.</param>
    /// <param name="losses">The losses; the sum is taken in this order.</param>
    /// <param name="outputs">Nodes whose values the caller reads after the forward pass.</param>
    /// <exception cref="ArgumentException">There is no loss, a node is none, or nothing in the graph can be trained.</exception>
    public static Plan ForTraining(Graph graph, PlanOptions options, ReadOnlySpan<Node> losses, params ReadOnlySpan<Node> outputs) =>
        PlanBuilder.ForTraining(graph, options, losses, outputs);

    /// <summary>Gives every range of the state its initial values.</summary>
    /// <exception cref="ArgumentException">The span is too short.</exception>
    public void InitializeState<T>(Span<T> memory) where T : unmanaged, INumberBase<T>
    {
        RequireState(memory.Length);
        memory[..StateLength].Clear();
        foreach (ref readonly StateRange range in State)
        {
            memory.Slice(range.Offset, range.Count).Fill(T.CreateTruncating(range.InitialValue));
        }
    }

    /// <summary>Forgets what is kept for each sample (a recurrent layer's carried state), as before the first part of a sequence.</summary>
    /// <exception cref="ArgumentException">The span is too short.</exception>
    public void ResetState<T>(Span<T> memory) where T : unmanaged
    {
        RequireState(memory.Length);
        foreach (ref readonly StateRange range in State)
        {
            if (range.PerSample)
            {
                memory.Slice(range.Offset, range.Count).Clear();
            }
        }
    }

    /// <summary>Where the caller writes a batch of the given input, [batch][stride].</summary>
    /// <exception cref="ArgumentException">The plan does not hold the node, or the batch is too large.</exception>
    public Span<T> ValueSpan<T>(Span<T> workspace, Node node, int batch) where T : unmanaged => Rows(workspace, Find(values, node), batch);

    /// <summary>Floats from row to row of a node's value.</summary>
    public int Stride(Node node) => Find(values, node).Stride;

    /// <summary>dL/d(node) after the backward pass, for inputs when <see cref="PlanOptions.InputGradients"/> was asked for.</summary>
    public Span<T> GradientSpan<T>(Span<T> workspace, Node node, int batch) where T : unmanaged => Rows(workspace, Find(valueGradients, node), batch);

    /// <summary>Whether the plan computes dL/d(node).</summary>
    public bool HasGradient(Node node)
    {
        ArgumentNullException.ThrowIfNull(node);
        return node.Graph == Graph && node.Index < valueGradients.Length && valueGradients[node.Index].Exists;
    }

    /// <summary>Floats of the state that is one for all samples: its beginning, which files hold.</summary>
    internal int SharedStateLength
    {
        get
        {
            int length = 0;
            foreach (ref readonly StateRange range in State)
            {
                length = range.PerSample ? length : Math.Max(length, range.Offset + range.Count);
            }

            return length;
        }
    }

    /// <summary>One sample without contexts, where that can be.</summary>
    internal OneSampleSteps OneSampleSteps { get; }

    /// <summary>The slot of a node's value. A caller that needs it at each step finds it once.</summary>
    internal Slot ValueSlot(Node node) => Find(values, node);

    /// <summary>
    /// The input or output in whose memory, which is the caller's, a node's value lies, and the value's first float there; null where it is in the
    /// workspace.
    /// </summary>
    internal (Node Argument, int Offset)? CallersPlace(Node node) => callersPlaces[node.Index];

    /// <summary>The backward pass: steps in the order of their gradients, with those that are computed again in between.</summary>
    internal ReadOnlySpan<ProgramEntry> BackwardProgram => backward;

    /// <summary>The steps of the losses, in their order.</summary>
    internal ReadOnlySpan<Step> LossSteps => lossSteps;

    /// <summary>The tensors that the backward pass writes a gradient for: those the loss depends on.</summary>
    internal ReadOnlySpan<ParameterRange> TrainedParameters => trainedParameters;

    /// <summary>The loss's 16 partial sums, which its Value folds.</summary>
    internal Span<T> LossParts<T>(Span<T> workspace, int loss = 0) where T : unmanaged
    {
        Slot slot = values[Losses[loss].Index];
        return workspace.Slice(slot.Offset, slot.Length);
    }

    /// <summary>The sum of all losses, each times its weight, in their order, after a forward pass.</summary>
    /// <exception cref="InvalidOperationException">The plan has no loss.</exception>
    public float TotalLoss(Span<float> workspace, int logicalBatch)
    {
        RequireTraining();
        float total = 0f;
        for (int i = 0; i < Losses.Count; i++)
        {
            float term = lossSteps[i].Op.WeightedLoss(LossParts(workspace, i), logicalBatch);
            // One loss is itself, also where it is -0 or NaN.
            total = i == 0 ? term : total + term;
        }

        return total;
    }

    /// <summary>The same in double.</summary>
    /// <inheritdoc cref="TotalLoss(Span{float}, int)"/>
    public double TotalLoss(Span<double> workspace, int logicalBatch)
    {
        RequireTraining();
        double total = 0;
        for (int i = 0; i < Losses.Count; i++)
        {
            total += lossSteps[i].Op.WeightedLoss(LossParts(workspace, i), logicalBatch);
        }

        return total;
    }

    /// <summary>The memory table: step, op, shape, offsets and bytes.</summary>
    public override string ToString() => PlanTable.Format(this);

    /// <summary>Tells each step which ones after it its op does along, and leaves those out.</summary>
    private static Step[] WithStepsDoneAlong(Step[] steps)
    {
        List<Step> left = [];
        for (int i = 0; i < steps.Length; i += 1 + steps[i].DoneAlong.Length)
        {
            int count = steps[i].Op.CountDoneAlong(steps[i], steps.AsSpan(i + 1));

            // Not steps[a..b]: a range of an array of references brings the type loader into a native program.
            steps[i].DoneAlong = steps.AsSpan(i + 1, count).ToArray();
            left.Add(steps[i]);
            for (int j = i + 1; j <= i + count; j++)
            {
                // One that is done along runs on its own where that cannot be, and does along no more than the first one would have.
                int own = steps[j].Op.CountDoneAlong(steps[j], steps.AsSpan(j + 1, i + count - j));
                steps[j].DoneAlong = steps.AsSpan(j + 1, own).ToArray();
            }
        }

        return [.. left];
    }

    /// <summary>Tells each step which one alone reads its value.</summary>
    private static void FindOnlyReaders(Step[] steps, Node[] outputs)
    {
        foreach (Step step in steps)
        {
            int readers = Array.IndexOf(outputs, step.Node) >= 0 ? 1 : 0;
            foreach (Step other in steps)
            {
                foreach (Node input in other.InputNodes)
                {
                    if (input == step.Node)
                    {
                        readers++;
                        step.OnlyReader = other;
                    }
                }
            }

            step.OnlyReader = readers == 1 ? step.OnlyReader : null;
        }
    }

    /// <summary>
    /// Tells each step whose gradient comes from the step after it alone whether that one has multiplied it by the derivative of the activation.
    /// </summary>
    private static void FindDerivers(ProgramEntry[] backward)
    {
        for (int i = 1; i < backward.Length; i++)
        {
            (Step next, Step step) = (backward[i - 1].Step, backward[i].Step);
            if ((backward[i - 1].Phase, backward[i].Phase) == (Phase.Backward, Phase.Backward)
                && next.InputNodes is [var input] && input == step.Node && !next.ContinueInputGradients[0] && step.Op.IsDerivedBy(next.Op))
            {
                (next.Derives, step.DerivedBy) = (true, next);
            }
        }
    }

    /// <summary>The steps whose state follows the parameters, each op once.</summary>
    private static Step[] FollowingOf(Step[] steps)
    {
        HashSet<Op> seen = [];
        return Array.FindAll(steps, step => step.Op.FollowsParameters && !step.Frozen && seen.Add(step.Owner));
    }

    /// <summary>Whether no weights that are trained are used twice.</summary>
    private static bool UsesOnce(Step[] steps)
    {
        HashSet<Op> seen = [];
        return Array.TrueForAll(steps, step => step.Frozen || seen.Add(step.Owner));
    }

    private Span<T> Rows<T>(Span<T> workspace, Slot slot, int batch) where T : unmanaged
    {
        CheckBatch(batch);
        return workspace.Slice(slot.Offset, batch * slot.Stride);
    }

    private Slot Find(Slot[] slots, Node node)
    {
        ArgumentNullException.ThrowIfNull(node);
        if (node.Graph != Graph)
        {
            GraphErrors.OtherGraph(node.Name);
        }

        if (node.Index >= slots.Length || !slots[node.Index].Exists)
        {
            GraphErrors.NoSuchNode(node.Name);
        }

        return slots[node.Index];
    }
}
