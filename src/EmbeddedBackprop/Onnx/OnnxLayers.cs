using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Onnx;

/// <summary>Ops with weights that see a sample at once: products, convolutions, normalisations, tables.</summary>
internal static class OnnxLayers
{
    /// <summary>Y = alpha A B + beta C, B the weights [in, out] or, with transB, [out, in].</summary>
    public static void Gemm(OnnxCall call)
    {
        float alpha = call.Float("alpha", 1f), beta = call.Float("beta", 1f);
        bool transposed = call.Int("transB", 0) != 0;
        if (call.Int("transA", 0) != 0)
        {
            throw call.Refused("transA");
        }

        OnnxData x = call.Data(0);
        OnnxConstant b = call.Weights(1);
        if (x.Rank != 2 || x.BatchAxis != 0 || b.Dims.Length != 2)
        {
            throw call.Refused("it multiplies rows of a batch with a matrix, and gets other sizes");
        }

        int inputs = (int)b.Dims[transposed ? 1 : 0], outputs = (int)b.Dims[transposed ? 0 : 1];
        float[] weight = transposed ? b.Floats.ToArray() : Transposed(b.Floats, inputs, outputs);
        Scale(weight, alpha);
        float[] bias = call.Has(2) ? Bias(call, 2, outputs) : new float[outputs];
        Scale(bias, beta);
        Dense(call, x, inputs, outputs, weight, bias, call.Node.Outputs[0], OnnxNames.OfLayer(call.Node.Inputs[1]), Stored(call));
    }

    /// <summary>A product with stored weights [in, out], of rows or of every step of a sequence; an addition after it is its bias.</summary>
    public static void MatMul(OnnxCall call)
    {
        OnnxData x = call.Data(0);
        if (call.Input(1) is OnnxData)
        {
            throw call.Refused("a product of two values that the net computes (attention): one of them must be stored weights");
        }

        OnnxConstant b = call.Weights(1);
        if (b.Dims.Length != 2)
        {
            throw call.Refused($"weights of {b.Dims.Length} sizes");
        }

        int inputs = (int)b.Dims[0], outputs = (int)b.Dims[1];
        string output = call.Node.Outputs[0];
        float[] bias = FollowingBias(call, ref output, outputs, out string added);
        string? name = OnnxNames.OfLayer(call.Node.Inputs[1])
            ?? (added.EndsWith(".bias", StringComparison.Ordinal) ? OnnxNames.OfLayer(added[..^5] + ".weight") : null);
        Dense(call, x, inputs, outputs, Transposed(b.Floats, inputs, outputs), bias, output, name, Stored(call, added));
    }

    public static void Conv(OnnxCall call)
    {
        OnnxData x = call.Padded(0);
        OnnxConstant w = call.Weights(1);
        int axes = Spatial(call, x);
        if (w.Dims.Length != axes + 2)
        {
            throw call.Refused($"a kernel of {w.Dims.Length} sizes for a value of {x.Rank}");
        }

        int groups = call.Int("group", 1);
        int[] kernel = Kernel(call, w), strides = call.Ints("strides", axes, 1, 1), dilations = call.Ints("dilations", axes, 1, 1);
        (int Before, int After)[] padding = Padding(call, x, kernel, strides, dilations);
        RequireChannels(call, x, w.Dims[1] * Math.Max(groups, 0L));
        ConvOptions? options = Options(x, kernel, strides, dilations, padding);
        if (options is null)
        {
            throw call.Refused($"padding [{string.Join(", ", padding)}] that is neither even nor that of SAME_UPPER");
        }

        int filters = (int)w.Dims[0];
        string output = call.Node.Outputs[0];
        string added = "";
        float[] bias =
            call.Has(2) ? call.Weights(2, filters).Floats.ToArray() : FollowingBias(call, ref output, filters, out added, perChannel: axes);
        Activation f = FollowingActivation(call, ref output);
        options = options with { Groups = groups };
        Op op = axes == 1 ? new Conv1D(filters, kernel[0], f, options) : new Conv2D(filters, kernel[0], kernel[1], f, options);
        Node node = Apply(
            call, op, call.Scope.Shaped(x, x.Sizes), OnnxNames.OfLayer(call.Node.Inputs[1]), Stored(call, added), w.Floats.ToArray(), bias);
        call.Scope.Set(output, new OnnxData(node, Sizes(node.Shape), 0, Integers: false));
    }

