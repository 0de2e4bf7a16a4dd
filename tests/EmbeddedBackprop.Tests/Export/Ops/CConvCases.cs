using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Export;
using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Kernels.Elements;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Export;

/// <summary>Networks of convolutions, pooling and normalisation whose exported training is compared with the engine's.</summary>
internal static class CConvCases
{
    private static readonly Activation[] Activations =
    [
        new Activation<Identity>(),
        new Activation<Tanh>(),
        new Activation<Gelu>(),
        new Activation<Relu>(),
        new Activation<Silu>(),
        new Activation<LeakyRelu>(),
    ];

    /// <summary>The maximum of every map.</summary>
    public static Op GlobalMaximum() => new GlobalMaxPool();

    /// <summary>
    /// Each op at sizes and options drawn by a seed: as the first layer, after a trained one, and as one of several readers of a node, so that
    /// gradients of inputs are missing, written and continued; and some ops used twice.
    /// </summary>
    public static IEnumerable<CTrainingCase> Ops(int seed)
    {
        Random random = new(seed);
        foreach (bool image in (bool[])[true, false])
        {
            foreach (string kind in Kinds(image))
            {
                int drawn = random.Next();
                CTrainingCase Case(string name, Func<Random, Graph, (Node[], Node[])> make) => new($"{kind} {name}",
                    graph => make(new Random(drawn), graph))
                {
                    Arithmetic = drawn % 5 < 3 ? Arithmetic.Fused : Arithmetic.Separate,
                    Batch = kind == "batchnorm" ? 2 + (drawn % 3) : 1 + (drawn % 3 / 2 * 2), Updates = 12, LearningRate = 0.05f,
                };
                yield return Case(image ? "first" : "first of a signal",
                    (draw, graph) => End(graph, [Apply(draw, graph, kind, Input(draw, graph, image))]));
                yield return Case("in the middle", (draw, graph) =>
                {
                    Node below = Trained(draw, graph, image);
                    return End(graph, [Apply(draw, graph, kind, below)]);
                }) with { Batch = 1, Updates = 100 };
                yield return Case("beside others", (draw, graph) =>
                {
                    Node below = Trained(draw, graph, image);
                    return End(graph,
                        [Apply(draw, graph, kind, below), Apply(draw, graph, kind, below), graph.Apply(new Activate(new Activation<Tanh>()), below)]);
                }) with { Accumulate = kind == "batchnorm" ? 1 : 2 };
                if (kind is "conv" or "conv1d" or "conv-transpose" or "batchnorm" or "layernorm")
                {
                    yield return Case("frozen",
                        (draw, graph) => End(graph, [Apply(draw, graph, kind, Trained(draw, graph, image), "frozen")])) with { Frozen = ["frozen"] };
                    yield return Case("frozen beside another", (draw, graph) =>
                    {
                        Node below = Trained(draw, graph, image);
                        return End(graph, [Apply(draw, graph, kind, below, "frozen"), graph.Apply(new Activate(new Activation<Tanh>()), below)]);
                    }) with { Frozen = ["frozen"], Batch = 2 };
                }
            }
        }

        // What NAME_predict runs in the loops of a convolution, by statistics that training has moved.
        yield return new CTrainingCase("conv in a block", graph =>
        {
            Node below = graph.Apply(new Conv2D(2, 3, 3, new Activation<Identity>(), Same), graph.Input(new Shape(2, 7, 9)));
            below = graph.Apply(new MaxPool2D(2), graph.Apply(new Activate(new Activation<Relu>()), graph.Apply(new BatchNorm(), below)));
            below = graph.Apply(new BatchNorm(), graph.Apply(new Conv2D(4, 2, 2, new Activation<Tanh>()), below));
            return End(graph, [graph.Apply(new AveragePool2D(2), below)]);
        }) { Batch = 2, Updates = 8 };

        foreach (
            Func<Op> make in (Func<Op>[])
                [
                    () => new Conv2D(3, 3, 3, new Activation<Tanh>(), Same),
                    () => new ConvTranspose2D(3, 3, 3, new Activation<Tanh>(), Padded),
                    () => new BatchNorm(),
                    () => new LayerNorm(),
                ])
        {
            yield return new CTrainingCase(make().Kind + " used twice", graph =>
            {
                Op op = make();
                Node below = graph.Apply(new Conv2D(3, 1, 1, new Activation<Tanh>()), graph.Input(new Shape(2, 5, 5)));
                return End(graph, [graph.Apply(op, graph.Apply(op, below))]);
            }) { Batch = 3, Updates = 8 };
        }

        // The choice among equal values decides about the order of the sums below.
        foreach (Func<Op> make in (Func<Op>[])[() => new MaxPool2D((3, 3), (1, 1), (0, 0)), GlobalMaximum])
        {
            yield return new CTrainingCase(make().Kind + " of equal numbers", graph =>
                End(graph, [graph.Apply(make(), graph.Apply(new Conv2D(3, 1, 1, new Activation<Tanh>()), graph.Input(new Shape(1, 8, 7), "bits")))]));
        }

        yield return Digits() with { Name = "digits with L2", Regularization = new Regularization { L2 = 0.001f }, Updates = 3, Batch = 2 };
        yield return Digits() with { Regularization = new Regularization { L2 = 0.01f }, Arithmetic = Arithmetic.Separate, Updates = 3 };
    }

