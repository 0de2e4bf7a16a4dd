namespace EmbeddedBackprop.Onnx;

/// <summary>Nodes whose inputs are all known: shapes that a graph computes, zeros for a first state, weights that are cut or joined.</summary>
internal static class OnnxFolding
{
    /// <summary>The value of a node of known inputs; null if nodes of this kind are not computed in advance.</summary>
    public static OnnxConstant? Fold(OnnxCall call) => call.Node.OpType switch
    {
        "Identity" or "Dropout" => Same(call),
        "Cast" => Cast(call),
        "Constant" => Constant(call),
        "ConstantOfShape" => ConstantOfShape(call),
        "Shape" => Shape(call, call.Constant(0).Dims),
        "Gather" => Gather(call),
        "Unsqueeze" or "Squeeze" or "Reshape" => Resize(call),
        "Transpose" => Transpose(call),
        "Concat" => Concat(call),
        "Slice" => Slice(call),
        "Expand" => Expand(call),
        "Add" or "Sub" or "Mul" or "Div" => Arithmetic(call),
        _ => null,
    };

    /// <summary>Sizes as a list of whole numbers.</summary>
    public static OnnxConstant Shape(OnnxCall call, ReadOnlySpan<long> dims)
    {
        int first = Clamped(call.Int("start", 0), dims.Length), end = Clamped(call.Int("end", int.MaxValue), dims.Length);
        long[] taken = first < end ? dims[first..end].ToArray() : [];
        return new OnnxConstant([taken.Length], taken);
    }

    /// <summary>The sizes that a Reshape asks for, 0 and -1 resolved, of known elements.</summary>
    public static long[] Resolve(OnnxCall call, ReadOnlySpan<long> from, ReadOnlySpan<long> asked, long count)
    {
        long[] dims = asked.ToArray();
        int open = -1;
        long rest = 1;
        for (int i = 0; i < dims.Length; i++)
        {
            dims[i] = dims[i] == 0 && i < from.Length ? from[i] : dims[i];
            if (dims[i] == -1 && open < 0)
            {
                open = i;
                continue;
            }

            rest = dims[i] > 0 && dims[i] <= int.MaxValue ? checked(rest * dims[i]) : throw call.Refused($"a size of {dims[i]}");
        }

        if (open >= 0)
        {
            dims[open] = count / rest;
            rest *= dims[open];
        }

        return rest == count ? dims : throw call.Refused($"{count} elements under the sizes [{string.Join(", ", asked.ToArray())}]");
    }

    private static int Clamped(int index, int length) => Math.Clamp(index < 0 ? index + length : index, 0, length);

    private static OnnxConstant Same(OnnxCall call)
    {
        call.Ignore("ratio");
        call.Ignore("seed");
        return call.Constant(0);
    }

    private static OnnxConstant Cast(OnnxCall call)
    {
        OnnxConstant from = call.Constant(0);
        OnnxType to = (OnnxType)call.Int("to", 0);
        return to switch
        {
            OnnxType.Int64 or OnnxType.Int32 when from.IsInteger => from,
            OnnxType.Float or OnnxType.Double when !from.IsInteger => from,
            OnnxType.Int64 or OnnxType.Int32 => new OnnxConstant(
                from.Dims,
                Array.ConvertAll(Taken(call, from).Floats.ToArray(), value => (long)value)),
            OnnxType.Float or OnnxType.Double => new OnnxConstant(
                from.Dims,
                Array.ConvertAll(Taken(call, from).Integers.ToArray(), value => (float)value)),
            _ => throw call.Refused($"a cast to {to}"),
        };
    }

    private static OnnxConstant Constant(OnnxCall call)
    {
        if (call.Any("value") is { Type: OnnxAttributeType.Tensor, Tensor: { } tensor })
        {
            return OnnxConstant.Read(tensor, out string reason) ?? throw call.Refused(reason);
        }

        return call.Any("value_float") is { Type: OnnxAttributeType.Float } real ? new OnnxConstant([], [real.Float])
            : call.Any("value_int") is { Type: OnnxAttributeType.Int } number ? new OnnxConstant([], [number.Int])
            : call.Any("value_floats") is { Type: OnnxAttributeType.Floats } reals ? new OnnxConstant([reals.Floats.Length], reals.Floats)
            : call.Any("value_ints") is { Type: OnnxAttributeType.Ints } numbers ? new OnnxConstant([numbers.Ints.Length], numbers.Ints)
            : throw call.Refused("a constant that is neither a tensor nor numbers");
    }

