using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Export;
using EmbeddedBackprop.Kernels.Integers;
using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Ops.Integer;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Export;

/// <summary>Small networks on integers with drawn weights and scales, at odd sizes, which together reach every routine of the C.</summary>
internal static class CIntegerNets
{
    /// <summary>A program that predicts the floats of in.bin by net_predict and writes out.bin.</summary>
    public const string FloatDriver = """
        #include <stdio.h>
        #include "net_float.h"

        #ifdef NET_INPUTS_MASK
        #define INPUTS (NET_INPUTS_QUANTIZE1 + NET_INPUTS_MASK)
        #define INPUT input, &input[NET_INPUTS_QUANTIZE1]
        #else
        #define INPUTS NET_INPUTS
        #define INPUT input
        #endif

        static float input[INPUTS], output[NET_OUTPUTS];
        static net_float_memory memory;
        #ifdef NET_STATE_INTEGERS
        static int16_t state[NET_STATE_INTEGERS];
        #define MEMORY &memory, state
        #else
        #define MEMORY &memory
        #endif

        int main(void)
        {
            FILE *in = fopen("in.bin", "rb");
            FILE *out = fopen("out.bin", "wb");
            if (in == NULL || out == NULL) {
                return 100;
            }
            while (fread(input, sizeof *input, INPUTS, in) == INPUTS) {
                net_predict(INPUT, output, MEMORY);
                if (fwrite(output, sizeof *output, NET_OUTPUTS, out) != NET_OUTPUTS) {
                    return 101;
                }
            }
            return fclose(out) != 0 || fclose(in) != 0 ? 102 : 0;
        }

        """;

    /// <summary>The indices of rows that the network "tokens" takes.</summary>
    public const int Tokens = 11;

