namespace EmbeddedBackprop.Training;

/// <summary>How well a score tells two classes apart, whatever threshold is chosen.</summary>
public static class RocCurve
{
    /// <summary>
    /// The area under the curve of true over false positives: the share of pairs (one sample of each class) in which the positive one has the higher
    /// score; a tie counts half. NaN scores count as the lowest. Source: Hanley and McNeil 1982.
    /// </summary>
    /// <param name="scores">A score of each sample: higher for the positive class.</param>
    /// <param name="positive">Whether each sample belongs to it.</param>
    /// <returns>From 0 to 1; NaN where a class has no samples.</returns>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    public static double Area(ReadOnlySpan<float> scores, ReadOnlySpan<bool> positive)
    {
        if (scores.Length != positive.Length)
        {
            Errors.LengthDiffers(nameof(positive), scores.Length, positive.Length);
        }

        float[] sorted = scores.ToArray();
        bool[] isPositive = positive.ToArray();
        Array.Sort(sorted, isPositive);
        long positives = 0, negatives = 0;
        double wins = 0;
        for (int begin = 0; begin < sorted.Length;)
        {
            int end = begin, ties = 0, others = 0;
            while (end < sorted.Length && (sorted[end] == sorted[begin] || (float.IsNaN(sorted[end]) && float.IsNaN(sorted[begin]))))
            {
                ties += isPositive[end] ? 1 : 0;
                others += isPositive[end++] ? 0 : 1;
            }

            // Positives of this score beat all negatives below, and half of those of the same score.
            wins += ties * (negatives + (0.5 * others));
            positives += ties;
            negatives += others;
            begin = end;
        }

        return positives == 0 || negatives == 0 ? double.NaN : wins / positives / negatives;
    }

    /// <summary>
    /// The area for the data of a network with two classes (the second is the positive one), or the mean over classes, each against all others.
    /// </summary>
    /// <exception cref="ArgumentException">The data have no classes, or do not fit the network.</exception>
    public static double Area(Network network, IBatchSource data)
    {
        ArgumentNullException.ThrowIfNull(network);
        ArgumentNullException.ThrowIfNull(data);
        if (data.ClassCount == 0)
        {
            Errors.NotPositive("classes", 0);
        }

        int outputs = network.Output.Shape.Length;
        float[] all = Outputs(network, data);
        double sum = 0;
        int curves = 0;
        float[] scores = new float[data.Count];
        bool[] positive = new bool[data.Count];

        // Two outputs of a softmax rank alike, so one curve serves both.
        int first = data.ClassCount == 2 ? 1 : 0;
        for (int label = first; label < data.ClassCount; label++)
        {
            for (int sample = 0; sample < data.Count; sample++)
            {
                scores[sample] = all[(sample * outputs) + (outputs == 1 ? 0 : label)];
                positive[sample] = data.Label(sample) == label;
            }

            double area = Area(scores, positive);
            if (!double.IsNaN(area))
            {
                sum += area;
                curves++;
            }
        }

        return curves == 0 ? double.NaN : sum / curves;
    }

