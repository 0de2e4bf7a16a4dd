using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Training;

/// <summary>
/// One forward and backward pass of a network with everything kept that a step usually forgets: every value, dL/da and delta of every node. For
/// diagnoses and explanations; the network is not changed. Its values are the engine's: the same kernels in the same order.
/// </summary>
internal sealed class NetworkTrace
{
    private readonly Network network;
    private readonly Plan plan;
    private readonly BatchFeed feed;
    private readonly float[] workspace;
    private readonly float[] gradients;
    private readonly float[] rows;
    private readonly Dictionary<Node, float[]> values = [];
    private readonly Dictionary<Node, float[]> outputGradients = [];
    private readonly Dictionary<Node, float[]> deltas = [];
    private readonly Dictionary<Node, GateExplanation[]> gates = [];

    /// <exception cref="InvalidOperationException">The network was compiled without a loss.</exception>
    public NetworkTrace(Network network, int batch)
    {
        if (network.TrainingPlan is null)
        {
            GraphErrors.InferenceOnly();
        }

        Plan training = network.TrainingPlan!;

        this.network = network;
        Node[] losses = [.. training.Losses];
        // Every node by itself, and everything kept: that is the purpose of a trace.
        PlanOptions options = training.Options with
        {
            Batch = batch, MicroBatch = 0, MemoryBudget = 0, Recompute = [], Fuse = false, UpdateInBackward = false,
        };
        plan = Plan.ForTraining(network.Output.Graph, options, losses, Nodes(network));
        feed = new BatchFeed([.. network.Inputs], [.. network.Targets]);
        workspace = new float[plan.WorkspaceLength];
        gradients = new float[plan.ParameterLength];
        rows = new float[batch * feed.RowLength];
    }

    /// <summary>The loss of the last run.</summary>
    public float Loss { get; private set; }

    /// <summary>Samples of the last run.</summary>
    public int Samples { get; private set; }

    /// <summary>The parameters' gradients, in the network's layout.</summary>
    public ReadOnlySpan<float> Gradients => gradients;

    /// <summary>The steps whose ops have weights or an activation, in forward order: the layers, to a reader.</summary>
    public IEnumerable<Step> Layers
    {
        get
        {
            foreach (Step step in plan.Steps.ToArray())
            {
                // The activation after a loss on logits belongs to the layer that made them.
                bool split = step.Node == network.Output && SplitActivation(step.Inputs.Length == 1 ? step.Node.Inputs[0] : null) is not null;
                if (!step.Op.IsLoss && !split && (step.Ranges.Length > 0 || step.Op is IActivated { Activation: not Activation<Identity> }))
                {
                    yield return step;
                }
            }
        }
    }

    /// <summary>Runs over samples of a source.</summary>
    public void Run(IBatchSource source, ReadOnlySpan<int> samples)
    {
        feed.CheckFits(plan, source);
        Samples = samples.Length;
        // Per-sample state is stored last and belongs to the network's own batch: here every sample begins anew.
        float[] state = new float[plan.StateLength];
        network.BorrowState()[..Math.Min(network.InferencePlan.StateLength, state.Length)].CopyTo(state);
        plan.ResetState<float>(state);
        feed.Gather(null, source, samples, plan, workspace, rows);
        RunInfo run = new(samples.Length, samples.Length, 0, Training: true, network.Options.Seed, network.StepNumber);
        PlanMemory<float> memory = new(network.BorrowParameters(), gradients, workspace, state);
        values.Clear();
        outputGradients.Clear();
        deltas.Clear();
        gates.Clear();
        foreach (Node node in network.Inputs.Concat(network.Targets))
        {
            values[node] = Read(plan.ValueSpan<float>(workspace, node, samples.Length), node);
        }

        plan.Forward(in memory, in run, network.Options.Execution);
        foreach (Node node in plan.Outputs)
        {
            values[node] = Read(plan.ValueSpan<float>(workspace, node, samples.Length), node);
        }

        Loss = plan.TotalLoss(workspace, samples.Length);
        ReadOnlySpan<Step> steps = plan.Steps;
        foreach (Step step in steps)
        {
            if (step.Op is Recurrent { GateNames.Count: > 0 } op && step.Saved.Exists)
            {
                ReadOnlySpan<float> mask = step.Node.Inputs.Length > 1 ? Value(step.Node.Inputs[1]) : [];
                gates[step.Node] = GateTrace.Read(op, workspace.AsSpan(step.Saved.Offset, step.Saved.Length), Samples, plan.Options.Layout, mask);
            }
        }

        for (int i = steps.Length - 1; i >= 0; i--)
        {
            Step step = steps[i];
            if (!step.HasBackward)
            {
                continue;
            }

            OpContext<float> context = new(in memory, in step, in run, plan.Options.Arithmetic, plan.Options.Layout, backward: true);
            if (!step.Op.IsLoss)
            {
                outputGradients[step.Node] = Read(context.OutputGradient, step.Node);
            }

            step.Op.Backward(in context);
            if (step.Op is IActivated)
            {
                // The op leaves dL/da times f'(z) there.
                deltas[step.Node] = Read(context.OutputGradient, step.Node);
            }
        }
    }

    /// <summary>The gates of a recurrent layer; empty for others.</summary>
    public GateExplanation[] Gates(Step step) => gates.GetValueOrDefault(step.Node, []);

    /// <summary>A node's value, [samples][elements of a sample].</summary>
    public float[] Value(Node node) => values[node];

