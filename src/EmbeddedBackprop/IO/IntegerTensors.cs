using System.Globalization;
using System.Runtime.InteropServices;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels.Integers;
using EmbeddedBackprop.Ops.Integer;

namespace EmbeddedBackprop.IO;

/// <summary>
/// The tensors of a quantised model: LAYER.weight I8 [out, in], LAYER.bias I32 [out], their scales and the types of values F32. The float weights
/// that reading makes of them, scale q, are rounded to the same integers.
/// </summary>
internal sealed class IntegerTensors
{
    private readonly Dictionary<string, Stored> stored = new(StringComparer.Ordinal);
    private readonly List<(string Name, int Bits)> types = [];
    private readonly List<string> scales = [];
    private readonly List<(IntegerOp Op, Node Node)> layers = [];

    /// <param name="graph">A graph of integer ops.</param>
    public IntegerTensors(Graph graph)
    {
        foreach (Op op in graph.Ops)
        {
            if (op is IntegerOp integer)
            {
                AddTypes(integer);
                AddParameters(graph, integer);
            }
        }
    }

    /// <summary>Whether a range of state holds the extremes of the values that a training saw.</summary>
    public static bool IsObserved(string state) =>
        state.EndsWith(".extremes", StringComparison.Ordinal) || state.EndsWith(".table_extremes", StringComparison.Ordinal)
            || state.EndsWith(".cell_extremes", StringComparison.Ordinal);

    /// <summary>The type of a parameter in a file.</summary>
    public SafetensorsType TypeOf(string parameter) =>
        !stored.TryGetValue(parameter, out Stored found) ? SafetensorsType.F32
            : found.Integers.Bits == 8 ? SafetensorsType.I8
            : SafetensorsType.I32;

    /// <summary>Writes parameters and state; wider elements first, so that each tensor begins at a multiple of its element's size.</summary>
    /// <exception cref="ArgumentException">A weight or a bias is no float from which its integer is made again.</exception>
    public void Add(
        SafetensorsWriter writer, ReadOnlySpan<ParameterRange> ranges, ReadOnlySpan<float> parameters, ReadOnlySpan<StateRange> state,
        ReadOnlySpan<float> values)
    {
        Dictionary<string, float[]> known = new(StringComparer.Ordinal);
        List<StateRange> kept = [];
        foreach (ref readonly StateRange range in state)
        {
            // What a training sees of its values is not deployed.
            if (!range.PerSample && !IsObserved(range.Name))
            {
                known.Add(range.Name, values.Slice(range.Offset, range.Length).ToArray());
                kept.Add(range);
            }
        }

        foreach (SafetensorsType type in (ReadOnlySpan<SafetensorsType>)[SafetensorsType.F32, SafetensorsType.I32, SafetensorsType.I8])
        {
            foreach (ref readonly ParameterRange range in ranges)
            {
                if (TypeOf(range.Name) != type)
                {
                    continue;
                }

                float[] compact = new float[range.Count];
                range.CopyTo(parameters, compact.AsSpan());
                if (type == SafetensorsType.F32)
                {
                    writer.Add(range.Name, range.FileShape, compact);
                    continue;
                }

                int[] integers = Integers(in range, compact, known);
                if (type == SafetensorsType.I32)
                {
                    writer.AddIntegers(range.Name, range.FileShape, integers);
                }
                else
                {
                    writer.AddIntegers(range.Name, range.FileShape, Array.ConvertAll(integers, q => (sbyte)q));
                }
            }

            if (type == SafetensorsType.F32)
            {
                ModelTensors.AddState(writer, "", CollectionsMarshal.AsSpan(kept), values);
            }
        }
    }

    /// <summary>
    /// Checks the values of a file that has all tensors in their shapes: scales are normal and positive, zero points are within their type, every
    /// integer is one that a float makes, and no sum or factor leaves 32 bits.
    /// </summary>
    public void Check(SafetensorsFile file, ReadOnlySpan<ParameterRange> ranges)
    {
        foreach ((string name, int bits) in types)
        {
            CheckType(file, name, bits);
        }

        foreach (string name in scales)
        {
            float[] values = Floats(file, name);
            for (int i = 0; i < values.Length; i++)
            {
                CheckScale(file.GetTensor(name), i, values[i]);
            }
        }

        foreach (ref readonly ParameterRange range in ranges)
        {
            if (stored.ContainsKey(range.Name))
            {
                _ = Reals(file, in range);
            }
        }

        foreach ((IntegerOp op, Node node) in layers)
        {
            if (op is IntegerLayer layer)
            {
                CheckSums(file, layer, node);
            }
            else
            {
                CheckSums(file, (IntegerRecurrent)op);
            }
        }
    }

    /// <summary>Copies a parameter that was checked: scale q, rounded to float once.</summary>
    /// <returns>Whether the file holds it as integers.</returns>
    public bool TryCopy(SafetensorsFile file, in ParameterRange range, Span<float> parameters)
    {
        if (!stored.ContainsKey(range.Name))
        {
            return false;
        }

        range.CopyFrom<float>(Reals(file, in range), parameters);
        return true;
    }