    // Inputs of 0 bits are indices.
    private static readonly (string Name, Shape Shape, int Bits, Func<Graph, Node, Node> Build)[] All =
    [
        ("dense", new Shape(37), 8, (g, x) => g.Apply(Dense(10, 16), g.Apply(Dense(13, 8, new Activation<Sigmoid>()), x))),
        (
            "tables", new Shape(13), 8,
            (g, x) => g.Apply(
                Dense(3, 16, new Activation<Gelu>()),
                g.Apply(Dense(7, 16, new Activation<Relu>()), g.Apply(Dense(9, 8, new Activation<Gelu>()), x)))
        ),
        ("wide", new Shape(13), 16, (g, x) => g.Apply(Dense(5, 8, new Activation<Relu6>()), g.Apply(Dense(6, 16, new Activation<Sigmoid>()), x))),
        (
            "pooled", new Shape(1, 13, 11), 8,
            (g, x) => g.Apply(
                Dense(10, 16),
                g.Apply(
                    new Flatten(),
                    g.Apply(new MaxPool2D(2), g.Apply(Conv(6, 3, 3, 8, "p1"), g.Apply(new MaxPool2D(2), g.Apply(Conv(5, 3, 3, 8, "p1"), x))))))
        ),
        ("depthwise", new Shape(4, 7, 6), 8, (g, x) => g.Apply(Conv(8, 1, 1, 8, ""), g.Apply(Conv(4, 3, 3, 8, "p1 g4"), x))),
        (
            "convolutions", new Shape(3, 9, 7), 8,
            (g, x) => g.Apply(
                Conv(4, 2, 3, 16, "d2 p2"),
                g.Apply(Conv(6, 1, 1, 8, ""), g.Apply(Conv(6, 3, 3, 8, "g3 p1"), g.Apply(Conv(3, 3, 3, 16, "s2 p2"), x))))
        ),
        (
            "tiles", new Shape(4, 9, 8), 16,
            (g, x) => g.Apply(
                Conv(3, 1, 2, 16, ""),
                g.Apply(
                    new MaxPool2D(2),
                    g.Apply(Conv(8, 3, 3, 8, "p1 g2"), g.Apply(Conv(4, 4, 2, 8, "s2 p1"), g.Apply(Conv(6, 5, 5, 8, "p2"), x)))))
        ),
        (
            "signals", new Shape(3, 21), 8,
            (g, x) => g.Apply(
                new MaxPool1D(2),
                g.Apply(
                    Conv1(5, 3, ConvPadding.Causal, 2),
                    g.Apply(new MaxPool1D(3, 2), g.Apply(Conv1(4, 5, ConvPadding.Same, 1), x))))
        ),
        (
            "maxima", new Shape(2, 9, 8), 8,
            (g, x) => g.Apply(
                new Concat(),
                g.Apply(new Flatten(), g.Apply(new MaxPool2D((3, 2), (2, 1), (1, 0)), x)),
                g.Apply(new MaxOverTime(), g.Apply(new SwapAxes(), g.Apply(new Reshape(new Shape(9, 16)), x))))
        ),
        ("operations", new Shape(4, 6, 5), 8, Operations),
        ("means", new Shape(9, 5), 8, (g, x) => g.Apply(new IntegerMeanOverTime(new MeanOverTime(), 16, null, null), x)),
        (
            "transposed", new Shape(4, 5, 3), 8,
            (g, x) => g.Apply(
                new IntegerConvTranspose(new ConvTranspose2D(6, 3, 3, new Activation<Identity>(), Options("s2 p1 g2")), 8, null, null), x)
        ),
        (
            "gru", new Shape(9, 7), 8,
            (g, x) => g.Apply(Dense(3, 16), g.Apply(new Activate(new Activation<Identity>()), g.Apply(Over(new Gru(5)), x)))
        ),
        (
            "lstm", new Shape(6, 4), 16,
            (g, x) => g.Apply(Over(new Lstm(6)), g.Apply(Over(new Lstm(3, new RecurrentOptions { AllSteps = true, Bidirectional = true })), x))
        ),
        (
            "rnn", new Shape(7, 3), 8,
            (g, x) => g.Apply(
                Over(new Rnn(8, RecurrentFunction.Relu)),
                g.Apply(Over(new Rnn(4, RecurrentFunction.Tanh, new RecurrentOptions { AllSteps = true })), x))
        ),
        (
            "carried", new Shape(2, 5), 8,
            (g, x) => g.Apply(
                Over(new Gru(3, new RecurrentOptions { CarryState = true })),
                g.Apply(Over(new Lstm(4, new RecurrentOptions { CarryState = true, AllSteps = true })), x))
        ),
        ("masked", new Shape(9, 5), 8, Masked),
        (
            "tokens", new Shape(7), 0,
            (g, x) => g.Apply(
                Dense(3, 16),
                g.Apply(new Flatten(), g.Apply(new IntegerSoftmax(), g.Apply(new IntegerEmbedding(new Embedding(Tokens, 6), 8, null), x))))
        ),
        (
            "moves", new Shape(2, 6, 6), 8,
            (g, x) =>
            {
                Node a = g.Apply(new Reshape(new Shape(18)), g.Apply(new MaxPool2D(2), x)), b = g.Apply(new Slice(3, 7), a);
                Node c = g.Apply(new Concat(), g.Apply(new Concat(), a, a), b);
                return g.Apply(Dense(6, 8), g.Apply(new Concat(), c, g.Apply(new Slice(4, 11), c)));
            }
        ),
    ];

    /// <summary>The names of all networks.</summary>
    public static IEnumerable<string> Names => All.Select(net => net.Name);

    /// <summary>Every kind of op in the networks.</summary>
    public static IEnumerable<Type> OpTypes
    {
        get
        {
            HashSet<Type> types = [];
            foreach (string name in Names)
            {
                using Network network = Make(name);
                types.UnionWith(network.InferencePlan.Graph.Ops.Select(op => op.GetType()));
            }

            return types;
        }
    }

    /// <summary>A network: quantize, integers, dequantize, and a sigmoid where the result is a row.</summary>
    /// <param name="name">One of <see cref="Names"/>.</param>
    /// <param name="seed">Of weights, scales and zero points.</param>
    public static Network Make(string name, int seed = 1)
    {
        (_, Shape shape, int bits, Func<Graph, Node, Node> build) = All.Single(net => net.Name == name);
        return Make(shape, bits, build, new Activation<Sigmoid>(), seed);
    }

