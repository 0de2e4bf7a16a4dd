using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;

namespace EmbeddedBackprop.Quantization;

/// <summary>The errors of quantisation: each names the node or the option.</summary>
[StackTraceHidden]
internal static class QuantizationErrors
{
    [DoesNotReturn]
    public static void NoTensor(string name) =>
        throw new ArgumentException($"{name}: the network has no such tensor");

    [DoesNotReturn]
    public static void NotFinite(string node, int sample, float value) =>
        throw new ArgumentException($"{node}: sample {sample} of the calibration data gives {value}; ranges need finite values");

    [DoesNotReturn]
    public static void Constant(string node, float value) =>
        throw new ArgumentException($"{node}: the calibration data are constant (every value is {value}): they tell no range");

    [DoesNotReturn]
    public static void NoSamples() =>
        throw new ArgumentException("the calibration data have no samples");
}
