namespace EmbeddedBackprop.Training;

/// <summary>
/// A second copy of the parameters that follows the first more calmly: it judges and predicts, while the first continues to be trained. At
/// its k-th step
/// A = M(r, W - A, A) with r = max(1/k, 1 - Decay): a plain mean at first, then an exponential one that forgets steps older than about 1/(1 - Decay).
/// The first step copies. With Decay 1 it stays the plain mean of all.
/// Source: Polyak and Juditsky 1992; stochastic weight averaging: Izmailov, Podoprikhin, Garipov, Vetrov, Wilson 2018.
/// </summary>
/// <remarks>Only trained parameters are averaged: running statistics of a batch normalisation are those of the last step.</remarks>
public sealed record WeightAveraging
{
    /// <summary>No average.</summary>
    public static WeightAveraging None { get; } = new();

    /// <summary>The share of the average that is kept at a step, from 0 (no averaging, the default) to 1 (a plain mean).</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value lies outside.</exception>
    public float Decay
    {
        get;
        init
        {
            if (!(value >= 0 && value <= 1))
            {
                Errors.OutOfRange("decay of the average", value, "0 to 1");
            }

            field = value;
        }
    }

    /// <summary>Whole epochs before the average begins; 0 by default.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is negative.</exception>
    public int FromEpoch
    {
        get;
        init
        {
            if (value < 0)
            {
                Errors.Negative("first epoch of the average", value);
            }

            field = value;
        }
    }

    /// <summary>Whether a step is taken at the end of each epoch instead of after each update (the default).</summary>
    public bool EveryEpoch { get; init; }

    /// <summary>Whether there is an average at all.</summary>
    public bool IsOn => Decay > 0;

    /// <summary>The exponential moving average, a step after each update.</summary>
    public static WeightAveraging Exponential(float decay = 0.999f, int fromEpoch = 0) => new() { Decay = decay, FromEpoch = fromEpoch };

    /// <summary>Stochastic weight averaging: the plain mean of the weights at the ends of the epochs after the first ones.</summary>
    public static WeightAveraging Stochastic(int fromEpoch) => new() { Decay = 1f, FromEpoch = fromEpoch, EveryEpoch = true };

    /// <summary>r of the k-th step, k counted from 1.</summary>
    internal float Rate(long step)
    {
        float mean = 1f / step, rest = 1f - Decay;
        return mean > rest ? mean : rest;
    }
}