    /// <summary>
    /// A network of ops on integers between a quantize and a dequantize, and an activation where there is one and the result is a row.
    /// </summary>
    public static Network Make(Shape shape, int bits, Func<Graph, Node, Node> build, Activation? last, int seed)
    {
        Graph graph = new();
        Node input = graph.Input(shape), integers = bits == 0 ? input : graph.Apply(new Quantize(bits), input);
        Node output = graph.Apply(new Dequantize(), build(graph, integers));
        output = last is not null && output.Shape.Rank == 1 ? graph.Apply(new Activate(last), output) : output;
        Network network = new([.. graph.Nodes.Where(node => node.Op is null)], [output], [], new NetworkOptions { Batch = 1, Seed = 1 });
        Draw(network, seed);
        return network;
    }

    /// <summary>Draws weights; scales are such that values neither vanish nor all meet their ends.</summary>
    public static void Draw(Network network, int seed)
    {
        Plan plan = network.InferencePlan;
        foreach (ParameterRange range in plan.Parameters)
        {
            range.CopyFrom<float>([.. Samples.Array(range.Count, ++seed)], network.Parameters);
        }

        foreach (StateRange range in plan.State)
        {
            Span<float> state = network.State.Slice(range.Offset, range.Count);
            if (range.PerSample || range.Name.EndsWith(".cell_range", StringComparison.Ordinal))
            {
                continue;
            }

            if (range.Name.Contains(".weight_", StringComparison.Ordinal) && range.Name.EndsWith("_scale", StringComparison.Ordinal))
            {
                float[] drawn = Samples.Array(state.Length, ++seed);
                for (int i = 0; i < state.Length; i++)
                {
                    state[i] = IntegerWeights.Scale(1f - (0.3f * MathF.Abs(drawn[i])), 0f, 1f);
                }
            }
            else if (range.Name.EndsWith("mean", StringComparison.Ordinal) || range.Name.EndsWith("var", StringComparison.Ordinal))
            {
                state.Fill(0.7f);
            }
            else if (range.Name.EndsWith(".table_range", StringComparison.Ordinal))
            {
                (state[0], state[1]) = (1f / 24f, -9f);
            }
            else
            {
                bool first = range.Name.StartsWith("quantize", StringComparison.Ordinal);
                int bits = plan.Graph.Nodes.First(node => node.Integers?.Owner.Name + ".range" == range.Name).Integers!.Bits;
                float scale = first ? 1f / 110f : 1f / 20f;
                IntegerType? type = plan.Graph.Ops.OfType<IntegerOp>().First(op => op.Name + ".range" == range.Name) switch
                {
                    IntegerRecurrent op => op.FixedType([]),
                    IntegerSoftmax op => op.FixedType([]),
                    _ => null,
                };
                (state[0], state[1]) = type is { } known ? (known.Scale, known.ZeroPoint)
                    : bits == 16 ? (scale / 200f, 0f)
                    : (scale, first ? -13f : 21f);
            }
        }
    }

    /// <summary>Exports a network under its own name.</summary>
    public static string[] Export(CBuild build, Network network, string name, CExportOptions? options = null)
    {
        CExporter.Write(network, build.Folder, (options ?? new CExportOptions()) with { Name = name });
        return [name + ".c", name + "_weights.c", name + "_selftest.c"];
    }

    /// <summary>
    /// Exports every network and writes a program of all self-tests, which returns the number, from 1, of the first network that fails.
    /// </summary>
    /// <returns>The file to compile; it includes the others.</returns>
    public static string ExportAll(CBuild build, CExportOptions options, int seed = 1)
    {
        string included = "", calls = "";
        foreach ((int i, string name) in Names.Index())
        {
            using Network network = Make(name, seed);
            string[] files = Export(build, network, name, options);
            included += $"#define {name.ToUpperInvariant()}_SELFTEST_MAIN\n#define main main_of_{name}\n"
                + string.Concat(files.Select(file => $"#include \"{file}\"\n"))
                + "#undef main\n";
            calls += $"    if (main_of_{name}() != 0) {{\n        return {i + 1};\n    }}\n";
        }

        build.Write("all.c", $"{included}\nint main(void)\n{{\n{calls}    return 0;\n}}\n");
        return "all.c";
    }

