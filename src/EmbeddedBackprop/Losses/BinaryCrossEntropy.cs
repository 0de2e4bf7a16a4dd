using System.Runtime.CompilerServices;
using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Losses;

/// <summary>
/// -(y log a + (1 - y) log(1 - a)) for a probability a, summed over outputs, the mean over samples; derivative (a - y) / (a (1 - a)). Source:
/// Nielsen, chapter 3, equation 57.
/// </summary>
/// <remarks>Finite at 0 and 1: logarithms are at least -100, the denominator at least 1e-12 (the definition of PyTorch). A sigmoid layer before it is
/// compiled as a loss on logits, which needs neither bound.</remarks>
public readonly struct BinaryCrossEntropy : ILossFunction
{
    /// <inheritdoc/>
    public static string Name => "binary-cross-entropy";

    /// <inheritdoc/>
    public static string Equation => "-(y log a + (1 - y) log(1 - a)), logarithms at least -100 (Nielsen, chapter 3, equation 57)";

    /// <inheritdoc/>
    public static bool AveragesOutputs => false;

    /// <inheritdoc/>
    public static (double Least, double Most) Domain => (0.0, 1.0);

    /// <inheritdoc/>
    public static bool TargetsAreProbabilities => true;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Value<T>(T a, T y) where T : struct, ILanes<T>
    {
        T logA = T.Named(T.Log(a), "log_a");
        T logRest = T.Named(T.Log1P(-a), "log_rest");
        logA = T.IfGreater(T.Constant(-100.0), logA, T.Constant(-100.0), logA);
        logRest = T.IfGreater(T.Constant(-100.0), logRest, T.Constant(-100.0), logRest);
        return -((y * logA) + ((T.One - y) * logRest));
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Derivative<T>(T a, T y) where T : struct, ILanes<T>
    {
        T variance = T.Named(a * (T.One - a), "variance");
        variance = T.IfGreater(T.Constant(1e-12), variance, T.Constant(1e-12), variance);
        return (a - y) / variance;
    }

    /// <inheritdoc/>
    public static Loss? OnLogits(Activation outputActivation) =>
        outputActivation is Activation<Sigmoid> ? new Loss<BinaryCrossEntropyWithLogits>() : null;
}
