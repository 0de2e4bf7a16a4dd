using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels.Integers;
using EmbeddedBackprop.Ops.Integer;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Quantization;

/// <summary>Gives the values, weights and tables of a quantised network their scales, which are its state.</summary>
internal sealed class ScaleSetter
{
    private readonly IntegerGraph graph;
    private readonly Network network;
    private readonly Calibration calibration;
    private readonly RangeMethod method;

    public ScaleSetter(IntegerGraph graph, Network network, Calibration calibration, RangeMethod method)
    {
        this.graph = graph;
        this.network = network;
        this.calibration = calibration;
        this.method = method;
    }

    /// <summary>
    /// The range of each value and of each table from the calibration; nodes that share a scale get the least range that holds those of all of them.
    /// </summary>
    /// <exception cref="ArgumentException">An input of the network is constant.</exception>
    public void SetValues()
    {
        Dictionary<IntegerValue, ValueRange> ranges = [];
        foreach ((Node node, Node made) in graph.Integers)
        {
            ValueHistogram values = calibration[node];
            if (node.Op is null && values.IsConstant)
            {
                QuantizationErrors.Constant(node.Name, values.Minimum);
            }

            IntegerValue value = made.Integers!;
            ValueRange range = RangeChoice.Of(values, method, value.Bits);
            ranges[value] = ranges.TryGetValue(value, out ValueRange before) ? before.With(range) : range;
        }

        foreach ((Node node, Node made) in graph.Integers)
        {
            // The inputs of a node are set before it.
            if (made.Integers is { } value && value.Owner == made.Op)
            {
                IntegerType type = (graph.Choice.IsAlone(node) ? FixedType(made) : null) ?? ranges[value].Type(value.Bits);
                Span<float> state = LayerTensors.State(network, made.Op.Name + ".range");
                (state[0], state[1]) = (type.Scale, type.ZeroPoint);
            }
        }

        SetTables();
    }

    /// <summary>What the integers of a node of a quantised network mean.</summary>
    public static IntegerType TypeOf(Network network, Node node) =>
        TypeRange.Read(LayerTensors.State(network, node.Integers!.Owner.Name + ".range"), node.Integers.Bits);

    /// <summary>The scale of each output's weights, from the weights and the bias as they are now.</summary>
    /// <returns>Outputs whose scale had to be enlarged because their sums would not fit into 32 bits.</returns>
    public int SetLayer(QuantizedLayer layer)
    {
        string name = layer.Op.Name;
        return SetScales(layer.Op.Axis(network.Options.Layout), name + ".weight", name + ".bias", InputOf(layer));
    }

    /// <summary>The scales of the weights of all recurrent layers, and the ranges of their cells, over the samples of the calibration.</summary>
    public void SetRecurrent(Network split, IBatchSource source, ReadOnlySpan<int> samples, Dictionary<Op, int> enlarged)
    {
        foreach ((Node node, Node made) in graph.Integers)
        {
            if (made.Op is not IntegerRecurrent op || enlarged.ContainsKey(op))
            {
                continue;
            }

            IntegerType input = TypeOf(network, made.Inputs[0]), state = TypeOf(network, made);
            int count = 0;
            for (int direction = 0; direction < op.Layer.Directions; direction++)
            {
                foreach (bool hidden in (ReadOnlySpan<bool>)[false, true])
                {
                    count += SetScales(
                        op.Axis(hidden, network.Options.Layout), op.WeightName(direction, hidden), op.BiasName(direction, hidden),
                        hidden ? state : input);
                }
            }

            enlarged.Add(op, count);
            if (op.Layer.HasCell)
            {
                LayerTensors.State(network, op.Name + ".cell_range")[0] = IntegerRecurrent.CellScale(CellRange.Largest(split, node, source, samples));
                LayerTensors.State(network, op.Name + ".cell_range")[1] = 0f;
            }
        }
    }