    private static OnnxConstant ConstantOfShape(OnnxCall call)
    {
        long[] dims = Sizes(call, 0);
        if (call.Any("value") is not { } given)
        {
            return new OnnxConstant(dims, new float[1]);
        }

        OnnxConstant? value = given.Tensor is null ? null : OnnxConstant.Read(given.Tensor, out _);
        return value is { Stored: 1 } ? value.Sized(dims) : throw call.Refused("a value that is not one number");
    }

    private static OnnxConstant Expand(OnnxCall call)
    {
        OnnxConstant from = call.Constant(0);
        long[] dims = Sizes(call, 1);
        return from.Stored == 1 ? from.Sized(dims)
            : from.SingleValue is { } value ? new OnnxConstant(dims, [value])
            : from.Dims.AsSpan().SequenceEqual(dims) ? from
            : throw call.Refused("a repetition of different elements");
    }

    /// <summary>Sizes that are an input; the batch may be among them.</summary>
    private static long[] Sizes(OnnxCall call, int input)
    {
        long[] dims = call.Indices(input) ?? throw call.Refused("sizes are missing");
        if (dims.Length > OnnxReader.MostSizes || Array.Exists(dims, size => size is < 0 or > int.MaxValue && size != OnnxConstant.Batch))
        {
            throw call.Refused($"the sizes [{string.Join(", ", dims)}]");
        }

        return dims;
    }

    private static OnnxConstant Gather(OnnxCall call)
    {
        OnnxConstant from = Taken(call, call.Constant(0)), indices = Taken(call, call.Constant(1));
        int axis = call.Axis(call.Int("axis", 0), from.Dims.Length);
        if (!indices.IsInteger || indices.Dims.Length > 1)
        {
            throw call.Refused("indices of more than one axis");
        }

        (int before, int size, int after) = Parts(from.Dims, axis);
        int[] chosen = Array.ConvertAll(indices.Integers.ToArray(), index => call.Axis(index, size));
        return Chosen(call, from, [.. from.Dims[..axis], .. indices.Dims, .. from.Dims[(axis + 1)..]], before, size, after, chosen);
    }

    private static OnnxConstant Slice(OnnxCall call)
    {
        OnnxConstant from = call.Constant(0);
        foreach ((int axis, int first, int count, int step) in Cuts(call, from.Dims))
        {
            long[] dims = [.. from.Dims];
            dims[axis] = count;
            if (from.IsUniform)
            {
                from = from.Sized(dims);
                continue;
            }

            (int before, int size, int after) = Parts(from.Dims, axis);
            int[] chosen = new int[count];
            for (int i = 0; i < count; i++)
            {
                chosen[i] = first + (i * step);
            }

            from = Chosen(call, from, dims, before, size, after, chosen);
        }

        return from;
    }

    /// <summary>The ranges of a Slice: axis, first position, how many, and the step between them.</summary>
    public static List<(int Axis, int First, int Count, int Step)> Cuts(OnnxCall call, long[] dims)
    {
        long[] starts = call.Indices(1) ?? throw call.Refused("starts are missing"), ends = call.Indices(2) ?? throw call.Refused("ends are missing");
        long[] axes = call.Indices(3) ?? [.. Enumerable.Range(0, starts.Length).Select(axis => (long)axis)];
        long[] steps = call.Indices(4) ?? [.. Enumerable.Repeat(1L, starts.Length)];
        if (ends.Length != starts.Length || axes.Length != starts.Length || steps.Length != starts.Length || starts.Length > OnnxReader.MostSizes)
        {
            throw call.Refused("starts, ends, axes and steps of different lengths");
        }

        List<(int, int, int, int)> cuts = [];
        for (int i = 0; i < starts.Length; i++)
        {
            int axis = call.Axis(axes[i], dims.Length);
            long size = dims[axis], step = steps[i];
            if (size == OnnxConstant.Batch)
            {
                if (starts[i] == 0 && ends[i] >= int.MaxValue && step == 1)
                {
                    continue;
                }

                throw call.Refused("a part of the batch");
            }

            if (step is 0 or > int.MaxValue or < -int.MaxValue)
            {
                throw call.Refused($"a step of {step}");
            }

            // Outside positions are moved to the nearest inside, as in Python.
            long low = step > 0 ? 0 : -1, high = step > 0 ? size : size - 1;
            long first = Math.Clamp(starts[i] < 0 ? starts[i] + size : starts[i], step > 0 ? 0 : -1, high);
            long end = Math.Clamp(ends[i] < 0 ? Math.Max(ends[i], long.MinValue + size) + size : ends[i], low, step > 0 ? size : high);
            long count = step > 0 ? (end - first + step - 1) / step : (first - end - step - 1) / -step;
            cuts.Add((axis, (int)Math.Max(first, 0), (int)Math.Max(count, 0), (int)step));
        }

        return cuts;
    }

