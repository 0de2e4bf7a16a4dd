using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Onnx;

/// <summary>
/// Ops that compute nothing: other sizes, another order, parts and joins. Most cost nothing, because a sample's elements keep their order.
/// </summary>
internal static class OnnxMoves
{
    public static void Shape(OnnxCall call)
    {
        OnnxData x = call.Data(0);
        call.Set(OnnxFolding.Shape(call, Dims(x)));
    }

    public static void Identity(OnnxCall call) => call.Set(call.Padded(0));

    public static void Cast(OnnxCall call)
    {
        OnnxData x = call.Data(0);
        OnnxType to = (OnnxType)call.Int("to", 0);

        // Indices that come as floats: our embedding takes whole numbers alone, so the cast changes none.
        bool indices =
            to is OnnxType.Int64 or OnnxType.Int32
            && !call.Scope.IsResult(call.Node.Outputs[0])
            && call.Scope.Readers(call.Node.Outputs[0])
                .All(node => node is { OpType: "Gather", Inputs: [_, string read] } && read == call.Node.Outputs[0]);
        call.Set(
            (to, x.Integers) switch
            {
                (_, false) when indices => x with { Integers = true },
                (OnnxType.Float or OnnxType.Double, _) => x with { Integers = false },
                (OnnxType.Int64 or OnnxType.Int32, true) => x,
                _ => throw call.Refused($"a cast of floats to {to}, which would change them"),
            });
    }

    public static void Dropout(OnnxCall call)
    {
        OnnxData x = call.Data(0);
        call.Ignore("seed");
        call.LimitOutputs(1);
        float share = call.Has(1) ? call.Weights(1).SingleValue ?? -1f : 0.5f;
        call.Set(share == 0f ? x : x with { Node = call.Scope.Graph.Apply(new Dropout(share), OnnxScope.NodeOf(x)), Sequence = null });
    }

    public static void Flatten(OnnxCall call)
    {
        OnnxData x = call.Data(0);
        int given = call.Int("axis", 1), axis = given == x.Rank ? given : call.Axis(given, x.Rank);
        int before = 1;
        for (int i = 0; i < x.BatchAxis; i++)
        {
            before *= x.Sizes[i];
        }

        call.Set(axis == x.BatchAxis + 1 && before == 1
            ? x with { Sizes = [x.Length], BatchAxis = 0 }
            : throw call.Refused($"axis {given}: it puts samples and their elements together"));
    }

    public static void Squeeze(OnnxCall call)
    {
        OnnxData x = call.Data(0);
        Set(call, x, OnnxFolding.Squeezed(call, Dims(x)));
    }

    public static void Unsqueeze(OnnxCall call)
    {
        OnnxData x = call.Data(0);
        Set(call, x, OnnxFolding.Unsqueezed(call, Dims(x)));
    }

    public static void Expand(OnnxCall call)
    {
        OnnxData x = call.Data(0);
        long[] dims = call.Indices(1) ?? throw call.Refused("sizes are missing");
        long[] own = Dims(x);
        bool same = dims.Length <= own.Length;
        for (int i = 0; same && i < dims.Length; i++)
        {
            long size = own[own.Length - dims.Length + i];
            same = dims[i] == 1 || dims[i] == size || (size == OnnxConstant.Batch && dims[i] == call.Scope.FixedBatch);
        }

        call.Set(same ? x : throw call.Refused("elements are repeated"));
    }

    public static void Reshape(OnnxCall call)
    {
        OnnxData x = call.Data(0);
        call.Ignore("allowzero");
        long[] asked = call.Indices(1) ?? throw call.Refused("sizes are missing");
        long[] dims = asked.Length <= OnnxReader.MostSizes ? [.. asked] : throw call.Refused($"{asked.Length} sizes");
        long[] own = Dims(x);
        for (int i = 0; i < dims.Length; i++)
        {
            dims[i] = dims[i] == 0 && i < own.Length ? own[i] : dims[i];
        }

        int batch = Batch(call, x, dims);
        int[] sizes = [.. OnnxFolding.Resolve(call, [], [.. dims.Where((_, axis) => axis != batch)], x.Length).Select(size => (int)size)];
        long before = 1, after = 1;
        for (int i = 0; i < Math.Max(x.BatchAxis, batch); i++)
        {
            before *= i < x.BatchAxis ? x.Sizes[i] : 1;
            after *= i < batch ? sizes[i] : 1;
        }

        call.Set(before == after ? x with { Sizes = sizes, BatchAxis = batch } : throw call.Refused("elements of different samples change places"));
    }

