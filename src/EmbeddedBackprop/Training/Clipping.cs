namespace EmbeddedBackprop.Training;

/// <summary>
/// Bounds on gradients, applied before penalties are added: by value first, then by norm. 0 switches a bound off.
/// Source: Pascanu, Mikolov, Bengio 2013; the forms are PyTorch's clip_grad_value_ and clip_grad_norm_.
/// </summary>
public sealed record Clipping
{
    /// <summary>No bound.</summary>
    public static Clipping None { get; } = new();

    /// <summary>
    /// Every element is held between -Value and Value: t = g &gt; -Value ? g : -Value; g = t &gt; Value ? Value : t. 0, the default, for no bound.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is negative or not finite.</exception>
    public float Value { get; init => field = Errors.RequireNotNegative("clip value", value); }

    /// <summary>
    /// The gradient of all parameters together is scaled down to this Euclidean norm if it is longer: norm = sqrt(sum of g^2), and if norm &gt; Norm,
    /// g = g * (Norm / (norm + 1e-6)). The sum has 16 partial sums, one chain through all tensors in their order, each in compact [out, in] order.
    /// A norm that overflows counts as a gradient that is not finite. 0, the default, for no bound.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is negative or not finite.</exception>
    public float Norm { get; init => field = Errors.RequireNotNegative("clip norm", value); }
}