    private static OnnxConstant Resize(OnnxCall call)
    {
        OnnxConstant from = call.Constant(0);
        if (call.Node.OpType == "Reshape")
        {
            call.Ignore("allowzero");
            long[] asked = call.Indices(1) ?? throw call.Refused("sizes are missing");
            return Taken(call, from).Sized(Resolve(call, from.Dims, asked, from.Stored));
        }

        return from.Sized(call.Node.OpType == "Squeeze" ? Squeezed(call, from.Dims) : Unsqueezed(call, from.Dims));
    }

    /// <summary>The sizes without those of the axes that are named, or without every 1.</summary>
    public static long[] Squeezed(OnnxCall call, long[] dims)
    {
        HashSet<int> axes = call.Indices(1) is { } given
            ? [.. given.Select(axis => call.Axis(axis, dims.Length))]
            : [.. Enumerable.Range(0, dims.Length).Where(axis => dims[axis] == 1)];
        foreach (int axis in axes)
        {
            if (dims[axis] != 1)
            {
                throw call.Refused(
                    dims[axis] == OnnxConstant.Batch ? "the batch is taken away" : $"a size of {dims[axis]} is taken away as if it were 1");
            }
        }

        return [.. dims.Where((_, axis) => !axes.Contains(axis))];
    }

    /// <summary>The sizes with a 1 at each of the axes that are named.</summary>
    public static long[] Unsqueezed(OnnxCall call, long[] dims)
    {
        long[] given = call.Indices(1) ?? throw call.Refused("axes are missing");
        int rank = dims.Length + given.Length;
        HashSet<int> axes = rank <= OnnxReader.MostSizes ? [.. given.Select(axis => call.Axis(axis, rank))] : throw call.Refused($"{rank} sizes");
        if (axes.Count != given.Length)
        {
            throw call.Refused("an axis that is named twice");
        }

        long[] result = new long[rank];
        for (int axis = 0, next = 0; axis < rank; axis++)
        {
            result[axis] = axes.Contains(axis) ? 1 : dims[next++];
        }

        return result;
    }

    private static OnnxConstant Transpose(OnnxCall call)
    {
        OnnxConstant from = Taken(call, call.Constant(0));
        int[] order = Order(call, from.Dims.Length);
        long[] dims = Array.ConvertAll(order, axis => from.Dims[axis]);
        int[] strides = new int[order.Length], elements = Elements(call, from.Stored), at = new int[order.Length];
        for (int axis = order.Length - 1, stride = 1; axis >= 0; axis--)
        {
            strides[Array.IndexOf(order, axis)] = stride;
            stride *= (int)from.Dims[axis];
        }

        for (int i = 0, element = 0; i < elements.Length; i++)
        {
            elements[i] = element;
            for (int axis = dims.Length - 1; axis >= 0; axis--)
            {
                element += strides[axis];
                if (++at[axis] < dims[axis])
                {
                    break;
                }

                element -= at[axis] * strides[axis];
                at[axis] = 0;
            }
        }

        return from.With(dims, elements);
    }

    /// <summary>The order of the axes after a Transpose.</summary>
    public static int[] Order(OnnxCall call, int rank)
    {
        int[] order = call.Ints("perm") ?? [.. Enumerable.Range(0, rank).Reverse()];
        return order.Length == rank && order.Order().SequenceEqual(Enumerable.Range(0, rank))
            ? order
            : throw call.Refused($"perm [{string.Join(", ", order)}] is no order of {rank} axes");
    }

    private static OnnxConstant Concat(OnnxCall call)
    {
        OnnxConstant[] parts = [.. Enumerable.Range(0, call.Node.Inputs.Length).Select(input => Taken(call, call.Constant(input)))];
        int axis = call.Axis(call.Int("axis", 0), parts[0].Dims.Length);
        long size = 0, count = 0;
        foreach (OnnxConstant part in parts)
        {
            bool fits = part.Dims.Length == parts[0].Dims.Length && part.IsInteger == parts[0].IsInteger;
            for (int other = 0; fits && other < part.Dims.Length; other++)
            {
                fits = other == axis || part.Dims[other] == parts[0].Dims[other];
            }

            (size, count) = fits ? (size + part.Dims[axis], count + part.Stored) : throw call.Refused("parts of different sizes");
        }

        long[] dims = [.. parts[0].Dims];
        dims[axis] = size;
        (int before, _, _) = Parts(dims, axis);
        _ = Elements(call, count);
        float[] floats = parts[0].IsInteger ? [] : new float[count];
        long[] integers = parts[0].IsInteger ? new long[count] : [];
        int at = 0;
        for (int row = 0; row < before; row++)
        {
            foreach (OnnxConstant part in parts)
            {
                int length = part.Stored / before;
                if (part.IsInteger)
                {
                    part.Integers.Slice(row * length, length).CopyTo(integers.AsSpan(at));
                }
                else
                {
                    part.Floats.Slice(row * length, length).CopyTo(floats.AsSpan(at));
                }

                at += length;
            }
        }

        return parts[0].IsInteger ? new OnnxConstant(dims, integers) : new OnnxConstant(dims, floats);
    }

