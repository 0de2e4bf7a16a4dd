using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Graphs;

namespace EmbeddedBackprop.Training;

/// <summary>
/// Backpropagation laid open: every value of one pass, layer by layer, for one sample or as the mean over several. BP1: the error of the
/// output layer, delta = dC/da * f'(z). BP2: the error of the layer below, dC/dx = W^T delta, which is that layer's dC/da. BP3: dC/db = delta. BP4:
/// dC/dw = x * delta. Source: Nielsen, chapter 2.
/// </summary>
/// <remarks>The values are the engine's own: the bits that a training step over the same samples computes.</remarks>
public sealed class Explanation
{
    private Explanation(int[] samples, double loss, IReadOnlyList<LayerExplanation> layers, float[] target)
    {
        Samples = samples;
        Loss = loss;
        Layers = layers;
        Target = target;
    }

    /// <summary>The samples that were asked for.</summary>
    public IReadOnlyList<int> Samples { get; }

    /// <summary>C, the loss of the sample, or the mean over the samples.</summary>
    public double Loss { get; }

    /// <summary>Layer by layer, in forward order.</summary>
    public IReadOnlyList<LayerExplanation> Layers { get; }

    /// <summary>The target of the loss: the sample's, or the mean of several.</summary>
    public IReadOnlyList<float> Target { get; }

    /// <summary>Explains one sample.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such sample.</exception>
    /// <exception cref="InvalidOperationException">The network was compiled without a loss.</exception>
    public static Explanation Of(Network network, IBatchSource data, int sample) => Of(network, data, [sample]);

    /// <summary>Explains the mean over samples: a mini-batch as a training step sees it.</summary>
    /// <exception cref="ArgumentException">There are no samples, or the data do not fit the network.</exception>
    /// <exception cref="ArgumentOutOfRangeException">There is no such sample.</exception>
    /// <exception cref="InvalidOperationException">The network was compiled without a loss.</exception>
    public static Explanation Of(Network network, IBatchSource data, ReadOnlySpan<int> samples)
    {
        ArgumentNullException.ThrowIfNull(network);
        ArgumentNullException.ThrowIfNull(data);
        foreach (int sample in samples)
        {
            if (sample < 0 || sample >= data.Count)
            {
                Errors.OutOfRange("sample", sample, $"0 to {data.Count - 1}");
            }
        }

        NetworkTrace trace = new(network, Errors.RequirePositive("samples", samples.Length));
        trace.Run(data, samples);
        List<LayerExplanation> layers = [];
        foreach (Step step in trace.Layers)
        {
            layers.Add(Layer(network, trace, step));
        }

        Node target = network.TrainingPlan!.Losses[0].Inputs[1];
        float[] targets = network.Targets.Contains(target) ? trace.Value(target) : [];
        return new Explanation(samples.ToArray(), trace.Loss, layers, Mean(targets, samples.Length) ?? []);
    }

    private static LayerExplanation Layer(Network network, NetworkTrace trace, Step step)
    {
        int n = trace.Samples;
        List<ParameterExplanation> parameters = [];
        foreach (ParameterRange range in step.Ranges)
        {
            float[] value = new float[range.Count], gradient = new float[range.Count];
            range.CopyTo(network.ReadParameters(), value);
            range.CopyTo(trace.Gradients, gradient);
            parameters.Add(new ParameterExplanation(range.Name, range.Kind, range.FileShape, value, gradient));
        }

        Activation? activation = trace.ActivationOf(step);
        float[] delta = trace.Delta(step);
        return new LayerExplanation
        {
            Name = step.Name,
            Kind = step.Op.Kind,
            Activation = activation?.Name ?? "",
            SlopeCancels = trace.CancelsSlope(step),
            InputName = step.Node.Inputs[0].Name,
            Inputs = Mean(trace.Value(step.Node.Inputs[0]), n)!,
            WeightedInputs = Mean(trace.WeightedInput(step), n),
            Outputs = Mean(trace.Output(step), n)!,
            Slopes = Mean(trace.Slopes(step), n),
            OutputGradients = Mean(trace.CancelsSlope(step) ? [] : trace.OutputGradient(step), n, sum: true) ?? [],
            Deltas = Mean(delta, n, sum: true) ?? [],
            RaisingSamples = Votes(delta, n),
            Parameters = parameters,
            Gates = trace.Gates(step),
        };
    }

