using System.Text;

namespace EmbeddedBackprop.Export;

/// <summary>One constant table of the exported C: how numbers are stored is known here and nowhere else.</summary>
/// <param name="Name">The C identifier.</param>
/// <param name="Source">The parameter's name and shape, fit for a comment.</param>
/// <param name="Values">The numbers in the order of the table.</param>
internal sealed record CTable(string Name, string Source, float[] Values)
{
    /// <summary>Bytes of flash.</summary>
    public long Bytes => sizeof(float) * (long)Values.Length;

    /// <summary>The table as the header declares it.</summary>
    public string Declaration => $"const float {Name}[{CText.Number(Values.Length)}]";

    /// <summary>The table with its numbers.</summary>
    public void AppendDefinition(StringBuilder text, string placement)
    {
        text.Append("/* ").Append(Source).Append(" */\n").Append(placement).Append(' ').Append(Declaration).Append(" = {\n");
        CText.AppendList(text, Values.Select(CText.Hex), 8);
        text.Append("};\n");
    }

    /// <summary>Goes on with a check sum (FNV-1a over 32-bit words), in which every changed bit changes the result.</summary>
    public uint Continue(uint sum)
    {
        foreach (float value in Values)
        {
            sum = unchecked((sum ^ BitConverter.SingleToUInt32Bits(value)) * 16777619u);
        }

        return sum;
    }
}
