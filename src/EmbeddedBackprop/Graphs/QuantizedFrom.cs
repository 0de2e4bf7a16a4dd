namespace EmbeddedBackprop.Graphs;

/// <summary>
/// The float net that an integer graph computes, and the settings of the conversion: from these two alone the integer graph is built anew, so files
/// hold them and not the integer ops.
/// </summary>
/// <param name="Float">The float network's output, batch norms folded, activations in their layers.</param>
/// <param name="Settings">Words as in <c>activations=int8 output=int16 float=norm1</c>.</param>
internal sealed record QuantizedFrom(Node Float, string Settings);
