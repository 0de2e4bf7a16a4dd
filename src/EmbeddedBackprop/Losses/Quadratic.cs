using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Losses;

/// <summary>
/// Nielsen's quadratic cost C = 1/(2n) * sum over samples of |a - y|^2, derivative (a - y)/n. Source: Nielsen, chapter 1, equation 6.
/// </summary>
public readonly struct Quadratic : ILossFunction
{
    /// <inheritdoc/>
    public static string Name => "quadratic";

    /// <inheritdoc/>
    public static string Equation => "C = 1/(2n) sum of (a - y)^2 (Nielsen, chapter 1, equation 6)";

    /// <inheritdoc/>
    public static bool AveragesOutputs => false;

    /// <inheritdoc/>
    public static T Value<T>(T a, T y) where T : struct, ILanes<T>
    {
        T difference = T.Named(a - y, "difference");
        return T.Constant(0.5) * (difference * difference);
    }

    /// <inheritdoc/>
    public static T Derivative<T>(T a, T y) where T : struct, ILanes<T> => a - y;
}
