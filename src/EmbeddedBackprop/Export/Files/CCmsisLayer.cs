using EmbeddedBackprop.Export.Model;
using EmbeddedBackprop.Export.Ops;
using EmbeddedBackprop.Export.Ops.Integer;
using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Ops.Integer;

namespace EmbeddedBackprop.Export.Files;

/// <summary>One step of a network as CMSIS-NN and TFLM take it.</summary>
/// <param name="Name">The step's name as an identifier.</param>
/// <param name="Comment">What it computes; for a step without this form, that it has none.</param>
/// <param name="Constants">Offsets, ends and sizes, by the ends of their macros.</param>
/// <param name="Tables">The weights and what belongs to each output.</param>
internal sealed record CCmsisLayer(string Name, string Comment, (string Name, int Value)[] Constants, CTable[] Tables)
{
    /// <summary>The steps of a network in their order.</summary>
    public static CCmsisLayer[] All(CModel model)
    {
        HashSet<string> taken = new(StringComparer.OrdinalIgnoreCase);
        List<CCmsisLayer> layers = [];
        foreach (Step step in model.Plan.Steps.ToArray().SelectMany(step => step.Parts))
        {
            string identifier = CText.Identifier(step.Name), name = identifier;
            for (int number = 2; !taken.Add(name); number++)
            {
                name = identifier + "_" + CText.Number(number);
            }

            layers.Add(Of(model, step, name));
        }

        return [.. layers];
    }

    private static CCmsisLayer Of(CModel model, Step step, string name)
    {
        string title = CText.Comment(step.Name);
        if (step.Op is Flatten or Dropout or Reshape && OrderOf(model.Plan.Graph, step.Node) is not null)
        {
            return new(name, $"{title}: nothing to compute, the elements keep their order in memory", [], []);
        }

        return Refusal(step) is { } reason
            ? new(name, $"{title}: the op '{CText.Comment(step.Op.Kind)}' has no such form: {reason}", [], [])
            : step.Op is IntegerLayer layer ? Layer(model, step, layer, name, title)
            : MaxPool(model, step, name, title);
    }

    /// <summary>Why kernels of others do not give the integers of a step; null where they do.</summary>
    private static string? Refusal(Step step)
    {
        const string Elsewhere = "take the values of that step from the C of the network, in its order";
        if (step.Op is not (IntegerLayer or Pooling or GlobalPooling) || step.Node.Integers is null)
        {
            return Elsewhere;
        }

        if (step.InputNodes[0].Integers is not { Bits: 8 })
        {
            return "the inputs have 16 bits, for which others shorten the multiplier; " + Elsewhere;
        }

        return step.Op switch
        {
            IntegerLayer { HasTable: true } when step.Node.Integers.Bits == 16 => "its activation is a table of 16 bits; " + Elsewhere,
            IntegerConvTranspose { Layer: ConvTranspose2D { Sizes: { Groups: > 1 } or { DilationX: > 1 } or { DilationY: > 1 } } } =>
                "it is transposed, with groups or dilation; " + Elsewhere,
            _ => null,
        };
    }

