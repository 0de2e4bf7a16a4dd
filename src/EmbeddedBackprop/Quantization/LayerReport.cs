namespace EmbeddedBackprop.Quantization;

/// <summary>What quantisation did to the value of one layer.</summary>
/// <param name="Name">The layer's name.</param>
/// <param name="Kind">Its kind, as in conv.</param>
/// <param name="Bits">Bits of its output.</param>
/// <param name="SignalToNoise">
/// 10 log10 (sum of y^2 / sum of (y - y')^2) over the calibration samples, in decibels: y of the float net, y' of the integers, with the errors of
/// all layers before. Infinite where nothing differs.
/// </param>
/// <param name="LargestSum">The largest magnitude that a sum of the layer can reach; below 2^31. 0 for a layer without weights.</param>
/// <param name="Enlarged">Outputs whose weight scale was enlarged so that their sums fit into 32 bits.</param>
/// <param name="Bytes">Bytes of weights, biases, multipliers, shifts and the table on a device.</param>
public sealed record LayerReport(string Name, string Kind, int Bits, double SignalToNoise, long LargestSum, int Enlarged, long Bytes);
