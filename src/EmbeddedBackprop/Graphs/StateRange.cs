namespace EmbeddedBackprop.Graphs;

/// <summary>One range of the flat state span: floats that are kept from step to step but not trained.</summary>
/// <param name="Name">Op and part, as in batchnorm1.running_mean.</param>
/// <param name="Offset">Where the range begins, in floats.</param>
/// <param name="Length">Floats, or floats of one sample.</param>
/// <param name="Rows">1, or the plan's batch for a range with a row per sample.</param>
/// <param name="InitialValue">The initial value of every float.</param>
/// <param name="PerSample">
/// True: a row per sample of the batch (a recurrent layer's carried state), forgotten by a reset and not part of model files. False: kept like the
/// weights (running mean and variance).
/// </param>
public readonly record struct StateRange(string Name, int Offset, int Length, int Rows, float InitialValue, bool PerSample)
{
    /// <summary>Floats of the whole range.</summary>
    public int Count => Rows * Length;
}
