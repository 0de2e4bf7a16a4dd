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
    private readonly IReadOnlyDictionary<Node, double> inside;

    /// <param name="graph">The integer graph.</param>
    /// <param name="network">The network over it.</param>
    /// <param name="calibration">The values of the float network's nodes.</param>
    /// <param name="inside">The largest cell, or product, of nodes of recurrent layers.</param>
    /// <param name="method">How ranges are chosen.</param>
    public ScaleSetter(
        IntegerGraph graph, Network network, Calibration calibration, IReadOnlyDictionary<Node, double> inside, RangeMethod method)
    {
        this.inside = inside;
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
            if (made.Op is IntegerRecurrent { IsRelu: true })
            {
                // The products have the output's scale, and must fit as well.
                range = range.With(new(0, inside[node]));
            }

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
        SetCells();
    }

    /// <summary>What the integers of a node of a quantised network mean.</summary>
    public static IntegerType TypeOf(Network network, Node node) =>
        TypeRange.Read(LayerTensors.State(network, node.Integers!.Owner.Name + ".range"), node.Integers.Bits);

    /// <summary>The scale of each output's weights of an op, from the weights and the bias as they are now.</summary>
    /// <returns>Outputs whose scale had to be enlarged because their sums would not fit into 32 bits.</returns>
    public int SetWeights(Op op)
    {
        int enlarged = 0;
        foreach (WeightTensor tensor in WeightTensor.Of(op, network, graph.InputOf(op)))
        {
            LayerIntegers integers = new(tensor.Axis, new int[LayerIntegers.Length(tensor.Axis)]);
            enlarged += integers.MakeScales(tensor.Weights(network), tensor.Bias(network), tensor.Input, tensor.Scales(network));
        }

        return enlarged;
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

    /// <summary>The cells of LSTMs.</summary>
    private void SetCells()
    {
        foreach ((Node node, Node made) in graph.Integers)
        {
            if (made.Op is IntegerRecurrent { Layer.HasCell: true } op)
            {
                Span<float> state = LayerTensors.State(network, op.Name + ".cell_range");
                (state[0], state[1]) = (IntegerRecurrent.CellScale(inside[node]), 0);
            }
        }
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
            (double low, double high) = TableRange.Cut(op.Activation, network.Options.Arithmetic, range.Low, range.High, output.Scale);
            IntegerType index = IntegerActivation.FixedIndex(op.Activation) ?? IntegerType.Of(8, low, high);
            Span<float> state = LayerTensors.State(network, op.Name + ".table_range");
            (state[0], state[1]) = (index.Scale, index.ZeroPoint);
        }
    }
}
