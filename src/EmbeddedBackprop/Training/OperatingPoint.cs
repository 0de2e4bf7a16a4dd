namespace EmbeddedBackprop.Training;

/// <summary>A threshold on scores, and what follows from it: an alarm is a score from the threshold on.</summary>
/// <param name="Threshold">The least score that is an alarm; infinity where no score is one.</param>
/// <param name="Recall">The share of positive samples with an alarm.</param>
/// <param name="FalseAlarmRate">The share of negative samples with an alarm.</param>
/// <param name="Precision">The share of alarms that are positive samples; NaN without an alarm.</param>
/// <param name="Alarms">How many samples have an alarm.</param>
public readonly record struct OperatingPoint(float Threshold, double Recall, double FalseAlarmRate, double Precision, int Alarms);