    private void AddTypes(IntegerOp op)
    {
        foreach (StateRange range in StatesOf(op))
        {
            if (range.Name == RangeOf(op))
            {
                types.Add((range.Name, op.Result.Bits));
            }
            else if (range.Name == op.Name + ".table_range")
            {
                types.Add((range.Name, 8));
            }
            else if (range.Name == op.Name + ".cell_range")
            {
                types.Add((range.Name, 16));
            }
        }
    }

    private void AddParameters(Graph graph, IntegerOp op)
    {
        List<Node> uses = [.. graph.Nodes.Where(node => node.Op == op)];
        StateRange[] states = StatesOf(op);
        IReadOnlyList<ParameterRange> ranges = RangesOf(op);
        for (int i = 0; i < ranges.Count; i++)
        {
            if (op.Stored(i) is not { } integers)
            {
                continue;
            }

            IntegerValue[] inputs = integers.Input < 0 ? [] : [.. uses.Select(use => use.Inputs[integers.Input].Integers!).Distinct()];
            if (inputs.Length > 1)
            {
                continue; // No one integer is the bias of inputs of several scales.
            }

            string scale = states[integers.Scales].Name;
            stored.Add(ranges[i].Name, new(integers, scale, inputs is [IntegerValue input] ? RangeOf(input.Owner) : null));
            if (!scales.Contains(scale))
            {
                scales.Add(scale);
            }
        }

        if (op is IntegerLayer or IntegerRecurrent)
        {
            layers.AddRange(uses.Select(use => (op, use)));
        }
    }

    private static StateRange[] StatesOf(Op op)
    {
        StateLayout layout = new(Layout.Compact, batch: 1);
        op.DescribeState(layout);
        return layout.Ranges;
    }

    private static IReadOnlyList<ParameterRange> RangesOf(Op op)
    {
        ParameterLayout layout = new(Layout.Compact);
        op.DescribeParameters(layout);
        return layout.Ranges;
    }

    private static string RangeOf(Op owner) => owner.Name + ".range";

    /// <summary>The integers of a parameter; each must be that of the float that reading makes of it.</summary>
    private int[] Integers(in ParameterRange range, ReadOnlySpan<float> compact, Dictionary<string, float[]> state)
    {
        Stored tensor = stored[range.Name];
        float[] scale = state[tensor.Scales];
        float input = tensor.Input is null ? tensor.Integers.Factor : state[tensor.Input][0];
        int[] integers = new int[compact.Length];
        for (int i = 0; i < integers.Length; i++)
        {
            float s = scale[OutputOf(in range, tensor, i)];
            integers[i] = tensor.Integers.Bits == 8 ? IntegerWeights.Round(compact[i], s) : IntegerWeights.Bias(compact[i], input, s);
            if (!TryReal(tensor, integers[i], input, s, out _))
            {
                throw new ArgumentException(string.Create(
                    CultureInfo.InvariantCulture,
                    $"{range.Name}, element {i}: no float32 is rounded to {integers[i]} by the scales {input:R} and {s:R}"));
            }
        }

        return integers;
    }

    /// <summary>The floats of a parameter in a file.</summary>
    private float[] Reals(SafetensorsFile file, in ParameterRange range)
    {
        Stored tensor = stored[range.Name];
        SafetensorsTensor source = file.GetTensor(range.Name);
        float[] scale = Floats(file, tensor.Scales);
        float input = tensor.Input is null ? tensor.Integers.Factor : Floats(file, tensor.Input)[0];
        int[] integers = Integers(source);
        float[] reals = new float[integers.Length];
        int highest = tensor.Integers.Bits == 8 ? IntegerWeights.Highest : IntegerWeights.HighestBias;
        for (int i = 0; i < reals.Length; i++)
        {
            if (integers[i] < -highest || integers[i] > highest)
            {
                throw source.Error(
                    i, string.Create(CultureInfo.InvariantCulture, $"expected an integer from {-highest} to {highest}, got {integers[i]}"));
            }

            float s = scale[OutputOf(in range, tensor, i)];
            if (!TryReal(tensor, integers[i], input, s, out reals[i]))
            {
                throw source.Error(i, string.Create(
                    CultureInfo.InvariantCulture, $"{integers[i]} is the rounding of no float32 by the scales {input:R} and {s:R}"));
            }
        }

        return reals;
    }

    private static bool TryReal(Stored tensor, int q, float input, float scale, out float real)
    {
        if (tensor.Integers.Bits != 8)
        {
            return IntegerWeights.TryReal(q, input, scale, out real);
        }

        real = IntegerWeights.Real(q, scale);
        return float.IsFinite(real) && IntegerWeights.Round(real, scale) == q;
    }

    /// <summary>The output of an element in a file's order: dense weights are [out, in] there and [in][out] in memory.</summary>
    private static int OutputOf(in ParameterRange range, Stored tensor, int element) =>
        range.Dimensions is null ? element / range.Rows : tensor.Integers.Axis.OutputOf(element);

