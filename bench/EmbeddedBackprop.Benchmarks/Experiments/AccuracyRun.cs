namespace EmbeddedBackprop.Benchmarks.Experiments;

/// <summary>The results of one training.</summary>
/// <param name="Accuracy">On the test samples, after the last epoch.</param>
/// <param name="Training">During the last epoch, each sample before its update.</param>
/// <param name="Parameters">Trained elements.</param>
/// <param name="Epochs">Passes over the training samples.</param>
/// <param name="Seconds">Seconds of training alone.</param>
/// <param name="Hash">SHA-256 of the weights.</param>
/// <param name="Judged">The same model on each of <see cref="AccuracyRow.Judged"/>.</param>
internal sealed record AccuracyRun(
    double Accuracy,
    double Training,
    int Parameters,
    int Epochs,
    double Seconds,
    string Hash,
    AccuracyJudgement[] Judged);

/// <summary>A model on one file.</summary>
/// <param name="Accuracy">Share of right predictions.</param>
/// <param name="Majority">The score of always predicting the most frequent class.</param>
/// <param name="Balanced">Mean over the classes of the share that is recognised.</param>
/// <param name="Area">The area under the ROC curve.</param>
internal readonly record struct AccuracyJudgement(double Accuracy, double Majority, double Balanced, double Area);