    public static void ConvTranspose(OnnxCall call)
    {
        OnnxData x = call.Data(0);
        OnnxConstant w = call.Weights(1);
        int axes = Spatial(call, x);
        if (w.Dims.Length != axes + 2 || call.Ints("output_shape") is not null || call.Word("auto_pad", "NOTSET") != "NOTSET")
        {
            throw call.Refused(
                w.Dims.Length != axes + 2 ? $"a kernel of {w.Dims.Length} sizes for a value of {x.Rank}" : "output_shape and auto_pad");
        }

        int groups = call.Int("group", 1);
        int[] kernel = Kernel(call, w), strides = call.Ints("strides", axes, 1, 1), dilations = call.Ints("dilations", axes, 1, 1);
        int[] pads = call.Ints("pads", 2 * axes, 0, 0), more = call.Ints("output_padding", axes, 0, 0);
        if (!pads.AsSpan(0, axes).SequenceEqual(pads.AsSpan(axes)))
        {
            throw call.Refused($"padding [{string.Join(", ", pads)}] that is not even");
        }

        RequireChannels(call, x, w.Dims[0]);
        long filters = w.Dims[1] * groups;
        if (filters is <= 0 or > int.MaxValue)
        {
            throw call.Refused($"{groups} groups of {w.Dims[1]} filters");
        }

        // A signal is an image of one row.
        bool signal = axes == 1;
        ConvOptions options = new()
        {
            StrideY = signal ? 1 : strides[0], StrideX = strides[^1], DilationY = signal ? 1 : dilations[0], DilationX = dilations[^1],
            PaddingY = signal ? 0 : pads[0], PaddingX = pads[axes - 1], OutputPaddingY = signal ? 0 : more[0], OutputPaddingX = more[^1],
            Groups = groups,
        };
        float[] bias = call.Has(2) ? call.Weights(2, filters).Floats.ToArray() : new float[filters];
        string output = call.Node.Outputs[0];
        Activation f = FollowingActivation(call, ref output);
        Node input = signal ? call.Scope.Shaped(x, x.Sizes[0], 1, x.Sizes[1]) : call.Scope.Shaped(x, x.Sizes);
        ConvTranspose2D op = new((int)filters, signal ? 1 : kernel[0], kernel[^1], f, options);
        Node node = Apply(call, op, input, OnnxNames.OfLayer(call.Node.Inputs[1]), Stored(call), w.Floats.ToArray(), bias);
        int[] sizes = signal ? [node.Shape[0], node.Shape[2]] : Sizes(node.Shape);
        call.Scope.Set(output, new OnnxData(node, sizes, 0, Integers: false));
    }

    public static void BatchNorm(OnnxCall call)
    {
        OnnxData x = call.Data(0);
        if (call.Int("training_mode", 0) != 0)
        {
            throw call.Refused("training_mode: export the net for evaluation");
        }

        call.LimitOutputs(1);
        if (x.BatchAxis != 0 || x.Sizes.Length is 0 or > 3)
        {
            throw call.Refused($"a batch with {x.Rank} sizes: the batch must come first, then channels and at most two more");
        }

        // ONNX keeps the share of the running value, ours is that of the batch. 0.9 has no exact counterpart.
        float kept = call.Float("momentum", 0.9f);
        BatchNorm op = new() { Epsilon = call.Float("epsilon", 1e-5f), Momentum = (float)Math.Round(1.0 - kept, 6) };
        int channels = x.Sizes[0];
        float[][] tensors = [.. Enumerable.Range(1, 4).Select(input => call.Weights(input, channels).Floats.ToArray())];
        Node node = Apply(call, op, call.Scope.Shaped(x, x.Sizes), OnnxNames.OfLayer(call.Node.Inputs[1]), null, tensors[0], tensors[1]);
        call.Scope.Weights.Add(node.Name + ".running_mean", tensors[2]);
        call.Scope.Weights.Add(node.Name + ".running_var", tensors[3]);
        call.Set(x with { Node = node, Sequence = null });
    }

