using EmbeddedBackprop.Losses;

namespace EmbeddedBackprop.Training;

/// <summary>The class that a row of outputs predicts.</summary>
public static class Accuracy
{
    /// <summary>
    /// The index of the largest output (the first of equals); with one output, 1 if it is above the threshold. NaN is never the largest; 0 if all are
    /// NaN.
    /// </summary>
    /// <param name="outputs">The outputs of one sample.</param>
    /// <param name="threshold">The value that a single output must exceed: one half for a probability, 0 for a logit.</param>
    public static int ClassOf(ReadOnlySpan<float> outputs, float threshold = 0.5f) => ClassDecision.ClassOf(outputs, threshold);
}