    private static CCmsisLayer Layer(CModel model, Step step, IntegerLayer layer, string name, string title)
    {
        CTableSource source = model.Tables.SourceOf(step)!;
        LayerIntegers integers = CIntegerLayer.Integers(source, layer, layer.Axis(Layout.Compact));
        IntegerEnd end = CIntegerActivated.End(source);
        int zero = layer.HasTable ? end.Index.ZeroPoint : source.OutputType.ZeroPoint;
        (string words, string order, (string, int)[] sizes, int[] weights) = layer.Layer switch
        {
            ConvTranspose2D transposed => Transposed(transposed.Sizes, integers.Weights),
            Convolution convolution => Convolved(convolution.Sizes, integers.Weights),
            _ => Dense(model, step, layer, integers.Weights),
        };
        int[] m = integers.M.ToArray(), shifts = integers.Shift.ToArray();
        for (int i = 0; i < shifts.Length; i++)
        {
            shifts[i] = m[i] == 0 ? 0 : 31 - shifts[i];
        }

        string outputs = $"[{CText.Number(layer.Outputs)} outputs]";
        List<CTable> tables =
        [
            Table("weight", order, CElement.Int8, weights),
            Table("bias", outputs, CElement.Int32, integers.Bias.ToArray()),
            Table("multiplier", outputs, CElement.Int32, m),
            Table("shift", outputs + ", to the left", CElement.Int32, shifts),
        ];
        string then = step.Node.Integers!.Bits == 16 ? "; results of 16 bits, which kernels for 8 bits do not store" : "";
        if (layer.HasTable)
        {
            int[] entries = [.. integers.Table[..256].ToArray().Select(entry => entry + source.OutputType.ZeroPoint)];
            tables.Add(Table("table", $"{CText.Comment(layer.Activation.Name)}, of an index from -128", CElement.Int8, entries));
            then = $"; then {CText.Comment(layer.Activation.Name)}: table[y + 128]";
        }

        return new(
            name,
            $"{title}: {words}{then}",
            [
                ("INPUT_OFFSET", -source.InputType(0).ZeroPoint), ("OUTPUT_OFFSET", zero),
                ("ACTIVATION_MIN", end.Lowest + zero), ("ACTIVATION_MAX", end.Highest + zero), .. sizes,
            ],
            [.. tables]);

        CTable Table(string what, string description, CElement element, int[] values) => CTable.OfIntegers(
            $"{model.Prefix}_cmsis_{name}_{what}", $"{title}.{what}: {description}", element, values);
    }

    private static (string Words, string Order, (string Name, int Value)[] Sizes, int[] Weights) Dense(
        CModel model, Step step, IntegerLayer layer, ReadOnlySpan<int> rows)
    {
        // The engine's rows are inputs, and its inputs may be a map, channel after channel.
        int outputs = layer.Outputs, inputs = rows.Length / outputs;
        int[]? order = OrderOf(model.Plan.Graph, step.InputNodes[0]);
        int[] weights = new int[rows.Length];
        for (int k = 0; k < inputs; k++)
        {
            for (int j = 0; j < outputs; j++)
            {
                weights[(j * inputs) + (order?[k] ?? k)] = rows[(k * outputs) + j];
            }
        }

        return (
            "a fully connected layer" + (order is null ? "" : "; its inputs are in the order [height][width][channels]"),
            $"[{CText.Number(outputs)} outputs][{CText.Number(inputs)} inputs]",
            [("INPUTS", inputs), ("OUTPUTS", outputs)],
            weights);
    }

    private static (string Words, string Order, (string Name, int Value)[] Sizes, int[] Weights) Convolved(in ConvSizes s, ReadOnlySpan<int> rows)
    {
        int channels = s.Channels / s.Groups, taps = s.KernelHeight * s.KernelWidth;
        bool isDepthwise = s.Groups == s.Channels && s.Channels > 1;
        int[] weights = new int[rows.Length];
        for (int o = 0; o < s.Outputs; o++)
        {
            for (int c = 0; c < channels; c++)
            {
                for (int tap = 0; tap < taps; tap++)
                {
                    weights[isDepthwise ? (tap * s.Outputs) + o : (((o * taps) + tap) * channels) + c] = rows[(((o * channels) + c) * taps) + tap];
                }
            }
        }

        (string, int)[] sizes =
        [
            .. Image(s.Height, s.Width, s.Channels, s.OutputHeight, s.OutputWidth, s.Outputs),
            ("KERNEL_HEIGHT", s.KernelHeight), ("KERNEL_WIDTH", s.KernelWidth), ("STRIDE_HEIGHT", s.StrideY), ("STRIDE_WIDTH", s.StrideX),
            ("PAD_TOP", s.Top), ("PAD_LEFT", s.Left), ("DILATION_HEIGHT", s.DilationY), ("DILATION_WIDTH", s.DilationX),
            isDepthwise ? ("CHANNEL_MULTIPLIER", s.Outputs / s.Channels) : ("KERNEL_CHANNELS", channels),
        ];
        return isDepthwise
            ? ("a depthwise convolution", $"[1][{s.KernelHeight}][{s.KernelWidth}][{s.Outputs} outputs]", sizes, weights)
            : (
                s.Groups > 1 ? $"a convolution in {s.Groups} groups" : "a convolution",
                $"[{s.Outputs} outputs][{s.KernelHeight}][{s.KernelWidth}][{channels}]", sizes, weights);
    }

