using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Graphs;

namespace EmbeddedBackprop.Export.Model;

/// <summary>A network's parameters on their way into tables.</summary>
internal static class CNumbers
{
    /// <summary>A tensor without padding, in the order of memory.</summary>
    /// <exception cref="ArgumentException">An element is not finite.</exception>
    public static float[] Compact(in ParameterRange range, ReadOnlySpan<float> parameters)
    {
        float[] values = new float[range.Count];
        for (int row = 0; row < range.Rows; row++)
        {
            parameters.Slice(range.Offset + (row * range.Stride), range.Columns).CopyTo(values.AsSpan(row * range.Columns));
        }

        RequireFinite(range.Name, values);
        return values;
    }

    /// <exception cref="ArgumentException">An element is not finite.</exception>
    public static void RequireFinite(string name, float[] values)
    {
        int bad = Array.FindIndex(values, value => !float.IsFinite(value));
        if (bad >= 0)
        {
            ExportErrors.NotFinite(name, bad, values[bad]);
        }
    }
}
