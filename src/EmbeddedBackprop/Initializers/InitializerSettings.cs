namespace EmbeddedBackprop.Initializers;

/// <summary>The settings of any initialiser, as they come from a command line or a model file; null means the initialiser's default, and an
/// initialiser ignores settings it does not have.</summary>
public sealed record InitializerSettings
{
    /// <summary>The length of the vectors (orthogonal).</summary>
    public float? Gain { get; init; }
}