    /// <summary>
    /// The lowest threshold whose share of false alarms is at most a bound, and its recall and precision: for rare classes and anomalies, where the
    /// area alone says little. Samples of one score are on one side. A NaN is never an alarm.
    /// </summary>
    /// <param name="scores">A score of each sample: higher for the positive class.</param>
    /// <param name="positive">Whether each sample belongs to it.</param>
    /// <param name="falseAlarms">The bound on the share of negative samples with an alarm, from 0 to 1.</param>
    /// <returns>The point; recall or rate are NaN where there are no positive or negative samples.</returns>
    /// <exception cref="ArgumentException">The lengths differ, or the bound is not from 0 to 1.</exception>
    public static OperatingPoint AtFalseAlarms(ReadOnlySpan<float> scores, ReadOnlySpan<bool> positive, double falseAlarms)
    {
        if (scores.Length != positive.Length)
        {
            Errors.LengthDiffers(nameof(positive), scores.Length, positive.Length);
        }

        if (!(falseAlarms >= 0 && falseAlarms <= 1))
        {
            throw new ArgumentOutOfRangeException(nameof(falseAlarms), falseAlarms, "A share lies from 0 to 1.");
        }

        float[] sorted = scores.ToArray();
        bool[] isPositive = positive.ToArray();
        Array.Sort(sorted, isPositive);
        int positives = positive.Count(true), negatives = positive.Length - positives, hits = 0, errors = 0;
        float threshold = float.PositiveInfinity;
        for (int end = sorted.Length; end > 0 && !float.IsNaN(sorted[end - 1]);)
        {
            // All samples of one score at once.
            int begin = end, ties = 0;
            while (begin > 0 && sorted[begin - 1] == sorted[end - 1])
            {
                ties += isPositive[--begin] ? 1 : 0;
            }

            int others = end - begin - ties;
            if (errors + others > falseAlarms * negatives)
            {
                break;
            }

            (hits, errors, threshold, end) = (hits + ties, errors + others, sorted[begin], begin);
        }

        return Point(threshold, hits, errors, positives, negatives);
    }

    /// <summary>What a threshold that was chosen elsewhere, as on normal samples alone, does to these samples. A NaN is never an alarm.</summary>
    /// <param name="scores">A score of each sample: higher for the positive class.</param>
    /// <param name="positive">Whether each sample belongs to it.</param>
    /// <param name="threshold">The least score that is an alarm.</param>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    public static OperatingPoint AtThreshold(ReadOnlySpan<float> scores, ReadOnlySpan<bool> positive, float threshold)
    {
        if (scores.Length != positive.Length)
        {
            Errors.LengthDiffers(nameof(positive), scores.Length, positive.Length);
        }

        int hits = 0, errors = 0;
        for (int i = 0; i < scores.Length; i++)
        {
            hits += positive[i] && scores[i] >= threshold ? 1 : 0;
            errors += !positive[i] && scores[i] >= threshold ? 1 : 0;
        }

        int positives = positive.Count(true);
        return Point(threshold, hits, errors, positives, positive.Length - positives);
    }

    /// <summary>The same for a class of the data of a network; its score is its output, of a single output the output or its negative.</summary>
    /// <param name="network">The network.</param>
    /// <param name="data">The samples.</param>
    /// <param name="positive">The class that an alarm is given for.</param>
    /// <param name="falseAlarms">The bound on the share of samples of other classes with an alarm, from 0 to 1.</param>
    /// <exception cref="ArgumentException">The data have no such class, or do not fit the network.</exception>
    public static OperatingPoint AtFalseAlarms(Network network, IBatchSource data, int positive, double falseAlarms)
    {
        ArgumentNullException.ThrowIfNull(network);
        ArgumentNullException.ThrowIfNull(data);
        ArgumentOutOfRangeException.ThrowIfNegative(positive);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(positive, data.ClassCount);
        int outputs = network.Output.Shape.Length;
        float[] all = Outputs(network, data), scores = new float[data.Count];
        bool[] isPositive = new bool[data.Count];
        for (int sample = 0; sample < data.Count; sample++)
        {
            float output = all[(sample * outputs) + (outputs == 1 ? 0 : positive)];
            scores[sample] = outputs == 1 && positive == 0 ? -output : output;
            isPositive[sample] = data.Label(sample) == positive;
        }

        return AtFalseAlarms(scores, isPositive, falseAlarms);
    }

    private static OperatingPoint Point(float threshold, int hits, int errors, int positives, int negatives) => new(
        threshold,
        positives == 0 ? double.NaN : (double)hits / positives,
        negatives == 0 ? double.NaN : (double)errors / negatives,
        hits + errors == 0 ? double.NaN : (double)hits / (hits + errors),
        hits + errors);

    /// <summary>The outputs of all samples, row by row.</summary>
    private static float[] Outputs(Network network, IBatchSource data)
    {
        int outputs = network.Output.Shape.Length;
        float[] all = new float[(long)data.Count * outputs];
        PredictionRun.Over(network, data, (sample, row) => row.CopyTo(all.AsSpan(sample * outputs)));
        return all;
    }
}