    /// <summary>The small net for 28 x 28 pixels.</summary>
    public static CTrainingCase Digits() => new("digits", graph =>
    {
        ConvOptions half = new() { StrideX = 2, StrideY = 2 };
        Node x = graph.Input(new Shape(1, 28, 28), "x");
        Node y = graph.Apply(new Conv2D(8, 3, 3, new Activation<Relu>(), half), graph.Apply(new Conv2D(4, 3, 3, new Activation<Relu>(), half), x));
        Node output = graph.Apply(new Dense(10, new Activation<Identity>()), y);
        return ([output], [graph.Apply(new SoftmaxCrossEntropy(), [output, graph.Input(new Shape(10), "onehot")])]);
    }) { LearningRate = 0.01f };

    /// <summary>A chain of two to five ops on an image or a signal, at times with a second reader of a node.</summary>
    public static CTrainingCase Random(int seed)
    {
        Random random = new(seed);
        int depth = random.Next(2, 6), updates = random.Next(2, 9);
        bool image = random.Next(3) > 0, second = random.Next(2) == 0;
        string[] chosen = [.. Enumerable.Range(0, depth).Select(_ => Kinds(image)[random.Next(Kinds(image).Length)])];
        int drawn = random.Next();
        return new CTrainingCase($"seed {seed}: {string.Join(", ", chosen)}", graph =>
        {
            Random draw = new(drawn);
            Node node = Input(draw, graph, image);
            List<Node> ends = [];
            foreach (string kind in chosen)
            {
                // A global pool leaves no positions; a layer of its own ends its branch.
                Node next = Apply(draw, graph, kind, node);
                if (next.Shape.Rank < node.Shape.Rank || next.Shape[next.Shape.Rank - 1] < 4 || (image && next.Shape[1] < 4))
                {
                    ends.Add(next);
                    continue;
                }

                if (second && draw.Next(2) == 0)
                {
                    ends.Add(node);
                }

                node = next;
            }

            return End(graph, [.. ends.Append(node).Distinct()]);
        })
        {
            Arithmetic = random.Next(2) == 0 ? Arithmetic.Fused : Arithmetic.Separate,
            Batch = random.Next(1, 4),
            Accumulate = chosen.Contains("batchnorm") ? 1 : random.Next(1, 3),
            Updates = updates,
            LearningRate = 0.02f,
        };
    }

    private static ConvOptions Same => new() { Padding = ConvPadding.Same };

    private static ConvOptions Padded => new() { PaddingY = 1, PaddingX = 1 };

    private static string[] Kinds(bool image) => image
        ? ["conv", "conv-transpose", "maxpool", "avgpool", "global-avgpool", "global-maxpool", "batchnorm", "layernorm"]
        : ["conv1d", "maxpool1d", "avgpool1d", "global-avgpool", "global-maxpool", "batchnorm", "layernorm"];

