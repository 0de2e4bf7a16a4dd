using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Ops.Integer;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Quantization;

/// <summary>
/// Makes a trained network compute on integers: weights of 8 bits with a scale for each output, values of 8 or 16 bits with a scale and a zero point,
/// all of them found on samples. Source: Jacob et al., Quantization and training of neural networks for efficient integer-arithmetic-only inference
/// (2018).
/// </summary>
public static class Quantizer
{
    /// <summary>
    /// Quantises a network: batch normalisations are folded into the layers before them, ranges of all values are taken from samples, weights are
    /// rounded, and the mean error of all this is taken out of the biases. The same network, samples and options give the same bits everywhere.
    /// </summary>
    /// <param name="network">The network; it is not changed.</param>
    /// <param name="calibration">Samples like those of the training; targets are not read.</param>
    /// <param name="options">Bits, layers that stay float, ranges; null for the defaults.</param>
    /// <exception cref="ArgumentException">
    /// The network computes on integers already, a layer has more inputs than its sums can bear, no layer has a name that is given, or the samples
    /// give no ranges: they are constant, or a value is not finite. The message names the layer.
    /// </exception>
    public static QuantizedModel Quantize(Network network, IBatchSource calibration, QuantizerOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(network);
        ArgumentNullException.ThrowIfNull(calibration);
        options ??= new QuantizerOptions();
        options.Require();
        RequireFloats(network);
        using Network prepared = BatchNormFolding.Fold(network);
        using Network split = ActivationSplit.Of(prepared);
        int[] samples = Calibration.Draw(calibration.Count, options.Samples, options.Seed);
        (IntegerGraph graph, Network quantized) = Compile(prepared, split, options);
        Calibration values = Calibration.Run(split, calibration, samples);
        Dictionary<Node, double> inside = [];
        foreach ((Node node, Node made) in graph.Integers)
        {
            if (made.Op is IntegerRecurrent { IsRelu: true })
            {
                inside.Add(node, ProductRange.Largest(split, node, calibration, samples));
            }
            else if (made.Op is IntegerRecurrent { Layer.HasCell: true })
            {
                inside.Add(node, CellRange.Largest(split, node, calibration, samples));
            }
        }

        ScaleSetter scales = new(graph, quantized, values, inside, options.Ranges);
        scales.SetValues();
        BiasCorrection? correction = options.BiasCorrection ? new(graph, quantized, split, calibration, samples) : null;
        Dictionary<Op, int> enlarged = [];
        foreach (Op op in graph.Ops)
        {
            enlarged[op] = scales.SetWeights(op);
            if (correction is not null && graph.Layers.FirstOrDefault(layer => layer.Op == op) is { } layer)
            {
                correction.Correct(layer);
                enlarged[op] = scales.SetWeights(op);
            }
        }

        return new QuantizedModel(quantized, Comparison.Report(graph, enlarged, split, quantized, calibration, samples));
    }

    /// <summary>
    /// Quantises a network in order to train it on: its forward pass computes in integers as its predictions do, gradients go straight through the
    /// roundings. Scales of weights follow the weights; ranges follow the values, and stay as they are in the last tenth of a trainer's steps.
    /// Training goes on where that of the network was: step number and the optimiser's memory are its own, but that of folded weights begins anew.
    /// </summary>
    /// <param name="network">The network, with its losses; it is not changed.</param>
    /// <param name="calibration">Samples like those of the training; targets are not read.</param>
    /// <param name="options">Bits, layers that stay float, ranges; null for the defaults.</param>
    /// <exception cref="ArgumentException">
    /// As for <see cref="Quantize"/>; or the network has no loss.
    /// </exception>
    public static QuantizedModel ForTraining(Network network, IBatchSource calibration, QuantizerOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(network);
        RequireFloats(network);
        using Network prepared = BatchNormFolding.Fold(network);
        using QuantizedModel model = Quantize(network, calibration, options);
        return new QuantizedModel(QuantizedTraining.Of(prepared, model.Network), model.Report);
    }

    /// <summary>
    /// The quantised form of a network, as files hold it: its graph follows from the network, whose norms are folded, and the settings alone. Its
    /// parameters are those of the network; scales are those that ops begin with.
    /// </summary>
    internal static Network Build(Network prepared, QuantizerOptions options)
    {
        using Network split = ActivationSplit.Of(prepared);
        return Compile(prepared, split, options).Network;
    }

    private static void RequireFloats(Network network)
    {
        if (network.Output.Graph.QuantizedFrom is not null)
        {
            QuantizationErrors.QuantizedAlready();
        }
    }

    private static (IntegerGraph Graph, Network Network) Compile(Network prepared, Network split, QuantizerOptions options)
    {
        (IntegerGraph graph, Network quantized) = IntegerGraph.Compile(split, options);
        quantized.Output.Graph.QuantizedFrom = new QuantizedFrom(prepared.Output, options.Settings);
        return (graph, quantized);
    }
}