    public static void LayerNorm(OnnxCall call)
    {
        OnnxData x = call.Data(0);
        int axis = call.SampleAxis(x, call.Int("axis", -1), "a normalisation");
        call.Ignore("stash_type");
        call.LimitOutputs(1);
        float epsilon = call.Float("epsilon", 1e-5f);
        long[] dims = [.. x.Sizes[axis..].Select(size => (long)size)];
        float[] gamma = call.Weights(1, dims).Floats.ToArray();
        float[] beta = call.Has(2) ? call.Weights(2, dims).Floats.ToArray() : new float[gamma.Length];
        call.Set(Normalised(call, x, axis, epsilon, gamma, beta, OnnxNames.OfLayer(call.Node.Inputs[1]), Stored(call)));
    }

    /// <summary>A layer normalisation over all axes of a sample from one on.</summary>
    public static OnnxData Normalised(
        OnnxCall call, OnnxData x, int axis, float epsilon, float[] gamma, float[] beta, string? name, string? stored)
    {
        if (x.BatchAxis > axis)
        {
            throw call.Refused("a normalisation over the samples of a batch");
        }

        int columns = gamma.Length, rows = x.Length / Math.Max(columns, 1);
        Node input = rows == 1 ? call.Scope.Shaped(x, columns) : call.Scope.Shaped(x, rows, columns);
        Node node = Apply(call, new LayerNorm { Epsilon = epsilon }, input, name, stored, gamma, beta);
        return x with { Node = node, Sequence = null };
    }

    /// <summary>A table [entries, size] of which the net's input chooses rows: an embedding.</summary>
    public static void Embedding(OnnxCall call)
    {
        OnnxConstant table = call.Weights(0);
        OnnxData indices = call.Data(1);
        if (table.Dims.Length != 2 || call.Int("axis", 0) != 0 || !indices.Integers)
        {
            throw call.Refused("only rows of a table are chosen by indices that the net computes, and only by whole numbers");
        }

        int count = (int)table.Dims[0], size = (int)table.Dims[1];
        Node node = Apply(
            call,
            new Embedding(count, size),
            call.Scope.Shaped(indices, indices.Length),
            OnnxNames.OfLayer(call.Node.Inputs[0]),
            call.Node.Inputs[0],
            table.Floats.ToArray());
        call.Set(new OnnxData(node, [.. indices.Sizes, size], indices.BatchAxis, Integers: false));
    }

    /// <summary>
    /// Rows of a batch through a dense layer; of a sequence every step, as a convolution of one step over its features.
    /// </summary>
    private static void Dense(
        OnnxCall call, OnnxData x, int inputs, int outputs, float[] weight, float[] bias, string output, string? name, string stored)
    {
        if (x.Sizes.Length == 0 || x.Sizes[^1] != inputs || x.BatchAxis == x.Sizes.Length)
        {
            throw call.Refused($"weights for {inputs} inputs, but the value has the sizes [{string.Join(", ", x.Sizes)}] of a sample");
        }

        int rows = x.Length / inputs;
        Activation f = FollowingActivation(call, ref output, isVector: x is { BatchAxis: 0, Sizes.Length: 1 });
        int[] sizes = [.. x.Sizes[..^1], outputs];
        Node node;
        if (rows == 1)
        {
            node = Apply(call, new Dense(outputs, f), call.Scope.Shaped(x, inputs), name, stored, weight, bias);
        }
        else
        {
            Node features = call.Scope.Swapped(call.Scope.Shaped(x, rows, inputs));
            node = call.Scope.Swapped(Apply(call, new Conv1D(outputs, 1, f), features, name, stored, weight, bias));
        }

        call.Scope.Set(output, new OnnxData(node, sizes, x.BatchAxis, Integers: false));
    }

