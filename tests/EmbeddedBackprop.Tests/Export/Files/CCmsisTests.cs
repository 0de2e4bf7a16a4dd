using System.Globalization;
using System.Text;
using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Export;
using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Ops.Integer;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Export;

/// <summary>
/// The tables for CMSIS-NN and TFLM: loops over them, written from the documentation of those kernels in single rounding, give the engine's integers.
/// </summary>
[TestFixture]
[Parallelizable(ParallelScope.Self)]
internal sealed class CCmsisTests
{
    private const int SampleCount = 6;

    /// <summary>The kernels as their documentation defines them, with values in [height][width][channels], and nothing else.</summary>
    private const string Kernels = """
        #include <stdio.h>
        #include "net_cmsis.h"

        typedef struct {
            int in_offset, out_offset, lo, hi;
        } ends;

        typedef struct {
            int h, w, c, oh, ow, oc, kh, kw, sh, sw, top, left;
        } sizes;

        #define ENDS(L) { NET_CMSIS_##L##_INPUT_OFFSET, NET_CMSIS_##L##_OUTPUT_OFFSET, NET_CMSIS_##L##_ACTIVATION_MIN, NET_CMSIS_##L##_ACTIVATION_MAX }
        #define SIZES(L) { NET_CMSIS_##L##_INPUT_HEIGHT, NET_CMSIS_##L##_INPUT_WIDTH, NET_CMSIS_##L##_INPUT_CHANNELS, NET_CMSIS_##L##_OUTPUT_HEIGHT, \
            NET_CMSIS_##L##_OUTPUT_WIDTH, NET_CMSIS_##L##_OUTPUT_CHANNELS, NET_CMSIS_##L##_KERNEL_HEIGHT, NET_CMSIS_##L##_KERNEL_WIDTH, \
            NET_CMSIS_##L##_STRIDE_HEIGHT, NET_CMSIS_##L##_STRIDE_WIDTH, NET_CMSIS_##L##_PAD_TOP, NET_CMSIS_##L##_PAD_LEFT }
        #define TABLES(l) net_cmsis_##l##_weight, net_cmsis_##l##_bias, net_cmsis_##l##_multiplier, net_cmsis_##l##_shift

        static int x[4096], y[4096];

        static int requantize(int val, int32_t multiplier, int32_t shift, const ends *e)
        {
            const int total_shift = 31 - shift;
            const int64_t rounded = (val * (int64_t)multiplier + ((int64_t)1 << (total_shift - 1))) >> total_shift;
            const int64_t result = rounded + e->out_offset;
            return (int)(result < e->lo ? e->lo : result > e->hi ? e->hi : result);
        }

        static int inside(int row, int column, int h, int w)
        {
            return row >= 0 && row < h && column >= 0 && column < w;
        }

        static void copy(int n)
        {
            int i;
            for (i = 0; i < n; i++) {
                x[i] = y[i];
            }
        }

        static void fully_connected(int in, int out, ends e, const int8_t *weight, const int32_t *bias, const int32_t *multiplier, const int32_t *shift)
        {
            int o, i;
            for (o = 0; o < out; o++) {
                int a = bias[o];
                for (i = 0; i < in; i++) {
                    a += (x[i] + e.in_offset) * weight[o * in + i];
                }
                y[o] = requantize(a, multiplier[o], shift[o], &e);
            }
            copy(out);
        }

        /* filter: [out][h][w][in / groups] */
        static void convolve(sizes s, ends e, int dh, int dw, int kc, const int8_t *weight, const int32_t *bias, const int32_t *multiplier, const int32_t *shift)
        {
            const int per_group = s.oc / (s.c / kc);
            int oy, ox, o, u, v, c;
            for (oy = 0; oy < s.oh; oy++) {
                for (ox = 0; ox < s.ow; ox++) {
                    for (o = 0; o < s.oc; o++) {
                        int a = bias[o];
                        for (u = 0; u < s.kh; u++) {
                            for (v = 0; v < s.kw; v++) {
                                const int row = oy * s.sh - s.top + u * dh, column = ox * s.sw - s.left + v * dw;
                                for (c = 0; c < kc && inside(row, column, s.h, s.w); c++) {
                                    a += (x[(row * s.w + column) * s.c + (o / per_group) * kc + c] + e.in_offset) * weight[((o * s.kh + u) * s.kw + v) * kc + c];
                                }
                            }
                        }
                        y[(oy * s.ow + ox) * s.oc + o] = requantize(a, multiplier[o], shift[o], &e);
                    }
                }
            }
            copy(s.oh * s.ow * s.oc);
        }

        /* filter: [1][h][w][out], out = in * channel multiplier */
        static void depthwise(sizes s, ends e, int dh, int dw, int times, const int8_t *weight, const int32_t *bias, const int32_t *multiplier, const int32_t *shift)
        {
            int oy, ox, o, u, v;
            for (oy = 0; oy < s.oh; oy++) {
                for (ox = 0; ox < s.ow; ox++) {
                    for (o = 0; o < s.c * times; o++) {
                        int a = bias[o];
                        for (u = 0; u < s.kh; u++) {
                            for (v = 0; v < s.kw; v++) {
                                const int row = oy * s.sh - s.top + u * dh, column = ox * s.sw - s.left + v * dw;
                                if (inside(row, column, s.h, s.w)) {
                                    a += (x[(row * s.w + column) * s.c + o / times] + e.in_offset) * weight[(u * s.kw + v) * s.oc + o];
                                }
                            }
                        }
                        y[(oy * s.ow + ox) * s.oc + o] = requantize(a, multiplier[o], shift[o], &e);
                    }
                }
            }
            copy(s.oh * s.ow * s.oc);
        }

        /* filter: [out][h][w][in]; every input adds itself times the filter to the sums around stride * position - padding */
        static void transposed(sizes s, ends e, const int8_t *weight, const int32_t *bias, const int32_t *multiplier, const int32_t *shift)
        {
            int row, column, o, u, v, c, i;
            for (i = 0; i < s.oh * s.ow * s.oc; i++) {
                y[i] = bias[i % s.oc];
            }
            for (row = 0; row < s.h; row++) {
                for (column = 0; column < s.w; column++) {
                    for (o = 0; o < s.oc; o++) {
                        for (u = 0; u < s.kh; u++) {
                            for (v = 0; v < s.kw; v++) {
                                const int oy = row * s.sh - s.top + u, ox = column * s.sw - s.left + v;
                                for (c = 0; c < s.c && inside(oy, ox, s.oh, s.ow); c++) {
                                    y[(oy * s.ow + ox) * s.oc + o] += (x[(row * s.w + column) * s.c + c] + e.in_offset) * weight[((o * s.kh + u) * s.kw + v) * s.c + c];
                                }
                            }
                        }
                    }
                }
            }
            for (i = 0; i < s.oh * s.ow * s.oc; i++) {
                y[i] = requantize(y[i], multiplier[i % s.oc], shift[i % s.oc], &e);
            }
            copy(s.oh * s.ow * s.oc);
        }

        static void max_pool(sizes s, int lo, int hi)
        {
            int oy, ox, c, u, v;
            for (oy = 0; oy < s.oh; oy++) {
                for (ox = 0; ox < s.ow; ox++) {
                    for (c = 0; c < s.c; c++) {
                        int largest = lo;
                        for (u = 0; u < s.kh; u++) {
                            for (v = 0; v < s.kw; v++) {
                                const int row = oy * s.sh - s.top + u, column = ox * s.sw - s.left + v;
                                if (inside(row, column, s.h, s.w) && x[(row * s.w + column) * s.c + c] > largest) {
                                    largest = x[(row * s.w + column) * s.c + c];
                                }
                            }
                        }
                        y[(oy * s.ow + ox) * s.c + c] = largest > hi ? hi : largest;
                    }
                }
            }
            copy(s.oh * s.ow * s.c);
        }

        static void look_up(int n, const int8_t *table)
        {
            int i;
            for (i = 0; i < n; i++) {
                x[i] = table[x[i] + 128];
            }
        }

        """;

