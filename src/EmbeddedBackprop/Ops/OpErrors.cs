using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using EmbeddedBackprop.Graphs;

namespace EmbeddedBackprop.Ops;

/// <summary>The errors of ops: each message names the op, the expected and the given input, and the node that gave it.</summary>
[StackTraceHidden]
internal static class OpErrors
{
    [DoesNotReturn]
    public static void InputSize(string op, int expected, int given, string from) =>
        throw new ArgumentException($"{op}: expected {expected} inputs, got {given} (from {from})");

    [DoesNotReturn]
    public static void ScalesTooFarApart(string op) =>
        throw new ArgumentException($"{op}: the scale of an input is a million times that of the output: their sum does not fit into 32 bits");

    [DoesNotReturn]
    public static void TooManyTerms(string op, int terms) =>
        throw new ArgumentException(
            $"{op}: a sum of {terms} products of bytes does not fit into 32 bits; at most {Integer.IntegerLayer.MostTerms} do");

    [DoesNotReturn]
    public static void NotASequence(string op, Shape given, string from) =>
        throw new ArgumentException($"{op}: expected a sequence of two sizes, steps x features, got {given} (from {from})");

    [DoesNotReturn]
    public static void StepCount(string op, int expected, int given, string from) =>
        throw new ArgumentException($"{op}: expected {expected} steps, got {given} (from {from})");

    [DoesNotReturn]
    public static void CarriedBackwards() =>
        throw new ArgumentException("a bidirectional layer cannot carry its state: the layer that reads from the end would need the next run first");

    [DoesNotReturn]
    public static void InputShape(string op, Shape expected, Shape given, string from) =>
        throw new ArgumentException($"{op}: expected the shape {expected}, as at its first use, got {given} (from {from})");

    [DoesNotReturn]
    public static void NotAnImage(string op, Shape given, string from) =>
        throw new ArgumentException($"{op}: expected an image, channels x height x width, got {given} (from {from})");

    [DoesNotReturn]
    public static void NotASignal(string op, Shape given, string from) =>
        throw new ArgumentException($"{op}: expected a signal, channels x length, got {given} (from {from})");

    [DoesNotReturn]
    public static void CausalImage() =>
        throw new ArgumentException("causal padding is for signals (conv1d); an image has no past");

    [DoesNotReturn]
    public static void TransposedPadding() =>
        throw new ArgumentException("a transposed convolution takes explicit padding only");

    [DoesNotReturn]
    public static void TransposedSize(string op, long height, long width) =>
        throw new ArgumentException(
            $"{op}: an output of {height}x{width}, or output padding that is not below the stride, is no transposed convolution");

    [DoesNotReturn]
    public static void RankExpected(string op, string expected, Shape given, string from) =>
        throw new ArgumentException($"{op}: expected the shape {expected}, got {given} (from {from})");

    [DoesNotReturn]
    public static void WindowTooLarge(string op, string window, Shape shape, string padding, string from) =>
        throw new ArgumentException($"{op}: a window of {window} does not fit into {shape} with a padding of {padding} (from {from})");

    [DoesNotReturn]
    public static void NoAxis(string op, int axis, Shape shape, string from) =>
        throw new ArgumentException($"{op}: {shape} (from {from}) has no axis {axis}");

    [DoesNotReturn]
    public static void SliceOutside(string op, int first, int count, Shape shape, string from) =>
        throw new ArgumentException($"{op}: {first} to {(long)first + count - 1} are not part of the first axis of {shape} (from {from})");

    [DoesNotReturn]
    public static void LengthsDiffer(string op, Shape expected, Shape given, string from) =>
        throw new ArgumentException($"{op}: {given} has {given.Length} numbers, {expected} has {expected.Length} (from {from})");

    [DoesNotReturn]
    public static void AxesDiffer(string op, string left, Shape leftShape, string right, Shape rightShape) =>
        throw new ArgumentException($"{op}: {left} has shape {leftShape}, {right} has shape {rightShape}; all axes but the first must be equal");

    [DoesNotReturn]
    public static void IndexInvalid(string op, int sample, int position, double value, int count) =>
        throw new ArgumentException(
            $"{op}: sample {sample}, position {position}: an index must be a whole number from 0 to {count - 1}, got {value}");

    [DoesNotReturn]
    public static void MaskLength(string op, Shape sequence, string mask, Shape maskShape) =>
        throw new ArgumentException($"{op}: a sequence of shape {sequence} needs a mask of {sequence[0]} numbers, got {maskShape} (from {mask})");

    [DoesNotReturn]
    public static void NotOneChannel(string op, Shape given, string from) =>
        throw new ArgumentException($"{op}: expected one signal, [samples] or [1, samples], got {given} (from {from})");

    [DoesNotReturn]
    public static void FrameTooLong(string op, int length, int samples, string from) =>
        throw new ArgumentException($"{op}: a frame of {length} samples is longer than the signal of {samples} (from {from})");

    [DoesNotReturn]
    public static void TransformTooShort(string op, int length, int n, string from) =>
        throw new ArgumentException($"{op}: a row of {length} samples (from {from}) does not fit into a transform of {n}");

    [DoesNotReturn]
    public static void NotASpectrum(string op, int length, string from) =>
        throw new ArgumentException(
            $"{op}: expected rows of real parts and as many imaginary parts, as rfft gives them, got rows of {length} (from {from})");

    [DoesNotReturn]
    public static void TooManyCoefficients(string op, int count, int length, string from) =>
        throw new ArgumentException($"{op}: {count} coefficients of rows of {length} (from {from}): there are at most as many as elements");

    [DoesNotReturn]
    public static void EmptyBand(string op, int band, double from, double to, double resolution) =>
        throw new ArgumentException(string.Create(
            CultureInfo.InvariantCulture,
            $"{op}: band {band}, {from:0} to {to:0} Hz, holds no frequency of a spectrum with {resolution:0.##} Hz a step: take fewer bands or longer frames"));

    [DoesNotReturn]
    public static void BandEdges() => throw new ArgumentException("bands: expected two edges or more, ascending, from 0 Hz to half the rate");

    [DoesNotReturn]
    public static void StatisticsExpected() => throw new ArgumentException("statistics: expected one or more of them, each once");
}
