namespace EmbeddedBackprop.Training;

/// <summary>Bounds on gradients, applied before penalties are added. 0 switches a bound off.</summary>
public sealed record Clipping
{
    /// <summary>No bound.</summary>
    public static Clipping None { get; } = new();

    /// <summary>Every element is held between -Value and Value.</summary>
    public float Value { get; init; }

    /// <summary>The gradient of all parameters together is scaled down to this Euclidean norm if it is longer.</summary>
    public float Norm { get; init; }
}