    private static readonly (string Name, Shape Shape, Func<Graph, Node, Node> Build)[] Nets =
    [
        ("dense", new Shape(37), (g, x) => g.Apply(Dense(10, 16), g.Apply(Dense(13, 8, new Activation<Sigmoid>()), x))),
        (
            "pooled", new Shape(2, 13, 11),
            (g, x) => g.Apply(
                Dense(10, 8),
                g.Apply(
                    new Flatten(),
                    g.Apply(new MaxPool2D(2), g.Apply(Conv(6, 3, 3, "p1"), g.Apply(new MaxPool2D(3, 2, 1), g.Apply(Conv(5, 3, 3, "p1"), x))))))
        ),
        (
            "depthwise", new Shape(4, 7, 6),
            (g, x) => g.Apply(
                CConvCases.GlobalMaximum(), g.Apply(Conv(6, 1, 1, ""), g.Apply(Conv(8, 3, 3, "p1 s2 g4"), g.Apply(Conv(4, 3, 3, "p2 d2 g4"), x))))
        ),
        (
            "convolutions", new Shape(3, 9, 7),
            (g, x) => g.Apply(Conv(4, 2, 3, "d2 p2"), g.Apply(Conv(6, 3, 3, "g2 p1"), g.Apply(Conv(4, 3, 2, "s2 p2", new Activation<Gelu>()), x)))
        ),
        (
            "signals", new Shape(3, 21),
            (g, x) => g.Apply(
                Dense(3, 16),
                g.Apply(new MaxPool1D(2), g.Apply(Conv1(5, 3, ConvPadding.Causal, 2), g.Apply(Conv1(4, 5, ConvPadding.Same, 1), x))))
        ),
        (
            "transposed", new Shape(4, 5, 3),
            (g, x) => g.Apply(
                Conv(3, 3, 3, "p1"),
                g.Apply(new IntegerConvTranspose(new ConvTranspose2D(6, 3, 2, new Activation<Identity>(), Options("s2 p1")), 8, null, null), x))
        ),
    ];

