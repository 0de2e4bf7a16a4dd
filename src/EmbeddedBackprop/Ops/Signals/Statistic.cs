namespace EmbeddedBackprop.Ops;

/// <summary>A number that describes a row of n samples; c is a sample minus the mean, m_k the mean of c^k.</summary>
public enum Statistic
{
    /// <summary>The mean.</summary>
    Mean,

    /// <summary>The root of the mean of the squares.</summary>
    Rms,

    /// <summary>The standard deviation, sqrt(m_2).</summary>
    Deviation,

    /// <summary>m_3 / m_2^1.5; 0 for a constant row.</summary>
    Skewness,

    /// <summary>m_4 / m_2^2, which is 3 for a normal distribution; 0 for a constant row.</summary>
    Kurtosis,

    /// <summary>Changes of sign from sample to sample, divided by n - 1; a zero counts as positive.</summary>
    ZeroCrossings,

    /// <summary>The largest magnitude divided by the root of the mean of the squares; 0 for a row of zeros.</summary>
    Crest,

    /// <summary>The largest magnitude.</summary>
    Peak,
}
