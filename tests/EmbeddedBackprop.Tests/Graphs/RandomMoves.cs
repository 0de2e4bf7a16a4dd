using EmbeddedBackprop.Activations;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Tests.Graphs;

/// <summary>
/// A graph drawn by a seed that mostly moves elements: concats of concats, slices, other shapes, dropout, between layers and element-wise ops,
/// of rows and of maps; values and inputs read several times, one to three outputs, which may be inputs.
/// </summary>
internal sealed class RandomMoves
{
    private readonly List<Node> pool = [];
    private readonly int seed;
    private RandomSequence random;

    /// <param name="seed">The graph.</param>
    /// <param name="faulty">Whether sums and products are ops that may be told to lie.</param>
    public RandomMoves(uint seed, bool faulty = false)
    {
        this.seed = (int)seed;
        random = new CounterRandom(seed, RandomPurpose.Check).Sequence(2);
        for (int i = random.NextBelow(3); i >= 0; i--)
        {
            pool.Add(Graph.Input(random.NextBelow(3) == 0 ? new Shape(2, 3, 2) : new Shape(1 + random.NextBelow(12)), $"input{i}"));
        }

        for (int i = 4 + random.NextBelow(12); i > 0; i--)
        {
            pool.Add(Grow(Any(), faulty));
        }

        HashSet<Node> outputs = [pool[^1]];
        for (int i = random.NextBelow(3); i > 0; i--)
        {
            outputs.Add(Any());
        }

        Outputs = [.. outputs];
    }

    public Graph Graph { get; } = new();

    public Node[] Outputs { get; }

    /// <summary>A prediction of one sample in compact rows, as exports have it.</summary>
    public static PlanOptions Options => new() { Layout = Layout.Compact, MovesInPlace = true };

    public Plan Plan(PlanOptions options) => EmbeddedBackprop.Graphs.Plan.ForInference(Graph, options, Outputs);

    public float[] Parameters(Plan plan) => Samples.Array(plan.ParameterLength, seed);

    /// <summary>The outputs, one after the other.</summary>
    public float[] Run(PlanOptions options)
    {
        Plan plan = Plan(options);
        float[] workspace = new float[plan.WorkspaceLength];
        HashSet<Node> read = [.. plan.Steps.ToArray().SelectMany(step => step.InputNodes), .. Outputs];
        foreach (Node input in read.Where(node => node.Op is null))
        {
            Samples.Array(input.Shape.Length, seed + input.Index + 1).CopyTo(plan.ValueSpan<float>(workspace, input, 1));
        }

        plan.Forward(new PlanMemory<float>(Parameters(plan), [], workspace), RunInfo.Single(1));
        return [.. Outputs.SelectMany(output => plan.ValueSpan<float>(workspace, output, 1)[..output.Shape.Length].ToArray())];
    }

    public override string ToString() =>
        $"seed {seed}: "
        + string.Join(", ", Graph.Nodes.Select(n => $"{n.Name} {n.Op?.Settings} {n.Shape} ({string.Join(' ', n.Inputs.Select(i => i.Name))})"))
        + $"; outputs {string.Join(' ', Outputs.Select(output => output.Name))}";

    private Node Grow(Node from, bool faulty)
    {
        Shape shape = from.Shape;
        switch (random.NextBelow(12))
        {
            case 0 or 1 or 2:
                List<Node> parts = [from], fitting = [.. pool.Where(node => Fits(node.Shape, shape) && node.Shape.Length < 60)];
                for (int i = fitting.Count == 0 ? 0 : 1 + random.NextBelow(3); i > 0; i--)
                {
                    parts.Add(fitting[random.NextBelow(fitting.Count)]);
                }

                return parts.Count == 1 ? from : Graph.Apply(new Concat(), [.. parts]);
            case 3 or 4 or 5:
                int first = random.NextBelow(shape[0]);
                return Graph.Apply(new Slice(first, 1 + random.NextBelow(shape[0] - first)), from);
            case 6:
                return shape.Rank == 3 ? Graph.Apply(new Flatten(), from)
                    : shape.Length % 6 == 0 ? Graph.Apply(new Reshape(new Shape(shape.Length / 6, 3, 2)), from)
                    : Graph.Apply(new Dropout(0.5f), from);
            case 7:
                return Graph.Apply(new Activate(Registry.Activation(random.NextBelow(3) == 0 ? "identity" : "tanh")), from);
            case 8 or 9:
                Node[] equal = [.. pool.Where(node => node.Shape == shape)];
                Node other = equal[random.NextBelow(equal.Length)];
                return Graph.Apply(faulty ? new ProductOp() : random.NextBelow(2) == 0 ? new Add() : new Multiply(), from, other);
            case 10 when shape.Rank == 3 && shape[1] > 1:
                return Graph.Apply(new MaxPool2D((2, 1), (1, 1), (0, 0)), from);
            default:
                return Graph.Apply(new Dense(1 + random.NextBelow(14), new Activation<Sigmoid>()), from);
        }
    }

    /// <summary>Whether the values can be joined along the first axis.</summary>
    private static bool Fits(Shape a, Shape b) =>
        a.Rank == b.Rank && Enumerable.Range(1, a.Rank - 1).All(axis => a[axis] == b[axis]);

    private Node Any() => pool[random.NextBelow(2) == 0 ? pool.Count - 1 : random.NextBelow(pool.Count)];
}
