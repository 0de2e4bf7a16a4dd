using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Losses;

/// <summary>
/// A loss that is a sum over single outputs: the formulas are written once, run as scalar float, SIMD lanes and double, and are printed as C.
/// </summary>
public interface ILossFunction
{
    /// <summary>The name in tables and model files.</summary>
    static abstract string Name { get; }

    /// <summary>The equation in a line of ASCII, a comment of the exported C; empty for the name alone.</summary>
    static virtual string Equation => "";

    /// <summary>True: the mean over samples and outputs. False: the sum over outputs, the mean over samples.</summary>
    static abstract bool AveragesOutputs { get; }

    /// <summary>A single output above this means class 1: one half for a probability, 0 for a logit.</summary>
    static virtual double DecisionThreshold => 0.5;

    /// <summary>
    /// The least and the most value a that the loss can judge, as 0 and 1 for a probability; any by default. A layer whose activation gives others is
    /// refused when a network is built.
    /// </summary>
    static virtual (double Least, double Most) Domain => (double.NegativeInfinity, double.PositiveInfinity);

    /// <summary>Whether targets are probabilities, so that <see cref="Loss.LabelSmoothing"/> has a meaning.</summary>
    static virtual bool TargetsAreProbabilities => false;

    /// <summary>The loss of one output a with target y.</summary>
    static abstract T Value<T>(T a, T y) where T : struct, ILanes<T>;

    /// <summary>d(loss)/da of one output.</summary>
    static abstract T Derivative<T>(T a, T y) where T : struct, ILanes<T>;

    /// <summary>
    /// The same loss written on the weighted inputs (logits) of a last layer with this activation, where that is more accurate; null where there is
    /// none.
    /// </summary>
    static virtual Loss? OnLogits(Activation outputActivation) => null;
}