    public static void Transpose(OnnxCall call)
    {
        OnnxData x = call.Data(0);
        int[] order = OnnxFolding.Order(call, x.Rank);
        int batch = Array.IndexOf(order, x.BatchAxis);
        int[] axes = [.. order.Where(axis => axis != x.BatchAxis).Select(x.SampleAxis)];
        int[] sizes = Array.ConvertAll(axes, axis => x.Sizes[axis]);

        // Without sizes of 1, which do not move anything, one cut through the order remains: the last axes now come first.
        int[] moved = [.. axes.Where(axis => x.Sizes[axis] > 1)];
        int cut = 0;
        while (cut + 1 < moved.Length && moved[cut] < moved[cut + 1])
        {
            cut++;
        }

        if (cut + 1 >= moved.Length)
        {
            call.Set(x with { Sizes = sizes, BatchAxis = batch });
            return;
        }

        int[] turned = [.. moved[(cut + 1)..], .. moved[..(cut + 1)]];
        if (!turned.SequenceEqual(turned.Order()))
        {
            throw call.Refused(
                $"perm [{string.Join(", ", order)}] of a sample of [{string.Join(", ", x.Sizes)}]: only two groups of axes change places here");
        }

        int rows = 1;
        foreach (int axis in moved[(cut + 1)..])
        {
            rows *= x.Sizes[axis];
        }

        Node node = call.Scope.Swapped(call.Scope.Shaped(x, rows, x.Length / rows));
        call.Set(x with { Node = node, Sequence = null, Sizes = sizes, BatchAxis = batch });
    }

    public static void Pad(OnnxCall call)
    {
        OnnxData x = call.Padded(0);
        string mode = call.Word("mode", "constant");
        long[] pads = call.Indices(1) ?? throw call.Refused("pads are missing");
        if (mode != "constant" || (call.Has(2) && call.Constant(2).SingleValue != 0f))
        {
            throw call.Refused(mode != "constant" ? $"the mode '{OnnxNames.Shown(mode)}'" : "a value other than 0");
        }

        if (pads.Length != 2 * x.Rank || Array.Exists(pads, pad => pad is < 0 or > int.MaxValue))
        {
            throw call.Refused($"pads [{string.Join(", ", pads)}] of a value with {x.Rank} sizes");
        }

        if (pads[x.BatchAxis] != 0 || pads[x.BatchAxis + x.Rank] != 0)
        {
            throw call.Refused("samples are added to the batch");
        }

        (int Before, int After)[] padding = x.Padding is { } earlier ? [.. earlier] : new (int, int)[x.Sizes.Length];
        for (int axis = 0; axis < x.Rank; axis++)
        {
            if (axis != x.BatchAxis)
            {
                ref (int Before, int After) pad = ref padding[x.SampleAxis(axis)];
                pad = checked((pad.Before + (int)pads[axis], pad.After + (int)pads[axis + x.Rank]));
            }
        }

        call.Set(Array.TrueForAll(padding, pad => pad == (0, 0)) ? x : x with { Padding = padding });
    }

    public static void Slice(OnnxCall call)
    {
        OnnxData x = call.Data(0);
        foreach ((int axis, int first, int count, int step) in OnnxFolding.Cuts(call, Dims(x)))
        {
            if (step != 1 && count > 1)
            {
                throw call.Refused($"a step of {step}: every element of a range is taken here");
            }

            int sample = x.SampleAxis(axis);
            x = count == 1 && first + 1 == x.Sizes[sample] && Last(call, x, sample, out OnnxData? last)
                ? last! with { Sizes = [.. x.Sizes[..sample], 1, .. x.Sizes[(sample + 1)..]] }
                : Part(call, x, sample, first, count);
        }

        call.Set(x);
    }