    private CBuild build = null!;

    public static IEnumerable<string> Names => Nets.Select(net => net.Name);

    [SetUp]
    public void CreateFolder() => build = new CBuild();

    [TearDown]
    public void DeleteFolder() => build.Dispose();

    [Test]
    public void Documented_kernels_give_the_integers_of_the_engine([ValueSource(nameof(Names))] string name)
    {
        using Network network = Export(name);
        Assert.That(Differences(network), Is.Zero);
    }

    // An offset with the wrong sign; weights of a map in the order of the engine; a shift, an entry of a table.
    [TestCase("net_cmsis.h", @"(_CONV1_INPUT_OFFSET) (\d+)", "$1 (-$2)")]
    [TestCase("net_cmsis.h", @"(_DENSE1_OUTPUT_OFFSET) \d+", "$1 0")]
    [TestCase("net_cmsis.h", @"(_CONV2_PAD_LEFT) 1", "$1 0")]
    [TestCase("net_cmsis.c", @"(conv2_shift\[\d+\] = \{\s+)-(\d)", "$1-1$2")]
    [TestCase("net_cmsis.c", @"(dense1_weight\[\d+\] = \{\s+)(-?\d+), (-?\d+)", "$1$3, $2")]
    public void Control_a_changed_number_is_found(string file, string pattern, string replacement)
    {
        using Network network = Export("pooled");
        string text = build.Read(file), changed = System.Text.RegularExpressions.Regex.Replace(text, pattern, replacement);
        Assert.That(changed, Is.Not.EqualTo(text));
        build.Write(file, changed);
        Assert.That(Differences(network), Is.Positive);
    }

    [Test]
    public void Ops_without_this_form_are_named()
    {
        using Network network = CIntegerNets.Make("operations");
        CExporter.Write(network, build.Folder, new CExportOptions { Name = "net", CmsisTables = true });
        string header = build.Read("net_cmsis.h");
        Assert.That(header, Does.Contain("add1: the op 'add' has no such form"));
        Assert.That(header, Does.Not.Contain("NET_CMSIS_ADD1"));
        using Network wide = CIntegerNets.Make("wide");
        CExporter.Write(wide, build.Folder, new CExportOptions { Name = "net", CmsisTables = true });
        Assert.That(build.Read("net_cmsis.h"), Does.Contain("dense1: the op 'dense' has no such form: the inputs have 16 bits"));
        Assert.That(build.Read("net_cmsis.h"), Does.Not.Contain("extern const"));
    }