    private static (string Words, string Order, (string Name, int Value)[] Sizes, int[] Weights) Transposed(in ConvSizes s, ReadOnlySpan<int> rows)
    {
        // The sizes are those of the convolution that this one is the way back of.
        int taps = s.KernelHeight * s.KernelWidth;
        int[] weights = new int[rows.Length];
        for (int c = 0; c < s.Outputs; c++)
        {
            for (int o = 0; o < s.Channels; o++)
            {
                for (int tap = 0; tap < taps; tap++)
                {
                    weights[(((o * taps) + tap) * s.Outputs) + c] = rows[(((c * s.Channels) + o) * taps) + tap];
                }
            }
        }

        return (
            "a transposed convolution",
            $"[{s.Channels} outputs][{s.KernelHeight}][{s.KernelWidth}][{s.Outputs}]",
            [
                .. Image(s.OutputHeight, s.OutputWidth, s.Outputs, s.Height, s.Width, s.Channels),
                ("KERNEL_HEIGHT", s.KernelHeight), ("KERNEL_WIDTH", s.KernelWidth), ("STRIDE_HEIGHT", s.StrideY), ("STRIDE_WIDTH", s.StrideX),
                ("PAD_TOP", s.Top), ("PAD_LEFT", s.Left),
            ],
            weights);
    }

    private static CCmsisLayer MaxPool(CModel model, Step step, string name, string title)
    {
        Shape x = step.InputNodes[0].Shape;
        int height = x.Rank == 3 ? x[1] : 1, width = x[x.Rank - 1];
        PoolSizes s = step.Op is Pooling pooling ? pooling.Sizes : new PoolSizes(x[0], height, width, height, width, 1, 1, 0, 0);
        IntegerType type = model.Tables.TypeOf(step.Node);
        return new(
            name,
            $"{title}: the maximum of every window",
            [
                ("ACTIVATION_MIN", type.Lowest), ("ACTIVATION_MAX", type.Highest),
                .. Image(s.Height, s.Width, s.Channels, s.OutputHeight, s.OutputWidth, s.Channels),
                ("KERNEL_HEIGHT", s.KernelHeight), ("KERNEL_WIDTH", s.KernelWidth), ("STRIDE_HEIGHT", s.StrideHeight),
                ("STRIDE_WIDTH", s.StrideWidth), ("PAD_TOP", s.PaddingHeight), ("PAD_LEFT", s.PaddingWidth),
            ],
            []);
    }

    private static (string Name, int Value)[] Image(int height, int width, int channels, int outputHeight, int outputWidth, int outputs) =>
    [
        ("INPUT_HEIGHT", height), ("INPUT_WIDTH", width), ("INPUT_CHANNELS", channels),
        ("OUTPUT_HEIGHT", outputHeight), ("OUTPUT_WIDTH", outputWidth), ("OUTPUT_CHANNELS", outputs),
    ];

    /// <summary>Where an element [channel][position] of a node is in the order [position][channel]; null for a vector that is no map.</summary>
    private static int[]? OrderOf(Graph graph, Node node)
    {
        Shape shape = node.Shape;
        if (shape.Rank == 1)
        {
            return node.Op is Flatten or Dropout or Reshape ? OrderOf(graph, node.Inputs[0]) : null;
        }

        // Two sizes are a signal [channels][length] where a convolution or a pooling says so.
        bool isMap = shape.Rank == 3 || IsSpatial(node.Op) || graph.Nodes.Any(reader => IsSpatial(reader.Op) && reader.Inputs.Contains(node));
        if (!isMap)
        {
            return null;
        }

        int channels = shape[0], positions = shape.Length / channels;
        int[] order = new int[shape.Length];
        for (int i = 0; i < order.Length; i++)
        {
            order[i] = (i % positions * channels) + (i / positions);
        }

        return order;

        static bool IsSpatial(Op? op) =>
            op is Pooling or GlobalPooling or IntegerConvolution or IntegerConvTranspose or IntegerAveragePool or IntegerGlobalMean;
    }
}
