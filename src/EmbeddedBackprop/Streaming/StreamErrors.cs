using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;

namespace EmbeddedBackprop.Streaming;

/// <summary>The errors of streams: each message names the node and what a stream needs of it.</summary>
[StackTraceHidden]
internal static class StreamErrors
{
    [DoesNotReturn]
    public static void CannotStream(string node, string reason) =>
        throw new NotSupportedException($"{node} {reason}: the net cannot be fed as a stream");

    [DoesNotReturn]
    public static void HopDoesNotFit(int hop, long multiple) =>
        throw new ArgumentException($"a hop of {hop} steps: the strides of the net ask for a multiple of {multiple}");

    [DoesNotReturn]
    public static void HopTooLong(int hop, string node, int rows, int window) =>
        throw new ArgumentException($"a hop of {hop} steps brings {rows} new rows to {node}, whose window has {window}: steps would be skipped");

    [DoesNotReturn]
    public static void PartOfAStep(int given, int step) =>
        throw new ArgumentException($"{given} samples are no whole number of time steps, each of which has {step}");

    [DoesNotReturn]
    public static void OtherInputs(int given, int inputs) =>
        throw new ArgumentException($"samples of {given} input{(given == 1 ? "" : "s")}: the network has {inputs}");

    [DoesNotReturn]
    public static void OtherSteps(int first, int second) =>
        throw new ArgumentException($"{first} steps of the first input and {second} of the second: both come at the same rate");

    [DoesNotReturn]
    public static void NoDecision() => throw new InvalidOperationException("there is no decision yet: Push says when there is one");
}
