using System.Buffers;
using System.Text;
using System.Text.Json;
using EmbeddedBackprop.Quantization;

namespace EmbeddedBackprop.Tools.Output;

/// <summary>The report of a quantisation as JSON: on the command line, and in the model file, where ebp doctor finds it.</summary>
internal static class QuantizationText
{
    /// <summary>The members layers, worst and float_ops of an object.</summary>
    public static void Write(Utf8JsonWriter writer, QuantizationReport report)
    {
        writer.WriteStartArray("layers");
        foreach (LayerReport layer in report.Layers)
        {
            writer.WriteStartObject();
            writer.WriteString("name", layer.Name);
            writer.WriteString("kind", layer.Kind);
            writer.WriteNumber("bits", layer.Bits);

            // Null: nothing differs.
            writer.WriteNumberOrNull("signal_to_noise_db", layer.SignalToNoise);
            writer.WriteNumber("largest_sum", layer.LargestSum);
            writer.WriteNumber("enlarged", layer.Enlarged);
            writer.WriteNumber("bytes", layer.Bytes);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteString("worst_layer", report.Worst?.Name);
        writer.WriteStrings("float_ops", report.FloatOps);
    }

    /// <summary>The report as one string.</summary>
    public static string Format(QuantizationReport report)
    {
        ArrayBufferWriter<byte> buffer = new();
        using (Utf8JsonWriter writer = new(buffer))
        {
            writer.WriteStartObject();
            writer.WriteNumber("samples", report.Samples);
            writer.WriteNumber("different", report.Different);
            Write(writer, report);
            writer.WriteEndObject();
        }

        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    /// <summary>The report that <see cref="Format"/> wrote.</summary>
    public static QuantizationReport Parse(string text)
    {
        using JsonDocument document = JsonDocument.Parse(text);
        JsonElement root = document.RootElement;
        return new QuantizationReport(
            [.. root.GetProperty("layers").EnumerateArray().Select(Layer)],
            [.. root.GetProperty("float_ops").EnumerateArray().Select(name => name.GetString()!)],
            root.GetProperty("samples").GetInt32(),
            root.GetProperty("different").GetInt32());
    }

    private static LayerReport Layer(JsonElement layer)
    {
        JsonElement ratio = layer.GetProperty("signal_to_noise_db");
        return new LayerReport(
            layer.GetProperty("name").GetString()!, layer.GetProperty("kind").GetString()!, layer.GetProperty("bits").GetInt32(),
            ratio.ValueKind == JsonValueKind.Null ? double.PositiveInfinity : ratio.GetDouble(),
            layer.GetProperty("largest_sum").GetInt64(), layer.GetProperty("enlarged").GetInt32(), layer.GetProperty("bytes").GetInt64());
    }
}
