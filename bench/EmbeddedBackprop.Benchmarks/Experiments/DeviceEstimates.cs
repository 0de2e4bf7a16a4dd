using System.Globalization;
using System.Text;
using EmbeddedBackprop.Export;
using EmbeddedBackprop.Export.Model;

namespace EmbeddedBackprop.Benchmarks.Experiments;

/// <summary>Estimated instructions of exported nets beside counted ones.</summary>
internal static class DeviceEstimates
{
    /// <summary>A summary for each processor and a table with a row for each net.</summary>
    /// <param name="processors">The processors.</param>
    /// <param name="nets">Nets that are not in the calibration.</param>
    /// <returns>The text, and the largest error on each processor.</returns>
    public static (string Text, IReadOnlyDictionary<string, double> Largest) Table(
        IReadOnlyList<DeviceProcessor> processors, IReadOnlyList<DeviceNet> nets)
    {
        Dictionary<DeviceNet, string[]> cells = nets.ToDictionary(net => net, _ => processors.Select(_ => "").ToArray());
        Dictionary<string, double> largest = new(StringComparer.Ordinal);
        StringBuilder text = new();
        for (int i = 0; i < processors.Count; i++)
        {
            DeviceProcessor processor = processors[i];
            List<double> errors = [];
            foreach ((DeviceNet net, CModel model, long counted) in processor.Count(nets))
            {
                CCost cost = CCost.Of(model, processor.CTarget);
                double error = ((net.Trains ? cost.TrainingInstructions : cost.Instructions) - counted) / (double)counted;
                errors.Add(Math.Abs(error));
                cells[net][i] = string.Create(CultureInfo.InvariantCulture, $"{counted:N0} ({error:+0.0%;-0.0%;0.0%})");
            }

            largest.Add(processor.Target, errors.Max());
            text.Append(
                CultureInfo.InvariantCulture,
                $"* {processor.Target}: {errors.Count} nets, mean error {errors.Average():P1}, largest {errors.Max():P1}\n");
        }

        text.Append("\n| net | ").AppendJoin(" | ", processors.Select(processor => processor.Target)).Append(" |\n| --- |");
        text.Insert(text.Length, " ---: |", processors.Count).Append('\n');
        foreach (DeviceNet net in nets)
        {
            text.Append(CultureInfo.InvariantCulture, $"| {net} | ").AppendJoin(" | ", cells[net]).Append(" |\n");
        }

        return (text.ToString(), largest);
    }
}
