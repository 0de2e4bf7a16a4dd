namespace EmbeddedBackprop.Kernels.Convolution;

/// <summary>What follows a convolution element by element: a normalisation with running values, and a rectifier.</summary>
internal readonly ref struct ConvFollowers
{
    /// <summary>Running means, variances, factors and shifts, one an output channel; empty where nothing is normalised.</summary>
    public ReadOnlySpan<float> Means { get; init; }

    public ReadOnlySpan<float> Variances { get; init; }

    public ReadOnlySpan<float> Gammas { get; init; }

    public ReadOnlySpan<float> Betas { get; init; }

    /// <summary>What is added to a variance.</summary>
    public float Epsilon { get; init; }

    /// <summary>Whether max(y, 0) is taken in the end.</summary>
    public bool Rectifies { get; init; }
}
