using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Initializers;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Kernels.Threads;
using EmbeddedBackprop.Optimizers;

namespace EmbeddedBackprop.Training;

/// <summary>How a network is compiled and trained.</summary>
public sealed record NetworkOptions
{
    /// <summary>The largest number of <see cref="Threads"/>: more are a mistake, not a wish.</summary>
    public const int MaximumThreads = WorkerPool.MaximumThreads;

    /// <summary>The most samples of one step; 32 by default.</summary>
    public int Batch { get; init; } = 32;

    /// <summary>The model's arithmetic; fused by default.</summary>
    public Arithmetic Arithmetic { get; init; } = Arithmetic.Fused;

    /// <summary>Padded rows (the default) for speed, compact rows for small memories.</summary>
    public Layout Layout { get; init; } = Layout.Padded;

    /// <summary>
    /// How parameters begin; by default as suits the activations, and <see cref="Network.Options"/> then holds the initialiser that was chosen.
    /// </summary>
    public Initializer Initializer { get; init; } = new ByActivation();

    /// <summary>Seed of the initial parameters and of everything random in training; 0 by default.</summary>
    public ulong Seed { get; init; }

    /// <summary>The vector kernels (the default), or their scalar twins: the same bits.</summary>
    public Execution Execution { get; init; } = Execution.Vector;

    /// <summary>
    /// Threads that share out blocks of results: any number gives the same bits. 0 leaves it to the plan, which takes as many as there are processors
    /// and gives a small net one; 1 is the default. More than one are ended by <see cref="Network.Dispose"/>. WebAssembly always takes one.
    /// </summary>
    public int Threads { get; init; } = 1;

    /// <summary>The optimiser, plain gradient descent (<see cref="Sgd"/>) by default; its state is part of the network's memory.</summary>
    public Optimizer Optimizer { get; init; } = new Sgd();

    /// <summary>Penalties on the size of weights; none by default.</summary>
    public Regularization Regularization { get; init; } = Regularization.None;

    /// <summary>Bounds on gradients; none by default.</summary>
    public Clipping Clipping { get; init; } = Clipping.None;

    /// <summary>
    /// Names of layers that are not trained: their parameters and running statistics stay as they are, and the backward pass ends where nothing below
    /// is trained. None by default.
    /// </summary>
    public IReadOnlyList<string> Frozen { get; init; } = [];

    /// <summary>
    /// Bytes that the network may take in all; 0, the default, for no bound. The training plan then chooses micro-batches and the values to recompute
    /// instead of keep, and says so; the bits stay the same, but where the plan says otherwise. <see cref="Network.MicroBatch"/> tells how
    /// many samples one call takes.
    /// </summary>
    public long MemoryBudget { get; init; }

    /// <summary>
    /// Bytes that the network may take at most; 0, the default, for any number. A network that takes more is refused before its memory is allocated.
    /// Unlike <see cref="MemoryBudget"/> it changes no plan.
    /// </summary>
    public long MemoryLimit { get; init; }

    /// <summary>
    /// Whether gradients have memory of their own also where the update needs none, so that they can be looked at and accumulated; under a budget the
    /// plan decides. They have by default.
    /// </summary>
    public bool KeepGradients { get; init; } = true;

    /// <summary>
    /// Whether plain gradient descent may change the weights within the backward pass, without a pass of its own: the same bits, faster. It may by
    /// default.
    /// </summary>
    public bool FuseUpdate { get; init; } = true;
}
