using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tools.Output;

/// <summary>The outputs for one sample, and what they should be where that is known.</summary>
/// <param name="Outputs">One float per output.</param>
/// <param name="Sample">The sample's number from 0 on, in its data or among the rows.</param>
/// <param name="Label">The class, of samples with classes.</param>
/// <param name="Target">The values, of samples without.</param>
/// <param name="Window">The part of a recording that was asked about, if it was one.</param>
internal sealed record Prediction(float[] Outputs, int Sample, int? Label = null, float[]? Target = null, RecordingWindow? Window = null)
{
    /// <summary>The class of the largest output.</summary>
    public int Class => Accuracy.ClassOf(Outputs);
}
