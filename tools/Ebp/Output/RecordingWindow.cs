namespace EmbeddedBackprop.Tools.Output;

/// <summary>A window of a recording.</summary>
/// <param name="Recording">The recording's name.</param>
/// <param name="Second">Seconds from the recording's beginning to that of the window.</param>
/// <param name="Samples">Its samples.</param>
internal sealed record RecordingWindow(string Recording, double Second, float[] Samples);
