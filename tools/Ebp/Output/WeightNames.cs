using System.Text.Json;
using EmbeddedBackprop.IO;

namespace EmbeddedBackprop.Tools.Output;

/// <summary>Which tensor of ours is which of a state dict.</summary>
internal static class WeightNames
{
    public static void Print(StateDictReport report)
    {
        int width = report.Tensors.Max(entry => entry.Tensor.Length);
        foreach (StateDictEntry entry in report.Tensors)
        {
            Console.Out.WriteLine($"{entry.Tensor.PadRight(width)}  {entry.StateDictName ?? "(none: constant)"}  [{string.Join(", ", entry.Shape)}]");
        }

        if (report.Ignored.Count > 0)
        {
            Console.Out.WriteLine($"not used: {string.Join(", ", report.Ignored)}");
        }
    }

    public static void Write(Utf8JsonWriter writer, StateDictReport report)
    {
        writer.WriteStartObject("tensors");
        foreach (StateDictEntry entry in report.Tensors)
        {
            writer.WriteString(entry.Tensor, entry.StateDictName);
        }

        writer.WriteEndObject();
        writer.WriteStrings("not_used", report.Ignored);
    }
}
