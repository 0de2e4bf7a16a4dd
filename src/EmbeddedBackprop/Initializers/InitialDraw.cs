namespace EmbeddedBackprop.Initializers;

/// <summary>How the elements of a tensor are drawn: what the exporter prints in C for Initializer.Weight and Bias.</summary>
/// <param name="Distribution">What is multiplied by the scale.</param>
/// <param name="Scale">The factor of each draw, or the constant.</param>
internal readonly record struct InitialDraw(InitialDistribution Distribution, float Scale)
{
    /// <summary>All elements are the same.</summary>
    public static InitialDraw Constant(float value) => new(InitialDistribution.Constant, value);

    /// <summary>scale * (2 * uniform - 1).</summary>
    public static InitialDraw Uniform(float scale) => new(InitialDistribution.Uniform, scale);

    /// <summary>scale * normal.</summary>
    public static InitialDraw Normal(float scale) => new(InitialDistribution.Normal, scale);
}
