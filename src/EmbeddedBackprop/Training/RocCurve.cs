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
        float[] all = new float[(long)data.Count * outputs];
        PredictionRun.Over(network, data, (sample, row) => row.CopyTo(all.AsSpan(sample * outputs)));
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
}
