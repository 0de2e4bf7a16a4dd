using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Threads;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Quantization;

/// <summary>
/// Predictions with the values of all nodes, or of some, kept. The network is not changed: recurrent layers begin each run anew. Nor may its
/// parameters and scales change between two runs of one trace: integers of weights are made once.
/// </summary>
internal sealed class PredictionTrace
{
    /// <summary>Samples of a run: few, because every value of every node is kept.</summary>
    private const int RunLength = 16;

    private readonly Network network;
    private readonly Plan plan;
    private readonly BatchFeed feed;
    private readonly float[] workspace;
    private readonly float[] state;
    private readonly float[] rows;
    private bool ran;

    /// <summary>Keeps every value that predictions need.</summary>
    public PredictionTrace(Network network)
        : this(network, NodesOf(network))
    {
    }

    /// <summary>Computes and keeps the values of some nodes.</summary>
    public PredictionTrace(Network network, IReadOnlyList<Node> nodes)
    {
        this.network = network;
        Nodes = nodes;
        PlanOptions options = network.InferencePlan.Options with { Batch = RunLength, MicroBatch = 0, Fuse = false };
        // A sample is dealt out to all inputs, read or not.
        plan = Plan.ForInference(network.Output.Graph, options, [.. Nodes, .. network.Inputs.Except(Nodes)]);
        feed = new BatchFeed([.. network.Inputs], []);
        workspace = new float[plan.WorkspaceLength];
        state = new float[plan.StateLength];
        rows = new float[RunLength * feed.InputLength];
    }

    /// <summary>The nodes whose values are kept, in the order of the graph.</summary>
    public IReadOnlyList<Node> Nodes { get; }

    /// <summary>Samples of the last run.</summary>
    public int Count { get; private set; }

    /// <summary>A node's values in the last run, one row for each sample.</summary>
    public Matrix<float> Values(Node node) =>
        new(plan.ValueSpan<float>(workspace, node, Count), Count, node.Shape.Length, plan.Stride(node));

    /// <summary>
    /// Runs over samples of a source, a few at a time, and calls <paramref name="visit"/> with the index of the first after each run.
    /// </summary>
    public void Run(IBatchSource source, ReadOnlySpan<int> samples, Action<int> visit)
    {
        feed.CheckInputs(source);
        using WorkerPool.Loan loan = WorkerPool.Lend(network.Pool);
        for (int first = 0; first < samples.Length; first += RunLength)
        {
            Count = Math.Min(RunLength, samples.Length - first);
            network.BorrowState()[..Math.Min(network.InferencePlan.StateLength, state.Length)].CopyTo(state);
            plan.ResetState<float>(state);
            feed.Gather(network.Pool, source, samples.Slice(first, Count), plan, workspace, rows);
            plan.Forward(
                new PlanMemory<float>(network.BorrowParameters(), [], workspace, state), RunInfo.Single(Count) with { Unchanged = ran },
                network.Options.Execution);
            ran = true;
            visit(first);
        }
    }

    /// <summary>The nodes that a network's predictions need, in the order of the graph.</summary>
    public static List<Node> NodesOf(Network network)
    {
        HashSet<Node> wanted = [.. network.Outputs];
        IReadOnlyList<Node> all = network.Output.Graph.Nodes;
        for (int i = all.Count - 1; i >= 0; i--)
        {
            if (wanted.Contains(all[i]))
            {
                wanted.UnionWith(all[i].Inputs);
            }
        }

        List<Node> nodes = [];
        foreach (Node node in all)
        {
            if (wanted.Contains(node))
            {
                nodes.Add(node);
            }
        }

        return nodes;
    }
}
