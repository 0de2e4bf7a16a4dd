using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Quantization;

/// <summary>A network that computes on integers, and the report of its making.</summary>
public sealed class QuantizedModel : IDisposable
{
    internal QuantizedModel(Network network, QuantizationReport report)
    {
        Network = network;
        Report = report;
    }

    /// <summary>
    /// Predicts in integers: a value is the float q - zero point in its slot, outputs are floats again. Its parameters are the float weights that are
    /// rounded, its state holds all scales.
    /// </summary>
    public Network Network { get; }

    /// <summary>Per layer signal-to-noise ratio, largest sum and bytes.</summary>
    public QuantizationReport Report { get; }

    /// <summary>Ends the network's worker threads, if there are any.</summary>
    public void Dispose() => Network.Dispose();
}
