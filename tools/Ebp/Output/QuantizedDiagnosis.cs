using System.Globalization;
using System.Text.Json;
using EmbeddedBackprop.Quantization;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tools.Output;

/// <summary>ebp doctor of a quantised model: which layer loses, by the signal-to-noise ratio that its quantisation was measured at.</summary>
internal static class QuantizedDiagnosis
{
    // The error is a tenth of the values; layers of nets that lost nothing had 30 and more.
    private const double Low = 20;

    /// <summary>The table, and what may help.</summary>
    public static string Text(Evaluation evaluation, bool classes, QuantizationReport? report)
    {
        string result = string.Create(CultureInfo.InvariantCulture, $"loss {evaluation.Loss:G5}");
        result += classes ? string.Create(CultureInfo.InvariantCulture, $", accuracy {evaluation.Accuracy:P2}\n\n") : "\n\n";
        if (report is null)
        {
            return result + "the file has no report of its quantisation; ebp quantize writes one\n";
        }

        result += report.ToString();
        result += string.Create(
            CultureInfo.InvariantCulture, $"\n{report.Different} of {report.Samples} samples were predicted as another class than in float\n");
        return result + string.Concat(Findings(report).Select(finding => $"* {finding}\n"));
    }

    public static void Write(Utf8JsonWriter writer, Evaluation evaluation, bool classes, QuantizationReport? report)
    {
        writer.WriteString("command", "doctor");
        writer.WriteNumberOrNull("loss", evaluation.Loss);
        writer.WriteNumberOrNull("accuracy", classes ? evaluation.Accuracy : null);
        if (report is not null)
        {
            QuantizationText.Write(writer, report);
            writer.WriteStrings("findings", Findings(report));
        }
    }

    private static IEnumerable<string> Findings(QuantizationReport report)
    {
        if (report.Worst is { } worst)
        {
            yield return string.Create(CultureInfo.InvariantCulture, $"{worst.Name} loses most: {worst.SignalToNoise:F1} dB");
        }

        foreach (LayerReport layer in report.Layers.Where(layer => layer.SignalToNoise < Low))
        {
            double share = Math.Pow(10, -layer.SignalToNoise / 20);
            string name = string.Create(CultureInfo.InvariantCulture, $"{layer.Name}: its error is {share:P0} of its values; ");
            yield return name + (layer.Bits == 8 ? $"ebp quantize --int16 {layer.Name}" : $"ebp quantize --float {layer.Name}");
        }

        foreach (LayerReport layer in report.Layers.Where(layer => layer.Enlarged > 0))
        {
            yield return string.Create(
                CultureInfo.InvariantCulture, $"{layer.Name}: {layer.Enlarged} outputs have coarser weights, so that their sums fit into 32 bits");
        }

        foreach (string op in report.FloatOps)
        {
            yield return $"{op} stays float: on a chip without float hardware it takes most of the time";
        }
    }
}
