using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Losses;

/// <summary>A loss that is a sum over single outputs: the formulas are written once and run as scalar float, SIMD lanes and double.</summary>
public interface ILossFunction
{
    /// <summary>The name in tables and model files.</summary>
    static abstract string Name { get; }

    /// <summary>True: the mean over samples and outputs. False: the sum over outputs, the mean over samples.</summary>
    static abstract bool AveragesOutputs { get; }

    /// <summary>The loss of one output a with target y.</summary>
    static abstract T Value<T>(T a, T y) where T : struct, ILanes<T>;

    /// <summary>d(loss)/da of one output.</summary>
    static abstract T Derivative<T>(T a, T y) where T : struct, ILanes<T>;
}
