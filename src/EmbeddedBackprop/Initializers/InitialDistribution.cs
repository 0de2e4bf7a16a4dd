namespace EmbeddedBackprop.Initializers;

/// <summary>What an <see cref="InitialDraw"/> multiplies.</summary>
internal enum InitialDistribution
{
    /// <summary>Nothing: the scale is the value.</summary>
    Constant,

    /// <summary>2 * uniform - 1.</summary>
    Uniform,

    /// <summary>A draw from N(0, 1).</summary>
    Normal,
}
