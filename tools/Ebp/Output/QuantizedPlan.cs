using System.Globalization;
using System.Text;
using System.Text.Json;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Quantization;
using EmbeddedBackprop.Tools.Recipes;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tools.Output;

/// <summary>ebp plan of a quantised model: bits and bytes of every value.</summary>
internal static class QuantizedPlan
{
    public static string Text(Network network, QuantizationReport? report)
    {
        StringBuilder text = new();
        List<Node> nodes = ValueBytes.NodesOf(network.Output);
        int width = Math.Max(5, nodes.Max(node => node.Name.Length));
        text.Append(CultureInfo.InvariantCulture, $"{"value".PadRight(width)}  {"op",-28}{"shape",12}  {"type",-8}{"bytes",10}\n");
        foreach (Node node in nodes)
        {
            text.Append(
                CultureInfo.InvariantCulture,
                $"{node.Name.PadRight(width)}  {OpOf(node),-28}{node.Shape,12}  {TypeOf(node),-8}{ValueBytes.Of(node),10:N0}\n");
        }

        text.Append('\n');
        long parameters = network.ParameterCount, products = network.InferencePlan.MultiplyAdds, floatBytes = 4 * parameters;
        text.Append(CultureInfo.InvariantCulture, $"{parameters:N0} parameters, {products:N0} multiply-adds a prediction\n");
        if (report is not null)
        {
            text.Append(CultureInfo.InvariantCulture, $"tables of integers: {report.Bytes:N0} bytes, {floatBytes:N0} in float\n");
        }

        return text.ToString();
    }

    public static void Write(Utf8JsonWriter writer, Network network, string quantization, QuantizationReport? report)
    {
        writer.WriteString("command", "plan");
        writer.WriteString("quantization", quantization);
        writer.WriteStartArray("values");
        foreach (Node node in ValueBytes.NodesOf(network.Output))
        {
            writer.WriteStartObject();
            writer.WriteString("name", node.Name);
            writer.WriteString("op", OpOf(node));
            writer.WriteString("shape", node.Shape.ToString());
            writer.WriteString("type", TypeOf(node));
            writer.WriteNumber("bits", node.Bits);
            writer.WriteNumber("bytes", ValueBytes.Of(node));
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteNumber("parameters", network.ParameterCount);
        writer.WriteNumber("multiply_adds", network.InferencePlan.MultiplyAdds);
        writer.WriteNumberOrNull("table_bytes", report?.Bytes);
        writer.WriteNumber("value_bytes", ValueBytes.Busiest(network.Output));
    }

    /// <summary>Kind and activation; the bits have a column of their own.</summary>
    private static string OpOf(Node node) =>
        node.Op is not { } op ? "input"
            : string.Join(' ', ((string?[])[op.Kind, op.Settings, op.ActivationName is "identity" ? null : op.ActivationName]).Where(
                word => !string.IsNullOrEmpty(word)));

    private static string TypeOf(Node node) => node.Bits switch { 8 => "int8", 16 => "int16", _ => "float32" };
}
