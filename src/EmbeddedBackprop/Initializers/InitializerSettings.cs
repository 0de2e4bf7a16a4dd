namespace EmbeddedBackprop.Initializers;

/// <summary>The settings of any initialiser, as they come from a command line or a model file; null stands for the initialiser's default, and what it has no use for is ignored.</summary>
public sealed record InitializerSettings
{
    /// <summary>The length of the vectors (orthogonal).</summary>
    public float? Gain { get; init; }
}
