using EmbeddedBackprop.Activations;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Tests.Graphs;

/// <summary>
/// A graph drawn by a seed: dense layers of awkward widths, activations as ops, sums and products of nodes, convolutions and poolings, recurrent
/// layers, normalisations, dropout, outputs read several times, weights used several times, up to two inputs, one to three losses of every kind. With
/// its parameters, inputs and batch.
/// </summary>
internal sealed class RandomNetwork
{
    private static readonly int[] Widths = [1, 1, 2, 3, 5, 7, 15, 16, 17, 31, 32, 33, 48, 67];

    private readonly List<(Node Node, bool Trained)> pool = [];
    private readonly List<Dense> layers = [];
    private readonly bool faulty;
    private RandomSequence random;

    public RandomNetwork(uint seed, bool faulty = false)
    {
        this.faulty = faulty;
        random = new CounterRandom(seed, RandomPurpose.Check).Sequence(1);
        Batch = 1 + random.NextBelow(random.NextBelow(4) == 0 ? 40 : 8);
        PlannedBatch = Batch + random.NextBelow(3);
        Arithmetic = random.NextBelow(2) == 0 ? Arithmetic.Fused : Arithmetic.Separate;
        InputGradients = random.NextBelow(3) == 0;
        for (int i = random.NextBelow(2); i >= 0; i--)
        {
            pool.Add((Graph.Input(new Shape(Widths[random.NextBelow(Widths.Length)]), $"input{i}"), false));
        }

        for (int i = 1 + random.NextBelow(8); i > 0; i--)
        {
            Grow();
        }

        Node prediction = Any();
        if (!pool.Single(entry => entry.Node == prediction).Trained || random.NextBelow(2) == 0)
        {
            prediction = AddDense(prediction);
        }

        AddLoss(prediction);
        // Some nodes lead nowhere, or only to values that the caller reads.
        Prediction = prediction;
        Watched = random.NextBelow(2) == 0 ? [prediction] : [prediction, Any()];
        Seed = (int)seed;
        Losses.Add(Loss);
        if (random.NextBelow(3) == 0)
        {
            // Further losses, also on nodes that are judged already or cannot be trained.
            for (int i = 1 + random.NextBelow(2); i > 0; i--)
            {
                Node judged = random.NextBelow(3) == 0 ? prediction : Any();
                Losses.Add(Graph.Apply(new Loss<Huber> { Weight = 0.25f * random.NextBelow(8) }, judged, Graph.Input(judged.Shape, $"target{i}")));
            }
        }

        foreach (Node node in Graph.Nodes.Where(node => node.Op is null && node != Target))
        {
            Inputs[node] = Samples.Array(Batch * node.Shape.Length, Seed + node.Name.Length + (node.Shape.Length * 7));
        }

        Inputs[Target] = Targets();
    }

    public Graph Graph { get; } = new();

    public Node Loss { get; private set; } = null!;

    public List<Node> Losses { get; } = [];

    public Node Prediction { get; }

    public Node Target { get; private set; } = null!;

    public Node[] Watched { get; }

    public Dictionary<Node, float[]> Inputs { get; } = [];

    public int Batch { get; }

    public int PlannedBatch { get; }

    public Arithmetic Arithmetic { get; }

    public bool InputGradients { get; }

    /// <summary>Whether a prediction is computed otherwise than in training (dropout, batch normalisation).</summary>
    public bool DiffersInTraining { get; private set; }

    private int Seed { get; }

    public PlanOptions Options(Layout layout) =>
        new()
        {
            Batch = PlannedBatch,
            Arithmetic = Arithmetic,
            Layout = layout,
            InputGradients = InputGradients,
        };

    /// <summary>The parameters in a plan's layout; padding is 0, as a network keeps it.</summary>
    public float[] Parameters(Plan plan)
    {
        float[] parameters = new float[plan.ParameterLength];
        for (int i = 0; i < plan.Parameters.Length; i++)
        {
            ParameterRange range = plan.Parameters[i];
            float[] compact = Samples.Array(range.Count, (Seed * 100) + i);
            float scale = MathF.Min(1f, 2f / MathF.Sqrt(range.FanIn));
            for (int k = 0; k < compact.Length; k++)
            {
                compact[k] *= scale;
            }

            range.CopyFrom<float>(compact, parameters);
        }

        return parameters;
    }

    public override string ToString() =>
        $"seed {Seed}, batch {Batch} of {PlannedBatch}, {Arithmetic}: "
        + string.Join(", ", Graph.Nodes.Select(n => $"{n.Name} {n.Op?.Detail} {n.Shape} ({string.Join(' ', n.Inputs.Select(i => i.Name))})"));

