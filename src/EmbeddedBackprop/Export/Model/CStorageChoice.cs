using EmbeddedBackprop.Export.Ops;
using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Graphs;

namespace EmbeddedBackprop.Export.Model;

/// <summary>Which tables are not stored as float32, by the options.</summary>
internal static class CStorageChoice
{
    /// <summary>Axis and storage of each table of weights, by the parameter's name.</summary>
    /// <exception cref="ArgumentException">A layer is named that is not there or has no weights.</exception>
    public static Dictionary<string, (CScaleAxis Axis, CStorage Storage)> Of(Plan plan, CExportOptions options)
    {
        Dictionary<string, (CScaleAxis Axis, CStorage Storage)> choice = new(StringComparer.Ordinal);
        HashSet<string> layers = new(StringComparer.Ordinal);
        foreach (Step step in plan.Steps)
        {
            COp text = COpList.For(step);
            for (int i = 0; i < step.Ranges.Length; i++)
            {
                if (text.WeightAxis(step.Op, i) is { } axis)
                {
                    layers.Add(step.Op.Name);
                    choice[step.Ranges[i].Name] = (axis, options.StorageOf.TryGetValue(step.Op.Name, out CStorage own) ? own : options.Storage);
                }
            }
        }

        foreach (string layer in options.StorageOf.Keys.Where(layer => !layers.Contains(layer)).Order(StringComparer.Ordinal))
        {
            ExportErrors.NoSuchLayer(layer, layers);
        }

        return choice;
    }
}