    /// <summary>One position of an axis, which is no longer there then.</summary>
    public static void Take(OnnxCall call)
    {
        OnnxData x = call.Data(0);
        OnnxConstant index = call.Constant(1);
        int axis = call.Axis(call.Int("axis", 0), x.Rank), sample = call.SampleAxis(x, axis, "a choice");
        if (!index.IsInteger || index.Stored != 1 || index.Dims.Length > 1)
        {
            throw call.Refused("several positions: one is taken here, or a range by Slice");
        }

        int position = call.Axis(index.Integers[0], x.Sizes[sample]);
        bool isLast = position + 1 == x.Sizes[sample];
        OnnxData part = isLast && Last(call, x, sample, out OnnxData? last) ? last! : Part(call, x, sample, position, 1);
        int[] sizes = [.. x.Sizes[..sample], .. (index.Dims.Length == 1 ? [1] : Array.Empty<int>()), .. x.Sizes[(sample + 1)..]];
        call.Set(part with { Sizes = sizes, BatchAxis = index.Dims.Length == 0 && axis < x.BatchAxis ? x.BatchAxis - 1 : x.BatchAxis });
    }

    public static void Split(OnnxCall call)
    {
        OnnxData x = call.Data(0);
        int axis = call.SampleAxis(x, call.Int("axis", 0), "a split"), outputs = call.Node.Outputs.Length, first = 0;
        int each = (x.Sizes[axis] + outputs - 1) / outputs;
        long[] sizes = call.Indices(1) ?? [.. Enumerable.Range(0, outputs).Select(i => (long)Math.Min(each, x.Sizes[axis] - (i * each)))];
        if (sizes.Length != outputs || sizes.Sum() != x.Sizes[axis] || Array.Exists(sizes, size => size <= 0))
        {
            throw call.Refused($"parts of [{string.Join(", ", sizes)}] of {x.Sizes[axis]} elements for {outputs} outputs");
        }

        for (int i = 0; i < outputs; i++)
        {
            if (call.Scope.IsRead(call.Node.Outputs[i]))
            {
                call.Set(Part(call, x, axis, first, (int)sizes[i]), i);
            }

            first += (int)sizes[i];
        }
    }

    public static void Concat(OnnxCall call)
    {
        OnnxData[] parts = [.. Enumerable.Range(0, call.Node.Inputs.Length).Select(call.Data)];
        OnnxData first = parts[0];
        int axis = call.SampleAxis(first, call.Int("axis", 0), "a join"), size = 0;
        foreach (OnnxData part in parts)
        {
            bool fits = part.Sizes.Length == first.Sizes.Length && part.BatchAxis == first.BatchAxis;
            for (int other = 0; fits && other < part.Sizes.Length; other++)
            {
                fits = other == axis || part.Sizes[other] == first.Sizes[other];
            }

            size = fits ? checked(size + part.Sizes[axis]) : throw call.Refused("parts of different sizes");
        }

        int[] sizes = [.. first.Sizes[..axis], size, .. first.Sizes[(axis + 1)..]];
        if (parts.Length == 1)
        {
            call.Set(first);
            return;
        }

        (int before, int after) = Around(first, axis);
        if (before != 1 && after != 1)
        {
            throw call.Refused($"axis {axis + 1} of [{string.Join(", ", sizes)}]: the first or the last axis is joined here");
        }

        Node[] nodes = Array.ConvertAll(parts, part => before == 1
            ? First(call, part, axis, after)
            : call.Scope.Swapped(call.Scope.Shaped(part, before, part.Sizes[axis])));
        Node joined = call.Scope.Graph.Apply(new Concat(), nodes);
        call.Set(first with { Node = before == 1 ? joined : call.Scope.Swapped(joined), Sequence = null, Sizes = sizes });
    }

