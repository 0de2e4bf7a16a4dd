using System.Globalization;
using System.Text;

namespace EmbeddedBackprop.Quantization;

/// <summary>What quantisation did to a network.</summary>
/// <param name="Layers">The ops that compute on integers, in the order of the net.</param>
/// <param name="FloatOps">Names of the ops that still compute in floats, but for a softmax or sigmoid that makes the output.</param>
/// <param name="Samples">Samples of the calibration.</param>
/// <param name="Different">How many of them are predicted as another class than by the float net; 0 for a regression.</param>
public sealed record QuantizationReport(
    IReadOnlyList<LayerReport> Layers, IReadOnlyList<string> FloatOps, int Samples, int Different)
{
    /// <summary>The layer with the lowest <see cref="LayerReport.SignalToNoise"/>; null where there are no layers.</summary>
    public LayerReport? Worst => Layers.MinBy(layer => layer.SignalToNoise);

    /// <summary>Bytes of all tables of weights.</summary>
    public long Bytes => Layers.Sum(layer => layer.Bytes);

    /// <summary>A table: a line for each layer.</summary>
    public override string ToString()
    {
        StringBuilder text = new();
        int width = Math.Max(5, Layers.Count == 0 ? 0 : Layers.Max(layer => layer.Name.Length));
        _ = text.Append("layer".PadRight(width)).Append("  kind            bits     dB    largest sum  of int     bytes\n");
        foreach (LayerReport layer in Layers)
        {
            _ = text.Append(CultureInfo.InvariantCulture, $"{layer.Name.PadRight(width)}  {layer.Kind,-14}  {layer.Bits,4}  {Decibels(layer),5}");
            if (layer.LargestSum > 0)
            {
                double share = layer.LargestSum / 2147483648.0;
                _ = text.Append(CultureInfo.InvariantCulture, $"  {layer.LargestSum,13:N0} {share,6:P1}  {layer.Bytes,8:N0}");
            }

            if (layer.Enlarged > 0)
            {
                _ = text.Append(CultureInfo.InvariantCulture, $"  scale enlarged for {layer.Enlarged} outputs");
            }

            _ = text.Append('\n');
        }

        foreach (string name in FloatOps)
        {
            _ = text.Append(CultureInfo.InvariantCulture, $"{name.PadRight(width)}  stays float\n");
        }

        return text.ToString();
    }

    private static string Decibels(LayerReport layer) =>
        double.IsInfinity(layer.SignalToNoise) ? "exact" : layer.SignalToNoise.ToString("F1", CultureInfo.InvariantCulture);
}
