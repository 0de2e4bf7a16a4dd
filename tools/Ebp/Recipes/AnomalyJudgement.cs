using System.Globalization;
using System.Text.Json;
using EmbeddedBackprop.Data;
using EmbeddedBackprop.Tools.DataSources;
using EmbeddedBackprop.Tools.Output;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tools.Recipes;

/// <summary>
/// How well a net that reproduces normal samples tells others from them. The score of a sample is the mean square of outputs less standardised
/// inputs; the threshold comes from normal samples of the training alone.
/// </summary>
internal sealed class AnomalyJudgement
{
    private readonly int normal;
    private readonly int anomalies;
    private readonly double area;
    private readonly OperatingPoint point;
    private readonly double bound;
    private readonly int chosenBy;
    private readonly string part;

    /// <param name="model">The model.</param>
    /// <param name="path">Its file.</param>
    /// <param name="data">The samples that judge.</param>
    /// <param name="falseAlarms">The share of normal samples of the training that may have an alarm.</param>
    public AnomalyJudgement(SavedModel model, string path, ReproducedInputs data, double falseAlarms)
    {
        QuantizationData trained = QuantizationData.Load(model, path, new Recipe(), null);
        float[] reference = SampleErrors.MeanSquares(model.Network, trained.Judging), scores = SampleErrors.MeanSquares(model.Network, data);
        bool[] isAnomaly = new bool[scores.Length];
        for (int i = 0; i < isAnomaly.Length; i++)
        {
            isAnomaly[i] = data.Source.Label(i) != NormalSamples.Class;
        }

        // Where not even one alarm is allowed, the threshold is above all normal samples.
        float threshold = RocCurve.AtFalseAlarms(reference, new bool[reference.Length], falseAlarms).Threshold;
        threshold = float.IsFinite(threshold) ? threshold : MathF.BitIncrement(reference.Max());
        anomalies = isAnomaly.Count(anomaly => anomaly);
        normal = isAnomaly.Length - anomalies;
        area = RocCurve.Area(scores, isAnomaly);
        point = RocCurve.AtThreshold(scores, isAnomaly, threshold);
        (bound, chosenBy, part) = (falseAlarms, reference.Length, trained.JudgedBy);
    }

    /// <summary>Three lines.</summary>
    public void Print(TextWriter writer)
    {
        Line($"{normal:N0} normal, {anomalies:N0} others; AUC {area:F4} of the score: mean square of outputs less standardised inputs");
        Line($"alarm from a score of {point.Threshold:G6} on: at most {bound:P2} of {chosenBy:N0} normal samples ({part})");
        Line($"recall {point.Recall:P2}, precision {point.Precision:P2}, false alarms {point.FalseAlarmRate:P2}");

        void Line(FormattableString text) => writer.WriteLine(text.ToString(CultureInfo.InvariantCulture));
    }

    /// <summary>The member "anomalies".</summary>
    public void Write(Utf8JsonWriter writer)
    {
        writer.WriteStartObject("anomalies");
        writer.WriteNumber("normal", normal);
        writer.WriteNumber("others", anomalies);
        writer.WriteNumberOrNull("auc", area);
        writer.WriteNumber("false_alarms_allowed", bound);
        writer.WriteString("threshold_from", part);
        writer.WriteNumber("threshold", point.Threshold);
        writer.WriteNumberOrNull("recall", point.Recall);
        writer.WriteNumberOrNull("precision", point.Precision);
        writer.WriteNumberOrNull("false_alarm_rate", point.FalseAlarmRate);
        writer.WriteEndObject();
    }
}