    private void Grow()
    {
        Node from = Any();
        switch (random.NextBelow(faulty ? 7 : 14))
        {
            case 0:
                // Every second time after a linear layer of its own, as the planner fuses them.
                Add(new Activate(AnyActivation()), random.NextBelow(2) == 0 ? AddDense(from, new Activation<Identity>()) : from);
                break;
            case 1 when Partner(from) is { } other:
                Add(faulty ? new ProductOp(lies: true) : new SumOp(), from, other);
                break;
            case 2 when Partner(from) is { } other:
                Add(new ProductOp(faulty), from, other);
                break;
            case 3 when layers.Find(layer => layer.Inputs == from.Shape.Length) is { } shared:
                Add(shared, from);
                break;
            case 7 when Partner(from) is { } other:
                Add(new Add(AnyActivation()), random.NextBelow(2) == 0 ? [from, other] : [from, other, Partner(from)!]);
                break;
            case 8 when Partner(from) is { } other:
                Add(random.NextBelow(2) == 0 ? new Multiply() : new Subtract(), from, other);
                break;
            case 9 when from.Shape.Rank == 1 && Any() is { Shape.Rank: 1 } other:
                Node both = Add(new Concat(), from, other);
                if (random.NextBelow(2) == 0)
                {
                    Add(new Slice(1, both.Shape.Length - 1), both);
                }

                break;
            case 10:
                DiffersInTraining = true;
                Add(new Dropout(0.3f), from);
                break;
            case 11 when from.Shape.Length >= 5:
                if (random.NextBelow(2) == 0 && Batch >= 5)
                {
                    DiffersInTraining = true;
                    Add(new BatchNorm(), from);
                }
                else
                {
                    Add(new LayerNorm(), from);
                }

                break;
            case 12:
                AddImages(from);
                break;
            case 13:
                AddSequence(from);
                break;
            default:
                AddDense(from);
                break;
        }
    }

    /// <summary>A layer, its outputs as an image of two channels, a convolution, a pooling, and a row again.</summary>
    private void AddImages(Node from)
    {
        Node image = Add(new Reshape(new Shape(2, 5, 4)), Add(new Dense(40, AnyActivation()), from));
        Activation f = random.NextBelow(2) == 0 ? new Activation<Identity>() : AnyActivation();
        Node maps = Add(new Conv2D(3, 3, 2, f, new ConvOptions { PaddingY = random.NextBelow(2), StrideX = 1 + random.NextBelow(2) }), image);
        maps = random.NextBelow(2) == 0 ? Add(new Activate(AnyActivation()), maps) : maps;
        Node small = random.NextBelow(3) switch
        {
            0 => Add(new MaxPool2D((2, 1)), maps),
            1 => Add(new AveragePool2D((2, 1)), maps),
            _ => maps,
        };
        Add(new Flatten(), small);
    }

    /// <summary>A layer, its outputs as a sequence of three steps, a recurrent layer.</summary>
    private void AddSequence(Node from)
    {
        Node sequence = Add(new Reshape(new Shape(3, 4)), Add(new Dense(12, AnyActivation()), from));
        RecurrentOptions options = new() { AllSteps = random.NextBelow(2) == 0 };
        Node states = Add(random.NextBelow(2) == 0 ? new Gru(5, options) : new Lstm(5, options), sequence);
        if (options.AllSteps)
        {
            Add(new Flatten(), states);
        }
    }

    private Node AddDense(Node from, Activation? activation = null)
    {
        // One in three fits onto what is there, so that sums, products and shared layers find partners.
        int outputs = random.NextBelow(3) == 0 ? Any().Shape.Length : Widths[random.NextBelow(Widths.Length)];
        Dense layer = new(outputs, activation ?? AnyActivation());
        layers.Add(layer);
        return Add(layer, from);
    }

    private Node Add(Op op, params Node[] inputs)
    {
        bool trained =
            op is Dense or Convolution or LayerNorm or BatchNorm or Recurrent
            || inputs.Any(input => pool.Single(entry => entry.Node == input).Trained);
        Node node = Graph.Apply(op, inputs);
        pool.Add((node, trained));
        return node;
    }

    private void AddLoss(Node prediction)
    {
        int kind = random.NextBelow(7);
        bool probabilities = prediction.Op?.Detail is "sigmoid" or "softmax";
        Loss loss = kind switch
        {
            0 => new Loss<Quadratic>(),
            1 => new Loss<MeanSquared>(),
            2 => new Loss<MeanAbsolute>(),
            3 => new Loss<Huber>(),
            4 => probabilities ? new Loss<BinaryCrossEntropy>() : new Loss<BinaryCrossEntropyWithLogits>(),
            _ => new SoftmaxCrossEntropy(),
        };
        Target = Graph.Input(kind == 6 && prediction.Shape.Length > 1 ? new Shape(1) : prediction.Shape, "target");
        Loss = Graph.Apply(loss, prediction, Target, "loss");
    }

    private float[] Targets()
    {
        float[] targets = Samples.Array(Batch * Target.Shape.Length, Seed + 5);
        for (int i = 0; i < targets.Length; i++)
        {
            targets[i] = Loss.Op is SoftmaxCrossEntropy { IndexTarget: true }
                ? MathF.Floor(MathF.Abs(targets[i]) * 0.999f * Prediction.Shape.Length)
                : MathF.Abs(targets[i]);
        }

        return targets;
    }

    // Mostly the last node made, so that nets are deep; otherwise anything, so that outputs are read twice.
    private Node Any() => pool[random.NextBelow(2) == 0 ? pool.Count - 1 : random.NextBelow(pool.Count)].Node;

    private Node? Partner(Node node)
    {
        List<Node> partners = [.. pool.Select(entry => entry.Node).Where(other => other.Shape == node.Shape)];
        return partners[random.NextBelow(partners.Count)];
    }

    private Activation AnyActivation() => Registry.Activation(Registry.ActivationNames[random.NextBelow(Registry.ActivationNames.Count)]);
}
