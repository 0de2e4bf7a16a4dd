namespace EmbeddedBackprop.Quantization;

/// <summary>How the range that integers represent is chosen from the values of a calibration.</summary>
public enum RangeMethod
{
    /// <summary>
    /// The share 1, 0.98, 0.96 ... 0.2 of minimum and maximum with the least squared error after rounding and clamping: a few values that lie far out
    /// are clamped, and all others are rounded more finely.
    /// </summary>
    LeastSquares,

    /// <summary>From the minimum to the maximum.</summary>
    MinMax,

    /// <summary>From the value that 0.01 % of the values lie below to the value that 0.01 % lie above.</summary>
    Percentile,
}
