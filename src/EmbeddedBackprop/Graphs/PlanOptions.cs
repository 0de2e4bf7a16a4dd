using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Graphs;

/// <summary>How a graph is compiled.</summary>
public sealed record PlanOptions
{
    /// <summary>The most samples over which a training step goes; 1 by default.</summary>
    public int Batch { get; init; } = 1;

    /// <summary>
    /// The most samples of one run, if the batch is to be run in parts (micro-batches), which saves memory and gives the same bits; 0, the default,
    /// for the whole batch.
    /// </summary>
    public int MicroBatch { get; init; }

    /// <summary>
    /// Nodes whose values a training plan does not keep for the backward pass, but computes again, where that is possible: less memory, more time,
    /// the same bits. None by default.
    /// </summary>
    public IReadOnlyList<Node> Recompute { get; init; } = [];

    /// <summary>
    /// Whether neighbouring nodes may become one step (a layer and its activation): the same bits, less memory and time; they may by default.
    /// </summary>
    public bool Fuse { get; init; } = true;

    /// <summary>
    /// Whether a training plan can do without a span for gradients, because only <see cref="Plan.BackwardAndUpdate"/> is called: gradients then live
    /// as long as it takes to apply them. Not by default.
    /// </summary>
    public bool UpdateInBackward { get; init; }

    /// <summary>The model's arithmetic: fused by default; separate for a target that has no fused multiply-add.</summary>
    public Arithmetic Arithmetic { get; init; } = Arithmetic.Fused;

    /// <summary>Padded rows (the default) for speed, compact rows for small memories.</summary>
    public Layout Layout { get; init; } = Layout.Padded;

    /// <summary>Whether the gradients of the graph's inputs are wanted, too; by default they are not.</summary>
    public bool InputGradients { get; init; }

    /// <summary>
    /// Bytes that a training may take in all: parameters, gradients, the optimiser's and the ops' state, workspace; 0, the default, for no bound. The
    /// plan then chooses whether the update is fused (where <see cref="UpdateInBackward"/> allows it), the micro-batch, and the recomputed steps; it
    /// reports its choice.
    /// </summary>
    public long MemoryBudget { get; init; }

    /// <summary>
    /// Names of layers whose parameters stay as they are: they run as in a prediction (batch normalisation by its running statistics), and the
    /// backward pass ends above those with nothing trained below them. None by default.
    /// </summary>
    public IReadOnlyList<string> Frozen { get; init; } = [];

    /// <summary>Floats of the optimiser's state: part of a training's memory; 0 by default.</summary>
    public int OptimizerStateLength { get; init; }

    /// <summary>Floats for each sample of a run that a network needs besides the plan, to split rows of data.</summary>
    internal int RowLength { get; init; }

    /// <summary>Orders of placing that the planner tries before it is content with gaps; fewer where many plans are compared.</summary>
    internal int PlacementTries { get; init; } = 1000;

    /// <summary>Whether a prediction's plan leaves out memory that only saves time: copies that ops keep from one prediction to the next.</summary>
    internal bool SavesMemory { get; init; }

    /// <summary>
    /// Whether the graph's inputs and outputs lie in the caller's memory instead of the workspace, as in the exported C, which reads its input
    /// by reference. Such a plan is printed and exported; it cannot be run. Not by default.
    /// </summary>
    public bool InputsAndOutputsByReference { get; init; }

    /// <summary>
    /// Whether values that an op only moves (concat, slice, reshape, flatten) share memory with what they are made of, so that nothing is copied: a
    /// concat is written by those that compute its parts. For runs of one sample in compact rows; elsewhere it changes nothing.
    /// </summary>
    internal bool MovesInPlace { get; init; }

    /// <summary>
    /// Whether, of inputs and outputs by reference, the inputs lie in the workspace after all, and later values may overwrite them.
    /// </summary>
    internal bool InputsInWorkspace { get; init; }

    /// <summary>
    /// Whether an inference plan makes one step of a convolution and of what may run in its loops (<see cref="Op.JoinsBlock"/>): the maps in between
    /// have no memory. Such a plan is exported; it cannot be run.
    /// </summary>
    internal bool Blocks { get; init; }

    /// <summary>
    /// Nodes whose values the caller hands in though an op makes them, as if they were inputs of the graph: the integers that exported C begins with.
    /// </summary>
    internal IReadOnlyList<Node> Given { get; init; } = [];

    /// <summary>Whether the caller hands in a node's value.</summary>
    internal bool IsGiven(Node node) => node.Op is null || Given.Has(node);

    /// <summary>The old name of <see cref="InputsAndOutputsByReference"/>.</summary>
    [Obsolete("Use InputsAndOutputsByReference.")]
    public bool EndsByReference
    {
        get => InputsAndOutputsByReference;
        init => InputsAndOutputsByReference = value;
    }
}
