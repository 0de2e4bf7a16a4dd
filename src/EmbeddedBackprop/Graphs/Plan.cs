using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Graphs;

/// <summary>Which text of the ops a plan runs.</summary>
public enum Execution
{
    /// <summary>The SIMD kernels.</summary>
    Vector,

    /// <summary>The scalar twins, the definition of every result: the same bits, slowly.</summary>
    Scalar,
}

/// <summary>
/// A graph compiled into a list of steps over one flat parameter span and one flat workspace span. A plan is immutable, may be shared between threads,
/// and writes only to the spans it is given; running it allocates nothing.
/// </summary>
public sealed class Plan
{
    private readonly Step[] steps;
    private readonly Slot[] values;
    private readonly Slot[] valueGradients;
    private readonly ParameterRange[] parameters;
    private readonly ParameterRange[] trainedParameters;

    internal Plan(PlanBuilder builder)
    {
        Graph = builder.Graph;
        Options = builder.Options;
        Loss = builder.Loss;
        Outputs = builder.Outputs;
        steps = builder.Steps;
        values = builder.Values;
        valueGradients = builder.ValueGradients;
        parameters = builder.Parameters;
        trainedParameters = builder.TrainedParameters;
        ParameterLength = builder.ParameterLength;
        WorkspaceLength = builder.WorkspaceLength;
        WorkspaceLowerBound = builder.WorkspaceLowerBound;
        CanUpdateInBackward = Loss is not null && steps.Length == steps.DistinctBy(step => step.Op).Count();
    }

    /// <summary>The graph that was compiled.</summary>
    public Graph Graph { get; }

    /// <summary>How it was compiled.</summary>
    public PlanOptions Options { get; }

    /// <summary>The loss that training minimises; null in an inference plan.</summary>
    public Node? Loss { get; }

    /// <summary>The nodes an inference plan was asked for.</summary>
    public IReadOnlyList<Node> Outputs { get; }

    /// <summary>Floats of the parameter span, padding included.</summary>
    public int ParameterLength { get; }

    /// <summary>Trainable numbers, padding not counted.</summary>
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

    /// <summary>Floats of the workspace span.</summary>
    public int WorkspaceLength { get; }

    /// <summary>The most floats alive at one time: no plan of these steps can do with a smaller workspace.</summary>
    public int WorkspaceLowerBound { get; }

    /// <summary>The steps in forward order.</summary>
    public ReadOnlySpan<Step> Steps => steps;

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
    /// How many threads a run of a whole batch is worth: one for every four million multiply-adds, at most one for each processor. The backward pass of a
    /// training plan counts for two forward passes.
    /// </summary>
    /// <param name="processors">Processors that may be used.</param>
    public int WorthwhileThreads(int processors)
    {
        // A thread gains what it takes over, and costs about a microsecond at each of some twenty meetings of a step.
        const long PerThread = 4_000_000;
        long work = MultiplyAdds * Options.Batch * (Loss is null ? 1 : 3);
        return (int)Math.Clamp(work / PerThread, 1, Math.Max(1, processors));
    }

    /// <summary>A plan that computes the given nodes; activation memory is reused as soon as nobody reads it any more.</summary>
    /// <exception cref="ArgumentException">A node is a loss or belongs to another graph.</exception>
    public static Plan ForInference(Graph graph, PlanOptions options, params ReadOnlySpan<Node> outputs) => PlanBuilder.Inference(graph, options, outputs);

    /// <summary>A plan that computes a loss and the gradients of all parameters it depends on; it keeps what the backward pass reads.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="options">Batch, arithmetic, layout.</param>
    /// <param name="loss">The loss.</param>
    /// <param name="outputs">Nodes whose values the caller wants to read after the forward pass (for example the prediction).</param>
    /// <exception cref="ArgumentException">The node is no loss, or nothing in the graph can be trained.</exception>
    public static Plan ForTraining(Graph graph, PlanOptions options, Node loss, params ReadOnlySpan<Node> outputs) =>
        PlanBuilder.Training(graph, options, loss, outputs);

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

    /// <summary>The tensors that the backward pass writes a gradient for: those the loss depends on.</summary>
    internal ReadOnlySpan<ParameterRange> TrainedParameters => trainedParameters;

    /// <summary>The loss's 16 partial sums, which its Value folds.</summary>
    internal Span<T> LossParts<T>(Span<T> workspace) where T : unmanaged
    {
        Slot slot = values[Loss!.Index];
        return workspace.Slice(slot.Offset, slot.Length);
    }

    /// <summary>Runs all steps forwards.</summary>
    /// <exception cref="ArgumentException">A span is too short or the batch too large.</exception>
    public void Forward(in PlanMemory<float> memory, in RunInfo run, Execution execution = Execution.Vector)
    {
        Check(in memory, in run, backward: false);
        foreach (Step step in steps)
        {
            OpContext<float> context = new(in memory, step, in run, Options.Arithmetic, Options.Layout, backward: false);
            if (execution == Execution.Vector)
            {
                step.Op.Forward(in context);
            }
            else
            {
                step.Op.ForwardScalar(in context);
            }
        }
    }