    /// <summary>The sizes of ONNX, the batch as such.</summary>
    public static long[] Dims(OnnxData x)
    {
        long[] dims = new long[x.Rank];
        for (int axis = 0; axis < dims.Length; axis++)
        {
            dims[axis] = axis == x.BatchAxis ? OnnxConstant.Batch : x.Sizes[x.SampleAxis(axis)];
        }

        return dims;
    }

    /// <summary>A range of an axis of a sample.</summary>
    private static OnnxData Part(OnnxCall call, OnnxData x, int axis, int first, int count)
    {
        int[] sizes = [.. x.Sizes[..axis], count, .. x.Sizes[(axis + 1)..]];
        if (first == 0 && count == x.Sizes[axis])
        {
            return x;
        }

        if (count == 0)
        {
            throw call.Refused("an empty range");
        }

        (int before, int after) = Around(x, axis);
        Slice op = new(first, count);
        Node node = before == 1 ? call.Scope.Graph.Apply(op, First(call, x, axis, after))
            : after == 1 ? call.Scope.Swapped(call.Scope.Graph.Apply(op, call.Scope.Swapped(call.Scope.Shaped(x, before, x.Sizes[axis]))))
            : throw call.Refused($"a part of the axis {axis + 1} of [{string.Join(", ", x.Sizes)}]: the first or the last axis is cut here");
        return x with { Node = node, Sequence = null, Sizes = sizes };
    }

    /// <summary>The value with an axis as the first of its shape; before it are sizes of 1 alone.</summary>
    private static Node First(OnnxCall call, OnnxData x, int axis, int after) =>
        axis == 0 && x.Sizes.Length <= 3 ? call.Scope.Shaped(x, x.Sizes)
        : after == 1 ? call.Scope.Shaped(x, x.Sizes[axis])
        : call.Scope.Shaped(x, x.Sizes[axis], after);

    /// <summary>The last step of a recurrent layer that nothing else reads: the layer computes it alone.</summary>
    private static bool Last(OnnxCall call, OnnxData x, int axis, out OnnxData? last)
    {
        // Bidirectional, the last step is not where the second direction ends.
        bool alone = x.Sequence is { IsShared: false, IsBidirectional: false } && axis == 0 && x.Node is null && call.Node.Inputs.Length > 0;
        last = alone ? x with { Node = x.Sequence!.Last(), Sequence = null } : null;
        return alone;
    }

    private static (int Before, int After) Around(OnnxData x, int axis)
    {
        int before = 1, after = 1;
        for (int i = 0; i < x.Sizes.Length; i++)
        {
            before *= i < axis ? x.Sizes[i] : 1;
            after *= i > axis ? x.Sizes[i] : 1;
        }

        return (before, after);
    }

    private static void Set(OnnxCall call, OnnxData x, long[] dims)
    {
        int batch = Array.IndexOf(dims, OnnxConstant.Batch);
        call.Set(x with { Sizes = [.. dims.Where((_, axis) => axis != batch).Select(size => (int)size)], BatchAxis = batch });
    }

    /// <summary>Which of the sizes that a Reshape asks for is the batch.</summary>
    private static int Batch(OnnxCall call, OnnxData x, long[] dims)
    {
        int batch = Array.IndexOf(dims, OnnxConstant.Batch);
        if (batch >= 0)
        {
            return batch;
        }

        int open = Array.IndexOf(dims, -1L);
        long known = 1;
        foreach (long size in dims)
        {
            known = size is > 0 and <= int.MaxValue && known <= int.MaxValue ? known * size : size == -1 ? known : 0;
        }

        if (open >= 0 && known == x.Length)
        {
            return open;
        }

        for (int axis = 0; axis < dims.Length; axis++)
        {
            // A file for a fixed number of samples says so in its shapes.
            if (
                dims[axis] == call.Scope.FixedBatch
                && known > 0
                && (open >= 0 ? x.Length % (known / dims[axis]) == 0 : known / dims[axis] == x.Length))
            {
                return axis;
            }
        }

        throw call.Refused($"the sizes [{string.Join(", ", dims)}] for samples of {x.Length} elements: none of them is the batch");
    }
}