    /// <summary>Element by element, or with one element for all.</summary>
    private static OnnxConstant Arithmetic(OnnxCall call)
    {
        OnnxConstant x = Taken(call, call.Constant(0)), y = Taken(call, call.Constant(1));
        if (x.IsInteger != y.IsInteger || (x.Stored != 1 && y.Stored != 1 && !x.Dims.AsSpan().SequenceEqual(y.Dims)))
        {
            throw call.Refused("constants of different sizes or types");
        }

        long[] dims = x.Stored > y.Stored || (x.Stored == y.Stored && x.Dims.Length >= y.Dims.Length) ? x.Dims : y.Dims;
        int count = Math.Min(x.Stored, y.Stored) == 0 ? 0 : Math.Max(x.Stored, y.Stored);
        _ = Elements(call, count);
        if (x.IsInteger)
        {
            long[] integers = new long[count];
            for (int i = 0; i < count; i++)
            {
                integers[i] = Combine(call, x.Integers[x.Stored == 1 ? 0 : i], y.Integers[y.Stored == 1 ? 0 : i]);
            }

            return new OnnxConstant(dims, integers);
        }

        float[] floats = new float[count];
        for (int i = 0; i < count; i++)
        {
            float a = x.Floats[x.Stored == 1 ? 0 : i], b = y.Floats[y.Stored == 1 ? 0 : i];
            floats[i] = call.Node.OpType switch { "Add" => a + b, "Sub" => a - b, "Mul" => a * b, _ => a / b };
        }

        return new OnnxConstant(dims, floats);
    }

    private static long Combine(OnnxCall call, long a, long b)
    {
        string type = call.Node.OpType;
        if (a == OnnxConstant.Batch || b == OnnxConstant.Batch)
        {
            long other = a == OnnxConstant.Batch ? b : a;
            bool first = a == OnnxConstant.Batch;
            return
                (type is "Mul" && other == 1)
                || (type is "Div" && first && other == 1)
                || (type is "Add" && other == 0)
                || (type is "Sub" && first && other == 0)
                ? OnnxConstant.Batch
                : throw call.Refused("it computes with the number of samples, which is no part of a net");
        }

        return type == "Div" && (b == 0 || (a == long.MinValue && b == -1))
            ? throw call.Refused($"{a} / {b}")
            : checked(type switch { "Add" => a + b, "Sub" => a - b, "Mul" => a * b, _ => a / b });
    }

    /// <summary>A constant with all its elements stored.</summary>
    private static OnnxConstant Taken(OnnxCall call, OnnxConstant constant)
    {
        if (!constant.IsUniform)
        {
            return constant;
        }

        long count = constant.Count ?? throw call.Refused("a constant whose size is that of the batch");
        return constant.With(constant.Dims, Elements(call, count));
    }

    /// <summary>Memory for so many elements, counted: the folding of a small file must not fill a large memory.</summary>
    private static int[] Elements(OnnxCall call, long count)
    {
        call.Scope.FoldingLeft -= count;
        return call.Scope.FoldingLeft >= 0 ? new int[count] : throw call.Refused("the constants of this file would take too much memory");
    }

    private static OnnxConstant Chosen(OnnxCall call, OnnxConstant from, long[] dims, int before, int size, int after, int[] chosen)
    {
        int[] elements = Elements(call, (long)before * chosen.Length * after);
        int next = 0;
        for (int row = 0; row < before; row++)
        {
            foreach (int index in chosen)
            {
                for (int i = 0; i < after; i++)
                {
                    elements[next++] = (((row * size) + index) * after) + i;
                }
            }
        }

        return from.With(dims, elements);
    }

    /// <summary>The products of the sizes before an axis and after it.</summary>
    private static (int Before, int Size, int After) Parts(ReadOnlySpan<long> dims, int axis)
    {
        int before = 1, after = 1;
        for (int i = 0; i < dims.Length; i++)
        {
            before = i < axis ? checked(before * (int)dims[i]) : before;
            after = i > axis ? checked(after * (int)dims[i]) : after;
        }

        return (before, (int)dims[axis], after);
    }
}