    private static int[] Integers(SafetensorsTensor tensor)
    {
        int[] integers = new int[tensor.Length];
        if (tensor.Type == SafetensorsType.I32)
        {
            tensor.CopyTo(integers);
            return integers;
        }

        sbyte[] bytes = new sbyte[tensor.Length];
        tensor.CopyTo(bytes);
        for (int i = 0; i < bytes.Length; i++)
        {
            integers[i] = bytes[i];
        }

        return integers;
    }

    private static float[] Floats(SafetensorsFile file, string name)
    {
        SafetensorsTensor tensor = file.GetTensor(name);
        float[] values = new float[tensor.Length];
        tensor.CopyTo(values);
        return values;
    }

    private static IntegerType Type(SafetensorsFile file, string name, int bits) => TypeRange.Read<float>(Floats(file, name), bits);

    private static void CheckType(SafetensorsFile file, string name, int bits)
    {
        SafetensorsTensor tensor = file.GetTensor(name);
        float[] range = Floats(file, name);
        CheckScale(tensor, 0, range[0]);
        float lowest = bits == 8 ? sbyte.MinValue : 0, highest = bits == 8 ? sbyte.MaxValue : 0;
        if (!(range[1] >= lowest && range[1] <= highest && range[1] == MathF.Truncate(range[1])))
        {
            throw tensor.Error(1, string.Create(
                CultureInfo.InvariantCulture, $"expected a zero point from {lowest} to {highest} for {bits} bits, got {range[1]:R}"));
        }
    }

    /// <summary>A scale times 127 is finite, so that every weight is.</summary>
    private static void CheckScale(SafetensorsTensor tensor, int element, float scale)
    {
        if (!(float.IsNormal(scale) && scale > 0 && float.IsFinite(scale * IntegerWeights.Highest)))
        {
            throw tensor.Error(element, string.Create(
                CultureInfo.InvariantCulture, $"expected a scale, a positive float32 that is neither subnormal nor beyond 2^121, got {scale:R}"));
        }
    }

    /// <summary>No factor reaches 2^30; no sum of products with inputs of 16 bits, and its bias, reaches 2^31.</summary>
    private void CheckSums(SafetensorsFile file, IntegerLayer layer, Node node)
    {
        StateRange[] states = StatesOf(layer);
        IntegerValue input = node.Inputs[0].Integers!;
        IntegerType x = Type(file, RangeOf(input.Owner), input.Bits), y = Type(file, RangeOf(layer.Result.Owner), layer.Result.Bits);
        IntegerType index = layer.HasTable ? Type(file, states[layer.ScaleState + 1].Name, 8) : default;
        SafetensorsTensor scales = file.GetTensor(states[layer.ScaleState].Name);
        float[] scale = Floats(file, scales.Name);
        double target = !layer.HasTable ? y.Scale : y.Bits == 8 ? index.Scale : index.Scale / 256.0;
        for (int output = 0; output < scale.Length; output++)
        {
            double factor = (double)x.Scale * scale[output] / target;
            if (!(factor < Multiplier.End))
            {
                throw scales.Error(output, string.Create(
                    CultureInfo.InvariantCulture, $"the factor of its sums, {x.Scale:R} * {scale[output]:R} / {target:R}, is 2^30 or more"));
            }
        }

        if (x.Bits == 16)
        {
            CheckWideSums(file, node.Name, RangesOf(layer), 0, 1);
        }
    }

    /// <summary>The hidden state has 16 bits.</summary>
    private void CheckSums(SafetensorsFile file, IntegerRecurrent layer)
    {
        IReadOnlyList<ParameterRange> ranges = RangesOf(layer);
        for (int first = 0; first < ranges.Count; first += 4)
        {
            CheckWideSums(file, layer.Name, ranges, first + 1, first + 3);
            if (layer.IsWide)
            {
                CheckWideSums(file, layer.Name, ranges, first, first + 2);
            }
        }
    }

    private void CheckWideSums(SafetensorsFile file, string layer, IReadOnlyList<ParameterRange> ranges, int weight, int bias)
    {
        ParameterRange weights = ranges[weight];
        if (!stored.TryGetValue(weights.Name, out Stored tensor) || !stored.ContainsKey(ranges[bias].Name))
        {
            return;
        }

        SafetensorsTensor biases = file.GetTensor(ranges[bias].Name);
        int[] w = Integers(file.GetTensor(weights.Name)), b = Integers(biases);
        long[] sums = new long[b.Length];
        for (int i = 0; i < w.Length; i++)
        {
            sums[OutputOf(in weights, tensor, i)] += Math.Abs(w[i]);
        }

        for (int output = 0; output < sums.Length; output++)
        {
            long largest = (sums[output] << 15) + Math.Abs((long)b[output]);
            if (largest > int.MaxValue)
            {
                throw biases.Error(output, string.Create(
                    CultureInfo.InvariantCulture, $"a sum of {layer} could reach {largest}, which 32 bits do not hold"));
            }
        }
    }

    /// <param name="Integers">Bits, outputs and scales.</param>
    /// <param name="Scales">The name of the tensor of the outputs' scales.</param>
    /// <param name="Input">The name of the tensor that holds the input's scale; null for none.</param>
    private readonly record struct Stored(StoredIntegers Integers, string Scales, string? Input);
}
