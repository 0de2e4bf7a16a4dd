namespace EmbeddedBackprop.Kernels.Convolution;

/// <summary>What follows a convolution: a normalisation with running values, a rectifier, and the maxima of two by two.</summary>
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

    /// <summary>Receives the maxima of two by two of the results; empty where none are wanted.</summary>
    public Span<float> Maxima { get; init; }

    /// <summary>Distance of the samples there.</summary>
    public int LeadingMaxima { get; init; }

    /// <summary>Whether the results themselves are wanted, too.</summary>
    public bool KeepsSums { get; init; }

    /// <summary>Refuses constants of fewer than so many channels.</summary>
    public void Require(int outputs)
    {
        if (!Means.IsEmpty)
        {
            Kernels.Require.AtLeast("Conv.Forward", "means", outputs, Means.Length);
            Kernels.Require.AtLeast("Conv.Forward", "variances", outputs, Variances.Length);
            Kernels.Require.AtLeast("Conv.Forward", "gammas", outputs, Gammas.Length);
            Kernels.Require.AtLeast("Conv.Forward", "betas", outputs, Betas.Length);
        }
    }
}
