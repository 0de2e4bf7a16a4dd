namespace EmbeddedBackprop.Training;

/// <summary>Which classes are taken for which, and the figures that follow from it.</summary>
public sealed class ConfusionMatrix
{
    private readonly int[,] counts;

    private ConfusionMatrix(int classes) => counts = new int[classes, classes];

    /// <summary>How many classes there are.</summary>
    public int Classes => counts.GetLength(0);

    /// <summary>Samples of class <paramref name="label"/> that were taken for class <paramref name="prediction"/>.</summary>
    public int this[int label, int prediction] => counts[label, prediction];

    /// <summary>All samples.</summary>
    public int Total { get; private set; }

    /// <summary>Share of right predictions; 0 without samples.</summary>
    public double Accuracy => Total == 0 ? 0 : (double)Right / Total;

    /// <summary>The mean over classes of the share of their samples that was recognised; a majority class cannot lift it. Classes without
    /// samples are left out.</summary>
    public double BalancedAccuracy
    {
        get
        {
            double sum = 0;
            int present = 0;
            for (int label = 0; label < Classes; label++)
            {
                if (Count(label) > 0)
                {
                    sum += (double)counts[label, label] / Count(label);
                    present++;
                }
            }

            return present == 0 ? 0 : sum / present;
        }
    }

    /// <summary>Right predictions.</summary>
    public int Right
    {
        get
        {
            int sum = 0;
            for (int label = 0; label < Classes; label++)
            {
                sum += counts[label, label];
            }

            return sum;
        }
    }

    /// <summary>The share that always naming the most frequent class would get right; 0 without samples.</summary>
    public double MajorityShare
    {
        get
        {
            int most = 0;
            for (int label = 0; label < Classes; label++)
            {
                most = Math.Max(most, Count(label));
            }

            return Total == 0 ? 0 : (double)most / Total;
        }
    }

    /// <summary>Samples of a class.</summary>
    public int Count(int label)
    {
        int sum = 0;
        for (int prediction = 0; prediction < Classes; prediction++)
        {
            sum += counts[label, prediction];
        }

        return sum;
    }

    /// <summary>Samples that were taken for a class.</summary>
    public int Predicted(int prediction)
    {
        int sum = 0;
        for (int label = 0; label < Classes; label++)
        {
            sum += counts[label, prediction];
        }

        return sum;
    }

    /// <summary>The share of a class's samples that was recognised; 0 without samples.</summary>
    public double Recall(int label) => Share(counts[label, label], Count(label));

    /// <summary>The share of predictions of a class that are right; 0 where it is never predicted.</summary>
    public double Precision(int prediction) => Share(counts[prediction, prediction], Predicted(prediction));

    /// <summary>
    /// The harmonic mean of precision and recall, 2 right / (samples + predictions); 0 where a class is neither there nor predicted.
    /// </summary>
    public double F1(int label) => Share(2 * counts[label, label], Count(label) + Predicted(label));

    /// <summary>The mean of <see cref="F1"/> over the classes that are there or predicted; 0 without samples.</summary>
    public double MacroF1
    {
        get
        {
            double sum = 0;
            int present = 0;
            for (int label = 0; label < Classes; label++)
            {
                sum += F1(label);
                present += Count(label) + Predicted(label) > 0 ? 1 : 0;
            }

            return present == 0 ? 0 : sum / present;
        }
    }

    /// <summary>Counts labels and predictions that are known already.</summary>
    /// <param name="labels">The class of each sample.</param>
    /// <param name="predictions">The class that each is taken for.</param>
    /// <param name="classes">How many classes there are.</param>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    /// <exception cref="IndexOutOfRangeException">A class is not below their number.</exception>
    public static ConfusionMatrix Of(ReadOnlySpan<int> labels, ReadOnlySpan<int> predictions, int classes)
    {
        if (labels.Length != predictions.Length)
        {
            Errors.LengthDiffers(nameof(predictions), labels.Length, predictions.Length);
        }

        ConfusionMatrix matrix = new(classes) { Total = labels.Length };
        for (int i = 0; i < labels.Length; i++)
        {
            matrix.counts[labels[i], predictions[i]]++;
        }

        return matrix;
    }

    /// <summary>Predicts all samples of a source; a prediction is <see cref="Accuracy.ClassOf"/>.</summary>
    /// <exception cref="ArgumentException">The data have no classes, or do not fit the network.</exception>
    public static ConfusionMatrix Of(Network network, IBatchSource data)
    {
        ArgumentNullException.ThrowIfNull(network);
        ArgumentNullException.ThrowIfNull(data);
        if (data.ClassCount == 0)
        {
            Errors.NotPositive("classes", 0);
        }

        ConfusionMatrix matrix = new(data.ClassCount);
        PredictionRun.Over(network, data, (sample, outputs) =>
        {
            matrix.counts[data.Label(sample), Training.Accuracy.ClassOf(outputs)]++;
            matrix.Total++;
        });
        return matrix;
    }

    private static double Share(int part, int all) => all == 0 ? 0 : (double)part / all;
}