    [Test]
    public void Layers_whose_macros_would_be_the_same_get_a_number()
    {
        using Network network = CIntegerNets.Make(
            new Shape(5), 8,
            (g, x) => g.Apply(Dense(), g.Apply(Dense(), g.Apply(Dense(), x, "layer"), "LAYER"), "other"), null, seed: 5);
        CExporter.Write(network, build.Folder, new CExportOptions { Name = "net", CmsisTables = true });
        string header = build.Read("net_cmsis.h");
        foreach (string name in (string[])["LAYER", "LAYER_2", "OTHER"])
        {
            Assert.That(header.Split($"#define NET_CMSIS_{name}_INPUT_OFFSET "), Has.Length.EqualTo(2), name);
        }

        static IntegerDense Dense() => new(new Dense(4, new Activation<Identity>()), 8, null, null);
    }

    [Test]
    public void Floats_are_refused()
    {
        using Network network = new Sequential(3).Dense(2, new Activation<Relu>()).Compile(new NetworkOptions());
        Assert.That(
            () => CExporter.Write(network, build.Folder, new CExportOptions { CmsisTables = true }),
            Throws.TypeOf<NotSupportedException>().With.Message.Contain("this network has none"));
    }

    private Network Export(string name)
    {
        (_, Shape shape, Func<Graph, Node, Node> make) = Nets.Single(net => net.Name == name);
        Network network = CIntegerNets.Make(shape, 8, make, null, seed: 5);
        CExporter.Write(network, build.Folder, new CExportOptions { Name = "net", CmsisTables = true });
        return network;
    }

    /// <summary>Runs the kernels on the tables, and counts the integers that are not the engine's.</summary>
    private int Differences(Network network)
    {
        Plan plan = network.InferencePlan;
        Node input = plan.Graph.Nodes.Single(node => node.Op is Quantize), output = plan.Outputs[0].Inputs[0];
        IntegerType x = TypeOf(network, input), y = TypeOf(network, output);
        int inputs = input.Shape.Length, outputs = output.Shape.Length;
        int[] samples = [.. Samples.Array(SampleCount * inputs, 7).Select(value => (int)MathF.Round(value * 110f) + x.ZeroPoint)];
        int[] own = new int[SampleCount * outputs];
        for (int i = 0; i < SampleCount; i++)
        {
            float[] reals = [.. samples.Skip(i * inputs).Take(inputs).Select(q => x.Scale * (q - x.ZeroPoint))];
            ReadOnlySpan<float> results = network.Predict(reals);
            for (int j = 0; j < outputs; j++)
            {
                own[(i * outputs) + Place(output.Shape, j)] = (int)MathF.Round(results[j] / y.Scale) + y.ZeroPoint;
            }
        }

        int[] there = new int[samples.Length];
        for (int i = 0; i < samples.Length; i++)
        {
            there[(i / inputs * inputs) + Place(input.Shape, i % inputs)] = samples[i];
        }

        build.Write("main.c", Program(plan.Graph, there, own, inputs, outputs));
        Tools.RunChecked(
            build.Folder, Tools.Require("gcc", "gcc"), "-std=c99", "-O1", "-Wall", "-Wextra", "-Werror", "-Wno-unused-function",
            "-fsanitize=address,undefined", "main.c", "net_cmsis.c", "-o", "program");
        Tools.Result result = Tools.Run(build.Folder, Path.Combine(build.Folder, "program"));
        Assert.That(result.Errors, Is.Empty);
        Assert.That(own.Distinct().Count(), Is.GreaterThan(4), "the outputs differ from each other");
        return int.Parse(result.Output, CultureInfo.InvariantCulture);
    }

