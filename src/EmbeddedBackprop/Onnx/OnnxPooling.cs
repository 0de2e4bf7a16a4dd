using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Onnx;

/// <summary>Ops that make fewer elements of many: windows, whole channels, the steps of a sequence.</summary>
internal static class OnnxPooling
{
    public static void Max(OnnxCall call)
    {
        call.LimitOutputs(1);
        _ = call.Int("storage_order", 0); // of the indices, which nobody reads
        OnnxData x = call.Data(0);
        (int[] window, int[] stride, (int Height, int Width) padding) = Window(call, x);
        Op op = window.Length == 1
            ? new MaxPool1D(window[0], stride[0], padding.Width)
            : new MaxPool2D((window[0], window[1]), (stride[0], stride[1]), padding);
        Set(call, x, op);
    }

    public static void Average(OnnxCall call)
    {
        OnnxData x = call.Padded(0);
        bool counts = call.Int("count_include_pad", 0) != 0;
        if (x.Padding is not null)
        {
            // Zeros that a Pad added are counted; the op's own padding beside them would not be.
            if (!counts && (call.Word("auto_pad", "NOTSET") != "NOTSET" || call.Ints("pads") is { } pads && Array.Exists(pads, pad => pad != 0)))
            {
                throw call.Refused("padding after a Pad, of which only one is counted");
            }

            counts = true;
        }

        (int[] window, int[] stride, (int Height, int Width) padding) = Window(call, x);
        Op op = window.Length == 1
            ? new AveragePool1D(window[0], stride[0], padding.Width) { CountIncludePad = counts }
            : new AveragePool2D((window[0], window[1]), (stride[0], stride[1]), padding) { CountIncludePad = counts };
        Set(call, x with { Padding = null }, op);
    }

    public static void Global(OnnxCall call)
    {
        OnnxData x = call.Data(0);
        int axes = OnnxLayers.Spatial(call, x);
        Op op = call.Node.OpType == "GlobalMaxPool" ? new GlobalMaxPool() : new GlobalAveragePool();
        Node node = call.Scope.Graph.Apply(op, call.Scope.Shaped(x, x.Sizes));
        call.Set(node, axes == 1 ? [x.Sizes[0], 1] : [x.Sizes[0], 1, 1]);
    }

    /// <summary>The mean or maximum over the positions of each channel, or over the steps of a sequence.</summary>
    public static void Reduce(OnnxCall call)
    {
        OnnxData x = call.Data(0);
        bool max = call.Node.OpType == "ReduceMax", keeps = call.Int("keepdims", 1) != 0;
        int[] given = call.Ints("axes") ?? throw call.Refused("no axes: all samples of a batch are put together");
        HashSet<int> axes = [.. given.Select(axis => call.SampleAxis(x, axis, "a reduction"))];
        int[] kept = [.. Enumerable.Range(0, x.Sizes.Length).Where(axis => !axes.Contains(axis))];
        int least = axes.Count == 0 ? 0 : axes.Min(), rest = kept.Length == 0 ? 0 : kept.Max(), reduced = 1;
        foreach (int axis in axes)
        {
            reduced *= x.Sizes[axis];
        }

        int left = x.Length / reduced;
        Node node;
        if (reduced == 1)
        {
            node = call.Scope.Shaped(x, left);
        }
        else if (kept.Length == 0 || rest < least)
        {
            // The last axes: every channel has one result.
            Node channels = kept is [0] && x.Sizes.Length is 2 or 3 ? call.Scope.Shaped(x, x.Sizes) : call.Scope.Shaped(x, left, reduced);
            node = call.Scope.Graph.Apply(max ? new GlobalMaxPool() : new GlobalAveragePool(), channels);
        }
        else if (axes.Max() < kept.Min())
        {
            // The first axes: steps.
            node = call.Scope.Graph.Apply(max ? new MaxOverTime() : new MeanOverTime(), call.Scope.Shaped(x, reduced, left));
        }
        else
        {
            throw call.Refused($"axes [{string.Join(", ", given)}] that are neither the first nor the last of a sample");
        }

        int[] sizes = keeps ? [.. x.Sizes.Select((size, axis) => axes.Contains(axis) ? 1 : size)] : [.. kept.Select(axis => x.Sizes[axis])];
        int before = axes.Count(axis => axis < x.BatchAxis);
        call.Set(new OnnxData(node, sizes, keeps ? x.BatchAxis : x.BatchAxis - before, Integers: false));
    }

    private static void Set(OnnxCall call, OnnxData x, Op op)
    {
        Node node = call.Scope.Graph.Apply(op, call.Scope.Shaped(x, x.Sizes));
        call.Set(node, node.Shape.Rank == 2 ? [node.Shape[0], node.Shape[1]] : [node.Shape[0], node.Shape[1], node.Shape[2]]);
    }

    private static (int[] Window, int[] Stride, (int Height, int Width) Padding) Window(OnnxCall call, OnnxData x)
    {
        int axes = OnnxLayers.Spatial(call, x);
        int[] window = call.Ints("kernel_shape") is { } given && given.Length == axes && Array.TrueForAll(given, size => size > 0)
            ? given
            : throw call.Refused($"kernel_shape: expected {axes} positive sizes");
        int[] strides = call.Ints("strides", axes, 1, 1), dilations = call.Ints("dilations", axes, 1, 1);
        if (Array.Exists(dilations, step => step != 1))
        {
            throw call.Refused("a window with gaps (dilations)");
        }

        (int Before, int After)[] padding = OnnxLayers.Padding(call, x, window, strides, dilations);
        bool ceil = call.Int("ceil_mode", 0) != 0;
        for (int i = 0; i < axes; i++)
        {
            if (padding[i].Before != padding[i].After)
            {
                throw call.Refused($"padding [{string.Join(", ", padding)}] that is not even");
            }

            long room = x.Sizes[i + 1] + (2L * padding[i].Before) - window[i];
            if (ceil && room % strides[i] != 0)
            {
                throw call.Refused(
                    $"ceil_mode, where windows of {window[i]} with stride {strides[i]} reach over the end of {x.Sizes[i + 1]} elements");
            }
        }

        return (window, strides, (axes == 1 ? 0 : padding[0].Before, padding[^1].Before));
    }
}