    /// <summary>A mask of the steps of every op that takes one.</summary>
    private static Node Masked(Graph g, Node x)
    {
        Node mask = g.Input(new Shape(x.Shape[0]), "mask");
        Node states = g.Apply(Over(new Gru(4, new RecurrentOptions { AllSteps = true, Bidirectional = true })), x, mask);
        Node mean = g.Apply(new IntegerMeanOverTime(new MeanOverTime(), 8, new Activation<Sigmoid>(), null), states, mask);
        Node most = g.Apply(new MaxOverTime(), x, mask), last = g.Apply(Over(new Lstm(3)), states, mask);
        return g.Apply(
            new IntegerSum("add", false, 16, null, null), [g.Apply(Dense(4, 8), mean), g.Apply(Dense(4, 8), most), g.Apply(Dense(4, 16), last)]);
    }

    /// <summary>Ops without sums over weights, with clamps and tables, of both widths.</summary>
    private static Node Operations(Graph g, Node x)
    {
        Node a = g.Apply(Conv(4, 3, 3, 16, "p1"), x);
        Node sum = g.Apply(new IntegerSum("add", false, 8, new Activation<Gelu>(), null), [a, x, a]);
        Node product = g.Apply(new IntegerProduct(8, null, null), sum, a);
        Node difference = g.Apply(new IntegerSum("subtract", true, 16, new Activation<Sigmoid>(), null), product, x);
        Node table = g.Apply(
            new IntegerTable(new Activation<Elu>(), 16, null), g.Apply(new IntegerTable(new Activation<Tanh>(), 8, null), difference));
        Node clamp = g.Apply(
            new IntegerTable(new Activation<Relu>(), 8, null), g.Apply(new IntegerTable(new Activation<Relu>(), 16, null), table));
        Node norm = g.Apply(new IntegerBatchNorm(new BatchNorm(), 8, new Activation<Relu>(), null), clamp);
        Node pooled = g.Apply(new IntegerAveragePool(new AveragePool2D((3, 3), (2, 2), (1, 1)), 8, null, null), norm);
        Node factor = g.Apply(new IntegerScale(new Scale(-0.7f), 16, null, null), pooled);
        return g.Apply(new IntegerGlobalMean(new GlobalAveragePool(), 8, null, null), factor);
    }

    private static IntegerDense Dense(int outputs, int bits, Activation? activation = null) =>
        new(new Dense(outputs, new Activation<Identity>()), bits, activation, null);

    private static IntegerRecurrent Over(Recurrent layer) => new(layer);

    private static IntegerConvolution Conv(int filters, int height, int width, int bits, string options) =>
        new(new Conv2D(filters, height, width, new Activation<Identity>(), Options(options)), bits, new Activation<Relu>(), null);

    private static IntegerConvolution Conv1(int filters, int width, ConvPadding padding, int dilation) => new(
        new Conv1D(filters, width, new Activation<Identity>(), new ConvOptions { Padding = padding, DilationX = dilation }), 8, null, null);

    /// <summary>Stride s, padding p, dilation d and groups g, as in "s2 p1".</summary>
    public static ConvOptions Options(string text)
    {
        int Read(char key, int otherwise) =>
            text.Split(' ').Where(word => word.StartsWith(key)).Select(word => int.Parse(word[1..])).FirstOrDefault(otherwise);

        return new ConvOptions
        {
            Padding = ConvPadding.Explicit,
            StrideX = Read('s', 1), StrideY = Read('s', 1), PaddingX = Read('p', 0), PaddingY = Read('p', 0),
            DilationX = Read('d', 1), DilationY = Read('d', 1), Groups = Read('g', 1),
        };
    }
}