    private static string Program(Graph graph, int[] samples, int[] expected, int inputs, int outputs)
    {
        StringBuilder text = new(Kernels);
        text.Append(CultureInfo.InvariantCulture, $"static const int samples[] = {{ {string.Join(", ", samples)} }};\n")
            .Append(CultureInfo.InvariantCulture, $"static const int expected[] = {{ {string.Join(", ", expected)} }};\n\n")
            .Append("int main(void)\n{\n    int n, i, wrong = 0;\n")
            .Append(CultureInfo.InvariantCulture, $"    for (n = 0; n < {SampleCount}; n++) {{\n")
            .Append(CultureInfo.InvariantCulture, $"        for (i = 0; i < {inputs}; i++) {{\n")
            .Append(CultureInfo.InvariantCulture, $"            x[i] = samples[n * {inputs} + i];\n        }}\n");
        foreach (Node node in graph.Nodes)
        {
            string small = node.Name.Replace('-', '_'), large = small.ToUpperInvariant();
            text.Append(node.Op switch
            {
                IntegerDense =>
                    $"        fully_connected(NET_CMSIS_{large}_INPUTS, NET_CMSIS_{large}_OUTPUTS, (ends)ENDS({large}), TABLES({small}));\n",
                IntegerConvTranspose => $"        transposed((sizes)SIZES({large}), (ends)ENDS({large}), TABLES({small}));\n",
                IntegerConvolution { Layer: Convolution { Sizes: var sizes } } =>
                    $"        {(sizes.Groups == sizes.Channels ? "depthwise" : "convolve")}((sizes)SIZES({large}), (ends)ENDS({large}), "
                    + $"NET_CMSIS_{large}_DILATION_HEIGHT, NET_CMSIS_{large}_DILATION_WIDTH, "
                    + $"NET_CMSIS_{large}_{(sizes.Groups == sizes.Channels ? "CHANNEL_MULTIPLIER" : "KERNEL_CHANNELS")}, TABLES({small}));\n",
                Pooling or GlobalPooling =>
                    $"        max_pool((sizes)SIZES({large}), NET_CMSIS_{large}_ACTIVATION_MIN, NET_CMSIS_{large}_ACTIVATION_MAX);\n",
                _ => "",
            });
            text.Append(
                node.Op is IntegerLayer { HasTable: true }
                    ? string.Create(CultureInfo.InvariantCulture, $"        look_up({node.Shape.Length}, net_cmsis_{small}_table);\n")
                    : "");
        }

        return text.Append(CultureInfo.InvariantCulture, $"        for (i = 0; i < {outputs}; i++) {{\n")
            .Append(CultureInfo.InvariantCulture, $"            wrong += x[i] != expected[n * {outputs} + i];\n        }}\n    }}\n")
            .Append("    printf(\"%d\", wrong);\n")
            .Append("    return 0;\n}\n").ToString();
    }

    /// <summary>The place of an element [channel][position] in [position][channel].</summary>
    private static int Place(Shape shape, int element)
    {
        int positions = shape.Rank == 1 ? 1 : shape.Length / shape[0];
        return shape.Rank == 1 ? element : (element % positions * shape[0]) + (element / positions);
    }

    private static IntegerType TypeOf(Network network, Node node)
    {
        StateRange range = network.InferencePlan.State.ToArray().Single(range => range.Name == node.Integers!.Owner.Name + ".range");
        return TypeRange.Read(network.State.Slice(range.Offset, range.Count), node.Integers!.Bits);
    }

    private static IntegerDense Dense(int outputs, int bits, Activation? activation = null) =>
        new(new Dense(outputs, new Activation<Identity>()), bits, activation, null);

    private static IntegerConvolution Conv(int filters, int height, int width, string options, Activation? activation = null) =>
        new(new Conv2D(filters, height, width, new Activation<Identity>(), Options(options)), 8, activation ?? new Activation<Relu>(), null);

    private static IntegerConvolution Conv1(int filters, int width, ConvPadding padding, int dilation) => new(
        new Conv1D(filters, width, new Activation<Identity>(), new ConvOptions { Padding = padding, DilationX = dilation }), 8, null, null);

    private static ConvOptions Options(string text) => CIntegerNets.Options(text);
}
