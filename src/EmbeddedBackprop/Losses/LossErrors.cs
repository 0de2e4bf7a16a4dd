using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;

namespace EmbeddedBackprop.Losses;

/// <summary>The errors of losses: each message names the loss and both values.</summary>
[StackTraceHidden]
internal static class LossErrors
{
    [DoesNotReturn]
    public static void LossOutputs(string loss, int expected, int given) =>
        throw new ArgumentException($"{loss}: expected {expected} outputs, as at its first use, got {given}");

    [DoesNotReturn]
    public static void NothingToSmooth(string loss, string kind) =>
        throw new ArgumentException($"{loss}: label smoothing belongs to cross-entropy and binary-cross-entropy, got {kind}");

    [DoesNotReturn]
    public static void ClassWeightCount(string loss, int expected, int given) =>
        throw new ArgumentException($"{loss}: expected {expected} class weights, got {given}");
}