    /// <summary>Runs all steps backwards after a forward pass over the same batch: fills the gradient span.</summary>
    /// <exception cref="ArgumentException">A span is too short or the batch too large.</exception>
    public void Backward(in PlanMemory<float> memory, in RunInfo run, Execution execution = Execution.Vector)
    {
        Check(in memory, in run, backward: true);
        for (int i = steps.Length - 1; i >= 0; i--)
        {
            Step step = steps[i];
            if (!step.HasBackward)
            {
                continue;
            }

            OpContext<float> context = new(in memory, step, in run, Options.Arithmetic, Options.Layout, backward: true);
            if (execution == Execution.Vector)
            {
                step.Op.Backward(in context);
            }
            else
            {
                step.Op.BackwardScalar(in context);
            }
        }
    }

    /// <summary>
    /// Whether <see cref="BackwardAndUpdate"/> can be used: every op is used once, so that no weights change while a gradient still depends on them.
    /// </summary>
    public bool CanUpdateInBackward { get; }

    /// <summary>Runs all steps backwards and changes the parameters by plain gradient descent on the way: the bits of a backward pass and an update.</summary>
    /// <returns>Whether all gradients were finite; if not, the parameters are lost.</returns>
    /// <exception cref="InvalidOperationException">An op is used twice, or the run is only a part of its logical batch.</exception>
    public bool BackwardAndUpdate(in PlanMemory<float> memory, in RunInfo run, in SgdUpdate update)
    {
        Check(in memory, in run, backward: true);
        if (!CanUpdateInBackward)
        {
            Errors.SharedWeights();
        }

        if (run.LogicalBatch != run.Batch)
        {
            Errors.PartOfBatch(run.Batch, run.LogicalBatch);
        }

        bool finite = true;
        for (int i = steps.Length - 1; i >= 0; i--)
        {
            if (steps[i].HasBackward)
            {
                OpContext<float> context = new(in memory, steps[i], in run, Options.Arithmetic, Options.Layout, backward: true);
                finite &= steps[i].Op.BackwardAndUpdate(in context, in update);
            }
        }

        return finite;
    }

    /// <summary>The forward pass in double, by the scalar twins: the oracle.</summary>
    public void Forward(in PlanMemory<double> memory, in RunInfo run)
    {
        Check(in memory, in run, backward: false);
        foreach (Step step in steps)
        {
            OpContext<double> context = new(in memory, step, in run, Options.Arithmetic, Options.Layout, backward: false);
            step.Op.ForwardScalar(in context);
        }
    }

    /// <summary>The backward pass in double, by the scalar twins: the oracle.</summary>
    public void Backward(in PlanMemory<double> memory, in RunInfo run)
    {
        Check(in memory, in run, backward: true);
        for (int i = steps.Length - 1; i >= 0; i--)
        {
            if (steps[i].HasBackward)
            {
                OpContext<double> context = new(in memory, steps[i], in run, Options.Arithmetic, Options.Layout, backward: true);
                steps[i].Op.BackwardScalar(in context);
            }
        }
    }

    /// <summary>The memory table: step, op, shape, offsets and bytes.</summary>
    public override string ToString() => PlanTable.Format(this);

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
            Errors.OtherGraph(node.Name);
        }

        if (node.Index >= slots.Length || !slots[node.Index].Exists)
        {
            Errors.NoSuchNode(node.Name);
        }

        return slots[node.Index];
    }

    private void CheckBatch(int batch)
    {
        if (batch < 1 || batch > Options.Batch)
        {
            Errors.BatchTooLarge(Options.Batch, batch);
        }
    }

    private void Check<T>(in PlanMemory<T> memory, in RunInfo run, bool backward) where T : unmanaged
    {
        if (Options.EndsByReference)
        {
            Errors.NotRunnable();
        }

        if (backward && Loss is null)
        {
            Errors.InferenceOnly();
        }

        CheckBatch(run.Batch);
        if (run.SampleOffset < 0 || run.LogicalBatch - run.Batch < run.SampleOffset)
        {
            Errors.RunOutOfRange(run.Batch, run.SampleOffset, run.LogicalBatch);
        }

        if (memory.Parameters.Length < ParameterLength)
        {
            Errors.MemoryTooSmall("parameters", ParameterLength, memory.Parameters.Length);
        }

        if (memory.Workspace.Length < WorkspaceLength)
        {
            Errors.MemoryTooSmall("workspace", WorkspaceLength, memory.Workspace.Length);
        }

        if (backward && memory.Gradients.Length < ParameterLength)
        {
            Errors.MemoryTooSmall("gradients", ParameterLength, memory.Gradients.Length);
        }
    }
}
