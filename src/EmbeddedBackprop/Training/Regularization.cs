namespace EmbeddedBackprop.Training;

/// <summary>
/// Penalties on the size of weights: they change the gradient (after clipping), not the reported loss. First L2 and weight decay, then L1.
/// </summary>
public sealed record Regularization
{
    /// <summary>No penalty.</summary>
    public static Regularization None { get; } = new();

    /// <summary>L1: g = g + l1 * sign(w), where the sign of 0 is 0; 0 by default. Source: Nielsen, chapter 3.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is negative or not finite.</exception>
    public float L1 { get; init => field = Errors.RequireNotNegative("l1", value); }

    /// <summary>
    /// L2: g = M(l2, w, g). Nielsen's lambda is divided by the number of training samples: l2 = lambda / n. 0 by default. Source: Nielsen, chapter 3,
    /// equation 88.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is negative or not finite.</exception>
    public float L2 { get; init => field = Errors.RequireNotNegative("l2", value); }

    /// <summary>
    /// Weight decay: added to <see cref="L2"/>, except where the optimiser decouples it: then w = M(-(eta * decay), w, w) before its step (AdamW). 0
    /// by default.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is negative or not finite.</exception>
    public float WeightDecay { get; init => field = Errors.RequireNotNegative("weight decay", value); }

    /// <summary>
    /// The longest vector of incoming weights a neuron may have: after an update n = sqrt(sum of w^2) over the weights of each output, and where n
    /// &gt; MaxNorm, w = w * (MaxNorm / n). Biases are left alone; 0, the default, sets no bound. Source: Srebro and Shraibman 2005; Srivastava et
    /// al. 2014, section 5.1.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is negative or not finite.</exception>
    public float MaxNorm { get; init => field = Errors.RequireNotNegative("max norm", value); }

    /// <summary>Whether biases are penalised, too; by default they are not.</summary>
    public bool AllParameters { get; init; }
}
