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

    [DoesNotReturn]
    public static void NoSuchLayer(string name, IEnumerable<string> layers) =>
        throw new ArgumentException($"no layer is called '{name}'; there are {string.Join(", ", layers)}");

    [DoesNotReturn]
    public static void QuantizedAlready() =>
        throw new ArgumentException("the network computes on integers already: quantise the float network that it was made of");

    [DoesNotReturn]
    public static void NoLoss() =>
        throw new ArgumentException("the network has no loss: there is nothing to train");

    [DoesNotReturn]
    public static void LossReadsNoFloats(string loss, string node) =>
        throw new ArgumentException($"{loss}: the quantised network does not have {node}, which the loss reads, in floats");

    public static FormatException UnknownSetting(string word) =>
        new($"'{word}' is no setting of a quantisation: expected activations=int8|int16, output=int8|int16, int16=NAMES, float=NAMES");
}