    /// <summary>The mean over samples; gradients carry the loss's 1/n already and are summed.</summary>
    private static float[]? Mean(float[]? rows, int samples, bool sum = false)
    {
        if (rows is null || rows.Length == 0)
        {
            return null;
        }

        int columns = rows.Length / samples;
        float[] mean = new float[columns];
        for (int column = 0; column < columns; column++)
        {
            double total = 0;
            for (int sample = 0; sample < samples; sample++)
            {
                total += rows[(sample * columns) + column];
            }

            mean[column] = (float)(sum ? total : total / samples);
        }

        return mean;
    }

    /// <summary>For each unit, how many samples want its z raised: their delta is below 0.</summary>
    private static int[] Votes(float[] delta, int samples)
    {
        int columns = delta.Length / samples;
        int[] votes = new int[columns];
        for (int i = 0; i < delta.Length; i++)
        {
            votes[i % columns] += delta[i] < 0 ? 1 : 0;
        }

        return votes;
    }
}

/// <summary>One layer of an <see cref="Explanation"/>: values are means over the samples, gradients those of their mean loss.</summary>
public sealed record LayerExplanation
{
    /// <summary>The layer's name.</summary>
    public required string Name { get; init; }

    /// <summary>Its kind, as in dense.</summary>
    public required string Kind { get; init; }

    /// <summary>Its activation's name; empty for none.</summary>
    public required string Activation { get; init; }

    /// <summary>Whether the loss is written on z: then BP1 is delta = a - y (over n), without f'(z).</summary>
    public required bool SlopeCancels { get; init; }

    /// <summary>The layer's input: the layer below, or the network's input.</summary>
    public required string InputName { get; init; }

    /// <summary>x, the layer's input: the activations below.</summary>
    public required IReadOnlyList<float> Inputs { get; init; }

    /// <summary>z; null where the layer has no activation, or z cannot be found from it.</summary>
    public required IReadOnlyList<float>? WeightedInputs { get; init; }

    /// <summary>a.</summary>
    public required IReadOnlyList<float> Outputs { get; init; }

    /// <summary>f'(z); null where there is none.</summary>
    public required IReadOnlyList<float>? Slopes { get; init; }

    /// <summary>
    /// dC/da (BP2 made it, or the loss); empty where the loss is written on z, or does not depend on the layer. Below 0: the sample asks to raise a.
    /// </summary>
    public required IReadOnlyList<float> OutputGradients { get; init; }

    /// <summary>delta = dC/dz (BP1, BP2).</summary>
    public required IReadOnlyList<float> Deltas { get; init; }

    /// <summary>For each unit, how many of the samples ask to raise its z.</summary>
    public required IReadOnlyList<int> RaisingSamples { get; init; }

    /// <summary>The layer's parameters with their gradients (BP3, BP4).</summary>
    public required IReadOnlyList<ParameterExplanation> Parameters { get; init; }

    /// <summary>The gates of a GRU or LSTM, those of the direction from the end after the others; empty for other layers.</summary>
    public IReadOnlyList<GateExplanation> Gates { get; init; } = [];
}

/// <summary>One gate of a recurrent layer, unit by unit: means over the samples. Steps that a mask leaves out do not count.</summary>
/// <param name="Name">r, z, n of a GRU; i, f, g, o of an LSTM; of the direction from the end r_reverse and so on.</param>
/// <param name="Last">At the last step that the direction takes.</param>
/// <param name="Mean">Over all steps.</param>
public sealed record GateExplanation(string Name, IReadOnlyList<float> Last, IReadOnlyList<float> Mean);

/// <summary>
/// One tensor of a layer: values and dC/d(value), in compact [out, in] order. Where the gradient is below 0, the samples ask to raise the value.
/// </summary>
/// <param name="Name">As in dense1.weight.</param>
/// <param name="Kind">Weight, bias or scale.</param>
/// <param name="Shape">[out, in] of a dense weight.</param>
/// <param name="Values">The elements.</param>
/// <param name="Gradients">Their gradients.</param>
public sealed record ParameterExplanation(
    string Name,
    ParameterKind Kind,
    IReadOnlyList<int> Shape,
    IReadOnlyList<float> Values,
    IReadOnlyList<float> Gradients);