    private static Node Input(Random draw, Graph graph, bool image) =>
        graph.Input(image ? new Shape(draw.Next(1, 5), draw.Next(6, 9), draw.Next(6, 9)) : new Shape(draw.Next(1, 5), draw.Next(12, 25)));

    /// <summary>A node whose gradient is wanted.</summary>
    private static Node Trained(Random draw, Graph graph, bool image) =>
        graph.Apply(
            image ? new Conv2D(draw.Next(1, 5), 1, 1, new Activation<Tanh>()) : new Conv1D(draw.Next(1, 5), 1, new Activation<Tanh>()),
            Input(draw, graph, image),
            "below");

    private static Node Apply(Random draw, Graph graph, string kind, Node x, string? name = null)
    {
        int Draw(int least, int most) => draw.Next(least, most + 1);
        int channels = x.Shape[0], groups = channels % 2 == 0 ? Draw(1, 2) : channels % 3 == 0 && Draw(0, 1) == 0 ? 3 : 1;
        Activation f = Activations[Draw(0, Activations.Length - 1)];
        ConvOptions options = new()
        {
            StrideY = Draw(1, 2),
            StrideX = Draw(1, 3),
            PaddingY = Draw(0, 2),
            PaddingX = Draw(0, 2),
            DilationY = Draw(1, 2),
            DilationX = Draw(1, 2),
            Groups = groups,
        };
        (int, int) window = (Draw(2, 3), Draw(2, 4)), stride = (Draw(1, 3), Draw(1, 3)), padding = (Draw(0, 1), Draw(0, 1));
        return graph.Apply(kind switch
        {
            "conv" => new Conv2D(groups * Draw(1, 2), Draw(1, 3), Draw(1, 3), f, options),
            "conv1d" => new Conv1D(
                groups * Draw(1, 3), Draw(1, 4), f,
                    new ConvOptions { Padding = (ConvPadding)Draw(0, 2), StrideX = Draw(1, 3), DilationX = Draw(1, 2), Groups = groups }),
            "conv-transpose" => new ConvTranspose2D(groups * Draw(1, 2), Draw(1, 3), Draw(1, 3), f, options with
            {
                OutputPaddingY = options.StrideY - 1, OutputPaddingX = options.StrideX - 1, PaddingY = Draw(0, 1), PaddingX = Draw(0, 1),
            }),
            "maxpool" => new MaxPool2D(window, stride, padding),
            "avgpool" => new AveragePool2D(window, stride, padding) { CountIncludePad = Draw(0, 1) == 0 },
            "maxpool1d" => new MaxPool1D(Draw(2, 4), Draw(1, 3), Draw(0, 1)),
            "avgpool1d" => new AveragePool1D(Draw(2, 4), Draw(1, 3), Draw(0, 1)) { CountIncludePad = Draw(0, 1) == 0 },
            "global-avgpool" => new GlobalAveragePool(),
            "global-maxpool" => new GlobalMaxPool(),
            "batchnorm" => new BatchNorm { Momentum = Draw(0, 1) == 0 ? 0.1f : 0.25f, Epsilon = Draw(0, 1) == 0 ? 1e-5f : 0.01f },
            _ => new LayerNorm { WholeSample = Draw(0, 1) == 0, Epsilon = Draw(0, 1) == 0 ? 1e-5f : 0.01f },
        }, x, name);
    }

    /// <summary>Ends every branch with a dense layer and a loss.</summary>
    private static (Node[] Outputs, Node[] Losses) End(Graph graph, Node[] branches)
    {
        Node[] outputs = [.. branches.Select(branch => graph.Apply(new Dense(2, new Activation<Tanh>()), branch))];
        return (
            outputs,
            [.. outputs.Select((output, i) => graph.Apply(new Loss<Quadratic>(), [output, graph.Input(new Shape(2), "target" + CText.Number(i))]))]);
    }
}