    /// <summary>dL/da of a layer; empty where the loss does not depend on it.</summary>
    public float[] OutputGradient(Step step) => outputGradients.GetValueOrDefault(step.Node, []);

    /// <summary>dL/dz of a layer; where it has no activation, dL/da.</summary>
    public float[] Delta(Step step) => deltas.GetValueOrDefault(step.Node, OutputGradient(step));

    /// <summary>The layer's activation: its own, or the one that follows a loss on logits; null for none.</summary>
    public Activation? ActivationOf(Step step) => SplitActivation(step.Node) ?? (step.Op as IActivated)?.Activation;

    /// <summary>Whether the loss is written on the layer's weighted input, so that f'(z) is cancelled and no factor of delta.</summary>
    public bool CancelsSlope(Step step) => SplitActivation(step.Node) is not null;

    /// <summary>Whether a loss reads the layer.</summary>
    public bool IsJudged(Step step) => plan.Losses.Any(loss => loss.Inputs[0] == step.Node);

    /// <summary>a of a layer.</summary>
    public float[] Output(Step step) => SplitActivation(step.Node) is null ? Value(step.Node) : Value(network.Output);

    /// <summary>z of a layer; null where the op does not say how to compute it.</summary>
    public float[]? WeightedInput(Step step)
    {
        if (SplitActivation(step.Node) is not null || (step.Op is IActivated { Activation: Activation<Identity> }))
        {
            return Value(step.Node);
        }

        if (step.Op is not IActivated activated)
        {
            return null;
        }

        return activated.WithoutActivation() is { } linear ? RunAlone(linear, step) : Value(step.Node.Inputs[0]);
    }

    /// <summary>f'(z), element by element; null where there is no such thing (softmax) or z is unknown.</summary>
    public float[]? Slopes(Step step)
    {
        if (ActivationOf(step) is not { } activation || activation is Softmax || WeightedInput(step) is not { } z)
        {
            return null;
        }

        return Slopes(activation, network.Options.Arithmetic, z, Output(step));
    }

    /// <summary>f'(z) of any element-wise activation: the result of its backward pass for ones.</summary>
    public static float[] Slopes(Activation activation, Arithmetic arithmetic, float[] z, float[] a)
    {
        float[] slopes = new float[z.Length];
        Array.Fill(slopes, 1f);
        activation.Backward(arithmetic, 1, z.Length, z.Length, z, a, slopes);
        return slopes;
    }

    private Activation? SplitActivation(Node? logits) =>
        network.Output.Op is Activate { } last && logits is not null && network.Output.Inputs[0] == logits && plan.Losses[0].Inputs[0] == logits
            ? last.Activation
            : null;

    /// <summary>Runs one op by itself on the traced inputs of a step.</summary>
    private float[] RunAlone(Op op, Step step)
    {
        Graph graph = new();
        Node[] inputs = new Node[step.Node.Inputs.Length];
        for (int i = 0; i < inputs.Length; i++)
        {
            inputs[i] = graph.Input(step.Node.Inputs[i].Shape, string.Create(System.Globalization.CultureInfo.InvariantCulture, $"x{i}"));
        }

        Node output = graph.Apply(op, inputs);
        Plan alone = Plan.ForInference(graph, plan.Options with { Batch = Samples, InputGradients = false }, output);
        float[] memory = new float[alone.WorkspaceLength], parameters = new float[alone.ParameterLength], state = new float[alone.StateLength];
        alone.InitializeState<float>(state);
        for (int i = 0; i < alone.Parameters.Length; i++)
        {
            float[] compact = new float[alone.Parameters[i].Count];
            step.Ranges[i].CopyTo<float>(network.BorrowParameters(), compact);
            alone.Parameters[i].CopyFrom<float>(compact, parameters);
        }

        for (int i = 0; i < inputs.Length; i++)
        {
            Write(Value(step.Node.Inputs[i]), alone.ValueSpan<float>(memory, inputs[i], Samples), inputs[i], alone);
        }

        alone.Forward(new PlanMemory<float>(parameters, [], memory, state), RunInfo.Single(Samples), network.Options.Execution);
        return Read(alone.ValueSpan<float>(memory, output, Samples), output, alone);
    }

    private float[] Read(ReadOnlySpan<float> span, Node node) => Read(span, node, plan);

    private float[] Read(ReadOnlySpan<float> span, Node node, Plan of)
    {
        int columns = node.Shape.Length, stride = of.Stride(node);
        float[] compact = new float[Samples * columns];
        for (int sample = 0; sample < Samples; sample++)
        {
            span.Slice(sample * stride, columns).CopyTo(compact.AsSpan(sample * columns));
        }

        return compact;
    }

    private void Write(ReadOnlySpan<float> compact, Span<float> span, Node node, Plan of)
    {
        int columns = node.Shape.Length, stride = of.Stride(node);
        for (int sample = 0; sample < Samples; sample++)
        {
            compact.Slice(sample * columns, columns).CopyTo(span[(sample * stride)..]);
        }
    }

    private static Node[] Nodes(Network network)
    {
        List<Node> nodes = [];
        foreach (Plan part in (Plan[])[network.TrainingPlan!, network.InferencePlan])
        {
            foreach (Step step in part.Steps)
            {
                foreach (Node node in (Node[])[.. step.FusedNodes, step.Node])
                {
                    if (node.Op is { IsLoss: false } && !nodes.Contains(node))
                    {
                        nodes.Add(node);
                    }
                }
            }
        }

        return [.. nodes];
    }
}
