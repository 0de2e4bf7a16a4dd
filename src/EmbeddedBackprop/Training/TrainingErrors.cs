using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;

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

    [DoesNotReturn]
    public static void Ended(int done, int epochs) =>
        throw new InvalidOperationException(
            done >= epochs
                ? $"training has ended: {done} of {epochs} epochs are done; a new trainer of the same network with more epochs takes over this one's State"
                : $"training has ended: early stopping ended it after epoch {done} of {epochs}");

    [DoesNotReturn]
    public static void NotFinite(string what, int sample, int column, string? name, float value) =>
        throw new ArgumentException(
            string.Create(
                CultureInfo.InvariantCulture,
                $"{what}: sample {sample}, column {column}{(name is null ? "" : $" ({name})")} is {value}, expected a finite number"));

    [DoesNotReturn]
    public static void NothingToJudgeBy(string reader) =>
        throw new ArgumentException($"validation: {reader} judges every epoch by validation data, and there are none");

    [DoesNotReturn]
    public static void AllRejected(int epoch) =>
        throw new NotFiniteNumberException($"training diverged: no gradient of epoch {epoch} is finite; a smaller learning rate may help");

    [DoesNotReturn]
    public static void CompiledTwice() =>
        throw new ArgumentException("the layers are compiled already: a Sequential gives one network; build another for a second one");

    [DoesNotReturn]
    public static void OutOfDomain(string loss, string node, string activation, double least, double most, double value) =>
        throw new ArgumentException(
            string.Create(
                CultureInfo.InvariantCulture,
                $"{loss}: it judges values from {least} to {most}, but {node} ends in {activation}, which gives others, such as {value:G3}"));

    [DoesNotReturn]
    public static void TwoThreads(string what) =>
        throw new InvalidOperationException(
            $"{what} is in use by another thread: it serves one at a time; Network.CreatePredictor() makes an object for each thread");

    [DoesNotReturn]
    public static void ParametersChange() =>
        throw new InvalidOperationException(
            "another thread changes the network's parameters during a prediction: the prediction is not that of one set of parameters");

    [DoesNotReturn]
    public static void RowsDiffer(string what, int count, int length, int given) =>
        throw new ArgumentException($"{what}: expected {(long)count * length} values ({count} rows of {length}, without padding), got {given}");

    [DoesNotReturn]
    public static void SharesMemory(string what, string other) =>
        throw new ArgumentException($"{what}: the span shares memory with {other}; hand in memory of your own");

    [DoesNotReturn]
    public static void NoSuchName(string kind, string name, IEnumerable<string> names) =>
        throw new ArgumentException($"the network has no {kind} '{name}'; there are {string.Join(", ", names)}");

    [DoesNotReturn]
    public static void Disposed() =>
        throw new ObjectDisposedException(nameof(Network), "the network was disposed of: its weights can be read and saved, it computes no more");
}