    private int SetScales(WeightAxis axis, string weight, string bias, IntegerType input)
    {
        ReadOnlySpan<float> weights = LayerTensors.Parameter(network, weight, out _), biases = LayerTensors.Parameter(network, bias, out _);
        Span<float> scales = LayerTensors.State(network, weight + "_scale"), largest = new float[axis.Groups * axis.Outputs];
        for (int i = 0; i < weights.Length; i++)
        {
            ref float most = ref largest[axis.OutputOf(i)];
            most = MathF.Max(most, MathF.Abs(weights[i]));
        }

        for (int output = 0; output < scales.Length; output++)
        {
            scales[output] = IntegerWeights.Scale(largest[output], biases[output], input.Scale);
        }

        return Enlarge(axis, weights, biases, input, scales);
    }

    /// <summary>The largest magnitude that a sum of each output can reach: max |q - z| times the sum of |w|, and |b|.</summary>
    public static long[] LargestSums(
        WeightAxis axis, ReadOnlySpan<float> weights, ReadOnlySpan<float> bias, IntegerType input, ReadOnlySpan<float> scales)
    {
        long[] sums = new long[scales.Length];
        for (int i = 0; i < weights.Length; i++)
        {
            if (axis.OutputOf(i) is int output && output < sums.Length)
            {
                sums[output] += Math.Abs(IntegerWeights.Round(weights[i], scales[output]));
            }
        }

        for (int output = 0; output < sums.Length; output++)
        {
            sums[output] = (sums[output] * input.LargestCentred) + Math.Abs(IntegerWeights.Bias(bias[output], input.Scale, scales[output]));
        }

        return sums;
    }

    /// <summary>The type of a layer's input.</summary>
    public IntegerType InputOf(QuantizedLayer layer) => TypeOf(network, graph.Integers[layer.WeightedInputs[0].Inputs[0]]);

    /// <summary>Sums of 16-bit inputs can reach 2^31: then the scale of the output is enlarged by just enough.</summary>
    private static int Enlarge(WeightAxis axis, ReadOnlySpan<float> weights, ReadOnlySpan<float> bias, IntegerType input, Span<float> scales)
    {
        HashSet<int> enlarged = [];
        while (true)
        {
            bool fits = true;
            long[] sums = LargestSums(axis, weights, bias, input, scales);
            for (int output = 0; output < sums.Length; output++)
            {
                if (sums[output] > int.MaxValue)
                {
                    // Weights that round up can leave the sum a little too large: then once more.
                    scales[output] = MathF.BitIncrement((float)(scales[output] * ((double)sums[output] / int.MaxValue)));
                    _ = enlarged.Add(output);
                    fits = false;
                }
            }

            if (fits)
            {
                return enlarged.Count;
            }
        }
    }

    private IntegerType? FixedType(Node made)
    {
        List<IntegerType> types = [];
        foreach (Node input in made.Inputs)
        {
            types.Add(input.Integers is null ? default : TypeOf(network, input));
        }

        return ((IntegerOp)made.Op!).FixedType(types.ToArray());
    }

    /// <summary>The range of z of every op that ends in a table.</summary>
    private void SetTables()
    {
        Dictionary<IntegerActivated, ValueRange> ranges = [];
        foreach ((Node node, Node made) in graph.Integers)
        {
            if (made.Op is IntegerActivated { HasTable: true } op && graph.Choice.WeightedInputOf(node) is { } z)
            {
                ValueRange range = new(calibration[z].Low, calibration[z].High);
                ranges[op] = ranges.TryGetValue(op, out ValueRange before) ? before.With(range) : range;
            }
        }

        foreach ((IntegerActivated op, ValueRange range) in ranges)
        {
            IntegerType output = TypeRange.Read(LayerTensors.State(network, op.Result.Owner.Name + ".range"), op.Result.Bits);
            IntegerType index = IntegerActivation.FixedIndex(op.Activation)
                ?? TableRange.Cut(op.Activation, network.Options.Arithmetic, range, output.Scale).Type(8);
            Span<float> state = LayerTensors.State(network, op.Name + ".table_range");
            (state[0], state[1]) = (index.Scale, index.ZeroPoint);
        }
    }
}