    /// <summary>A layer with its weight and its bias, or one before it again, of which it reads the same stored tensors.</summary>
    private static Node Apply(OnnxCall call, Op op, Node input, string? name, string? stored, float[] weight, float[]? bias = null)
    {
        if (call.Scope.Earlier(op, input, stored, weight, bias) is { } same)
        {
            return call.Scope.Graph.Apply(same, input);
        }

        Node node = call.Scope.Graph.Apply(op, input, call.Scope.Free(name));
        call.Scope.Weights.Add(node.Name + ".weight", weight);
        if (bias is not null)
        {
            call.Scope.Weights.Add(node.Name + ".bias", bias);
        }

        call.Scope.Remember(node, stored);
        return node;
    }

    /// <summary>The tensors that a layer reads besides its value, by their names.</summary>
    private static string Stored(OnnxCall call, string added = "") => string.Join('\n', [.. call.Node.Inputs.Skip(1), added]);

    /// <summary>The activation of a layer. Weights that several nodes read have it as an op of its own: each of them may have another.</summary>
    private static Activation FollowingActivation(OnnxCall call, ref string output, bool isVector = false) =>
        call.Scope.Readers(call.Node.Inputs[1]).Count > 1 ? new Activation<Identity>() : call.Scope.Activation(ref output, isVector);

    /// <summary>The bias that an addition after the layer adds, and its name; zeros where none follows.</summary>
    private static float[] FollowingBias(OnnxCall call, ref string output, int count, out string name, int perChannel = 0)
    {
        name = "";
        if (
            call.Scope.TrySingleReader(output, out OnnxNode? next)
            && next is { OpType: "Add", Inputs: [string first, string second], Outputs: [string sum] })
        {
            string other = first == output ? second : first;
            if (call.Scope.TryConstant(other) is { IsInteger: false } bias && bias.Stored == count && !bias.IsUniform && IsBias(bias.Dims))
            {
                call.Scope.MarkDone(next);
                name = other;
                output = sum;
                return bias.Floats.ToArray();
            }
        }

        return new float[count];

        bool IsBias(long[] dims)
        {
            // [out] for a product; [out, 1] or [out, 1, 1] for the channels of a convolution; sizes of 1 before them.
            int last = dims.Length - 1 - perChannel;
            for (int i = 0; i < dims.Length; i++)
            {
                if (i == last ? dims[i] != count : dims[i] != 1)
                {
                    return false;
                }
            }

            return last >= 0;
        }
    }

    private static float[] Bias(OnnxCall call, int input, int count)
    {
        OnnxConstant given = call.Constant(input);
        if (given is { Stored: 1, IsInteger: false })
        {
            float[] same = new float[count];
            Array.Fill(same, given.Floats[0]);
            return same;
        }

        return given.Dims is [1, ..] ? call.Weights(input, 1, count).Floats.ToArray() : call.Weights(input, count).Floats.ToArray();
    }

    private static void Scale(float[] values, float factor)
    {
        for (int i = 0; i < values.Length && factor != 1f; i++)
        {
            values[i] *= factor;
        }
    }

    private static float[] Transposed(ReadOnlySpan<float> values, int rows, int columns)
    {
        float[] result = new float[values.Length];
        for (int row = 0; row < rows; row++)
        {
            for (int column = 0; column < columns; column++)
            {
                result[(column * rows) + row] = values[(row * columns) + column];
            }
        }

        return result;
    }

