using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Onnx.Writing;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Onnx;

/// <summary>
/// Writes a network's prediction as a model of ONNX, op set 17: a float network as float ops, a quantised one as pairs of QuantizeLinear and
/// DequantizeLinear (QDQ).
/// </summary>
/// <remarks>
/// Inputs, outputs and layers keep their names, weights those of model files. The first axis of inputs and outputs is the batch, of any size.
/// The same network always gives the same bytes.
/// </remarks>
public static class OnnxExporter
{
    /// <summary>Writes a network, or leaves the old file unchanged.</summary>
    /// <param name="network">The network; its prediction is exported.</param>
    /// <param name="path">The target; its folder must exist.</param>
    /// <param name="metadata">Further names and values for the file's metadata, such as the names of classes; null for none.</param>
    /// <exception cref="NotSupportedException">A layer cannot be said in ONNX; the message names it, and nothing is written.</exception>
    /// <exception cref="ArgumentException">Metadata have a name that the exporter gives.</exception>
    /// <exception cref="IOException">The file cannot be written; the message names it.</exception>
    public static void Write(Network network, string path, IReadOnlyDictionary<string, string>? metadata = null) =>
        AtomicFile.WriteAllBytes(path, ToArray(network, metadata));

    /// <summary>The bytes that <see cref="Write"/> writes.</summary>
    /// <inheritdoc cref="Write"/>
    public static byte[] ToArray(Network network, IReadOnlyDictionary<string, string>? metadata = null)
    {
        ArgumentNullException.ThrowIfNull(network);
        return ToArray(network.InferencePlan, network.BorrowParameters(), network.BorrowState(), NetText.Format(network), metadata);
    }

    /// <summary>An inference plan with its parameters as a model of ONNX.</summary>
    /// <param name="plan">An inference plan; its batch and layout do not matter.</param>
    /// <param name="parameters">The parameters in the plan's layout.</param>
    /// <param name="state">The state that ops keep without training it (running means and variances), in the plan's layout; empty where there is
    /// none.</param>
    /// <returns>The whole file.</returns>
    /// <exception cref="ArgumentException">There are too few parameters, or too little state.</exception>
    /// <exception cref="NotSupportedException">A layer cannot be said in ONNX; the message names it.</exception>
    public static byte[] ToArray(Plan plan, ReadOnlySpan<float> parameters, ReadOnlySpan<float> state = default)
    {
        ArgumentNullException.ThrowIfNull(plan);
        return ToArray(plan, parameters, state, net: null, metadata: null);
    }

    private static byte[] ToArray(
        Plan plan, ReadOnlySpan<float> parameters, ReadOnlySpan<float> state, string? net, IReadOnlyDictionary<string, string>? metadata)
    {
        if (parameters.Length < plan.ParameterLength)
        {
            GraphErrors.MemoryTooSmall("parameters", plan.ParameterLength, parameters.Length);
        }

        if (state.Length < plan.StateLength)
        {
            GraphErrors.MemoryTooSmall("state", plan.StateLength, state.Length);
        }

        Dictionary<string, string> entries = new(metadata ?? new Dictionary<string, string>(), StringComparer.Ordinal)
        {
            { "weights_hash", WeightsHash.Of(plan.Parameters, parameters) },
        };
        if (net is not null)
        {
            entries.Add("net", net);
        }

        return new ModelWriter(plan, parameters, state).ToArray(
            net ?? "", [.. entries.OrderBy(entry => entry.Key, StringComparer.Ordinal).Select(entry => (entry.Key, entry.Value))]);
    }
}
