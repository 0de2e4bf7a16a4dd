namespace EmbeddedBackprop.Losses;

/// <summary>The class that a row of outputs predicts, and whether it is right.</summary>
internal static class ClassDecision
{
    /// <summary>
    /// The index of the largest output (the first of equals); with one output, 1 if it is above the threshold. NaN is never the largest; 0 if all are
    /// NaN.
    /// </summary>
    public static int ClassOf(ReadOnlySpan<float> outputs, float threshold = 0.5f)
    {
        if (outputs.Length == 1)
        {
            return outputs[0] > threshold ? 1 : 0;
        }

        int best = 0;
        for (int i = 1; i < outputs.Length; i++)
        {
            if (outputs[i] > outputs[best] || (float.IsNaN(outputs[best]) && !float.IsNaN(outputs[i])))
            {
                best = i;
            }
        }

        return best;
    }

    /// <summary>
    /// Whether the outputs of one sample predict the class. Outputs that are all NaN predict none: a broken network is never right.
    /// </summary>
    public static bool IsRight(ReadOnlySpan<float> outputs, int target, float threshold = 0.5f)
    {
        int predicted = ClassOf(outputs, threshold);
        return predicted == target && !float.IsNaN(outputs[outputs.Length == 1 ? 0 : predicted]);
    }

    /// <summary>How many rows of predictions have the same class as their targets.</summary>
    /// <remarks>The threshold is that of predictions; targets are probabilities.</remarks>
    public static int CountCorrect(
        ReadOnlySpan<float> predictions, int predictionStride, ReadOnlySpan<float> targets, int targetStride, int rows, int columns, float threshold)
    {
        int correct = 0;
        for (int row = 0; row < rows; row++)
        {
            int target = ClassOf(targets.Slice(row * targetStride, columns));
            correct += IsRight(predictions.Slice(row * predictionStride, columns), target, threshold) ? 1 : 0;
        }

        return correct;
    }
}