    /// <summary>The axes besides batch and channels: 1 for a signal, 2 for an image.</summary>
    public static int Spatial(OnnxCall call, OnnxData x) =>
        x.BatchAxis == 0 && x.Sizes.Length is 2 or 3
            ? x.Sizes.Length - 1
            : throw call.Refused(
                $"a value with {x.Rank} sizes, the batch as number {x.BatchAxis}: signals and images have the batch first and 3 or 4 sizes");

    private static void RequireChannels(OnnxCall call, OnnxData x, long channels)
    {
        if (x.Sizes[0] != channels)
        {
            throw call.Refused($"weights for {channels} channels, but the value has {x.Sizes[0]}");
        }
    }

    private static int[] Kernel(OnnxCall call, OnnxConstant w)
    {
        int[] kernel = [.. w.Dims[2..].Select(size => (int)size)];
        return call.Ints("kernel_shape") is { } given && !given.AsSpan().SequenceEqual(kernel)
            ? throw call.Refused($"kernel_shape [{string.Join(", ", given)}] of a kernel of [{string.Join(", ", kernel)}]")
            : kernel;
    }

    /// <summary>Padding of each axis: the node's own, or what auto_pad asks for, and that of a Pad before it.</summary>
    public static (int Before, int After)[] Padding(OnnxCall call, OnnxData x, int[] kernel, int[] strides, int[] dilations)
    {
        int axes = kernel.Length;
        string auto = call.Word("auto_pad", "NOTSET");
        int[] pads = call.Ints("pads", 2 * axes, 0, 0);
        (int Before, int After)[] padding = new (int, int)[axes];
        for (int i = 0; i < axes; i++)
        {
            (int before, int after) = x.Padding is { } given ? given[i + 1] : (0, 0);
            long size = (long)x.Sizes[i + 1] + before + after, same = Same(size, kernel[i], strides[i], dilations[i]);
            (long first, long second) = auto switch
            {
                "NOTSET" => (pads[i], pads[i + axes]),
                "VALID" => (0L, 0L),
                "SAME_UPPER" => (same / 2, same - (same / 2)),
                "SAME_LOWER" => (same - (same / 2), same / 2),
                _ => throw call.Refused($"auto_pad '{OnnxNames.Shown(auto)}'"),
            };
            padding[i] = (checked((int)(before + first)), checked((int)(after + second)));
        }

        return x.Padding is { } channels && channels[0] != (0, 0) ? throw call.Refused("channels that a Pad made") : padding;
    }

    /// <summary>The padding that gives ceiling(size / stride) positions.</summary>
    private static long Same(long size, int kernel, int stride, int dilation) =>
        Math.Max(0L, ((((size + stride - 1) / stride) - 1) * stride) + (dilation * (kernel - 1L)) + 1 - size);

    /// <summary>The options of one of our convolutions with this padding; null if none has it.</summary>
    private static ConvOptions? Options(OnnxData x, int[] kernel, int[] strides, int[] dilations, (int Before, int After)[] padding)
    {
        ConvOptions options = new() { StrideY = strides[0], StrideX = strides[^1], DilationY = dilations[0], DilationX = dilations[^1] };
        if (Array.TrueForAll(padding, pad => pad.Before == pad.After))
        {
            return options with { PaddingY = padding[0].Before, PaddingX = padding[^1].Before };
        }

        bool same = true;
        for (int i = 0; i < padding.Length; i++)
        {
            long needed = Same(x.Sizes[i + 1], kernel[i], strides[i], dilations[i]);
            same &= padding[i] == (needed / 2, needed - (needed / 2));
        }

        bool causal = padding is [(int before, 0)] && before == dilations[0] * (kernel[0] - 1L);
        return same ? options with { Padding = ConvPadding.Same } : causal ? options with { Padding = ConvPadding.Causal } : null;
    }

    private static int[] Sizes(Shape shape) => shape.Rank switch
    {
        1 => [shape[0]],
        2 => [shape[0], shape[1]],
        _ => [shape[0], shape[1], shape[2]],
    };
}
