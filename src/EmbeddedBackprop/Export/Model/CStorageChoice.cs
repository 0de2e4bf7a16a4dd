using EmbeddedBackprop.Export.Ops;
using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Export.Update;
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
        foreach (Step step in plan.Steps.ToArray().SelectMany(step => step.Parts))
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

    /// <summary>
    /// The parameters with the values of the tables: those of float16 and int8 tables are rounded; what is trained is stored as it is.
    /// </summary>
    /// <returns>A copy in the plan's layout.</returns>
    /// <exception cref="ArgumentException">A weight is not finite or too large for float16.</exception>
    public static float[] Rounded(Plan plan, ReadOnlySpan<float> parameters, CExportOptions options)
    {
        float[] stored = parameters[..plan.ParameterLength].ToArray();
        Dictionary<string, (CScaleAxis Axis, CStorage Storage)> choice = Of(plan, options);
        Plan? training = options.Training is { } wanted ? CTraining.PlanOf(plan.Graph, options.Arithmetic ?? plan.Options.Arithmetic, wanted) : null;
        foreach (ParameterRange range in plan.Parameters)
        {
            if (!choice.TryGetValue(range.Name, out (CScaleAxis Axis, CStorage Storage) chosen) || CTraining.IsTrained(training, range.Name))
            {
                continue;
            }

            float[] rounded = new CTable(range.Name, range.Name, CNumbers.Compact(range, stored))
                .StoredAs(chosen.Storage, chosen.Axis, range.Name, name => name)
                .Values;
            for (int row = 0; row < range.Rows; row++)
            {
                rounded.AsSpan(row * range.Columns, range.Columns).CopyTo(stored.AsSpan(range.Offset + (row * range.Stride)));
            }
        }

        return stored;
    }
}
