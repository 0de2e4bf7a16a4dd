using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;

namespace EmbeddedBackprop.Training;

/// <summary>The errors of networks, training and schedules.</summary>
[StackTraceHidden]
internal static class TrainingErrors
{
    [DoesNotReturn]
    public static void WarmUpTwice() =>
        throw new ArgumentException("warm-up: the schedule that rises must not be a warm-up itself");

    [DoesNotReturn]
    public static void NotAnInput(string node) =>
        throw new ArgumentException($"{node}: samples are written to an input of the graph; this node is computed");

    [DoesNotReturn]
    public static void InputMissing(string node) =>
        throw new ArgumentException($"{node}: the plan reads this input, but it was given no value");

    [DoesNotReturn]
    public static void CompiledWithout(string activation, string loss) =>
        throw new ArgumentException(
            $"{loss}: it is written on the logits of the last layer, which was compiled with {activation} already; compile with the loss first");

    [DoesNotReturn]
    public static void AccumulatesWholeBatch(string step, int accumulation, int batch) =>
        throw new ArgumentException(
            $"accumulation: {step} depends on the whole batch, which cannot be run in parts: got {accumulation} batches of {batch}; a batch of {(long)accumulation * batch} takes as many samples at once"
        );

    [DoesNotReturn]
    public static void NotFed(string node) =>
        throw new ArgumentException(
            $"{node}: the training plan reads this input, but it is neither an input nor a target of the network: data cannot reach it");

    [DoesNotReturn]
    public static void Diverged(long step) =>
        throw new NotFiniteNumberException($"training diverged: a gradient of step {step} is not finite; a smaller learning rate may help");
}
