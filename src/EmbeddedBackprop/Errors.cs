using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using EmbeddedBackprop.Graphs;

namespace EmbeddedBackprop;

/// <summary>The texts of all errors that graphs, plans and networks raise: each names the thing and both numbers.</summary>
internal static class Errors
{
    [DoesNotReturn]
    public static void InputSize(string op, int expected, int given, string from) =>
        throw new ArgumentException($"{op}: expected {expected} inputs, got {given} (from {from})");

    [DoesNotReturn]
    public static void InputCount(string op, int expected, int given) =>
        throw new ArgumentException($"{op}: expected {expected} input nodes, got {given}");

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
    public static void TransposedSize(string op, int height, int width) =>
        throw new ArgumentException($"{op}: an output of {height}x{width}, or output padding that is not below the stride, is no transposed convolution");

    [DoesNotReturn]
    public static void SizesDiffer(string op, string left, Shape leftShape, string right, Shape rightShape) =>
        throw new ArgumentException($"{op}: {left} has shape {leftShape}, {right} has shape {rightShape}; they must be equal");

    [DoesNotReturn]
    public static void NotPositive(string what, double value) =>
        throw new ArgumentOutOfRangeException(what, value, $"{what} must be positive, got {value}");

    [DoesNotReturn]
    public static void Negative(string what, double value) =>
        throw new ArgumentOutOfRangeException(what, value, $"{what} must not be negative, got {value}");

    [DoesNotReturn]
    public static void OutOfRange(string what, double value, string range) =>
        throw new ArgumentOutOfRangeException(what, value, $"{what} must be {range}, got {value}");

    /// <summary>The value, if it lies from 0 up to but not including 1.</summary>
    public static float RequireShare(string what, float value)
    {
        if (!(value >= 0 && value < 1))
        {
            OutOfRange(what, value, "at least 0 and below 1");
        }

        return value;
    }

    /// <summary>The value, if it is positive and finite.</summary>
    public static float RequirePositive(string what, float value)
    {
        if (!(value > 0 && float.IsFinite(value)))
        {
            OutOfRange(what, value, "positive and finite");
        }

        return value;
    }

    /// <summary>The value, if it is finite and at least 1.</summary>
    public static float RequireAtLeastOne(string what, float value)
    {
        if (!(value >= 1 && float.IsFinite(value)))
        {
            OutOfRange(what, value, "finite and at least 1");
        }

        return value;
    }

    /// <summary>The value, if it is positive.</summary>
    public static int RequirePositive(string what, int value)
    {
        if (value <= 0)
        {
            NotPositive(what, value);
        }

        return value;
    }

    /// <summary>The value, if it is finite and not negative.</summary>
    public static float RequireNotNegative(string what, float value)
    {
        if (!(value >= 0 && float.IsFinite(value)))
        {
            OutOfRange(what, value, "finite and not negative");
        }

        return value;
    }

    [DoesNotReturn]
    public static void WarmUpTwice() =>
        throw new ArgumentException("warm-up: the schedule that rises must not be a warm-up itself");

    [DoesNotReturn]
    public static void OtherGraph(string node) =>
        throw new ArgumentException($"{node}: the node belongs to another graph");

    [DoesNotReturn]
    public static void OpOfOtherGraph(string op) =>
        throw new ArgumentException($"{op}: the op is part of another graph already; an op object stands for weights of one graph");

    [DoesNotReturn]
    public static void LossRead(string node) =>
        throw new ArgumentException($"{node}: a loss ends a graph; no op can read it");

    [DoesNotReturn]
    public static void NoShape(string node) =>
        throw new ArgumentException($"{node}: the shape has no sizes");

    [DoesNotReturn]
    public static void LossOutputs(string loss, int expected, int given) =>
        throw new ArgumentException($"{loss}: expected {expected} outputs, as at its first use, got {given}");

    [DoesNotReturn]
    public static void NothingToSmooth(string loss, string kind) =>
        throw new ArgumentException($"{loss}: label smoothing belongs to cross-entropy and binary-cross-entropy, got {kind}");

    [DoesNotReturn]
    public static void ClassWeightCount(string loss, int expected, int given) =>
        throw new ArgumentException($"{loss}: expected {expected} class weights, got {given}");

    [DoesNotReturn]
    public static void NotAnInput(string node) =>
        throw new ArgumentException($"{node}: samples are written to an input of the graph; this node is computed");

    [DoesNotReturn]
    public static void RunOutOfRange(int batch, int sampleOffset, int logicalBatch) =>
        throw new ArgumentException(
            $"samples {sampleOffset} to {(long)sampleOffset + batch - 1} are not part of a logical batch of {logicalBatch}");

    [DoesNotReturn]
    public static void InputMissing(string node) =>
        throw new ArgumentException($"{node}: the plan reads this input, but it was given no value");

    [DoesNotReturn]
    public static void CompiledWithout(string activation, string loss) =>
        throw new ArgumentException(
            $"{loss}: it is written on the logits of the last layer, which was compiled with {activation} already; compile with the loss first");

    [DoesNotReturn]
    public static void NameTaken(string name) =>
        throw new ArgumentException($"{name}: the graph has a node of this name already");

    [DoesNotReturn]
    public static void NotALoss(string node) =>
        throw new ArgumentException($"{node}: a training plan ends in a loss; this node is none");

    [DoesNotReturn]
    public static void LossInInference(string node) =>
        throw new ArgumentException($"{node}: a loss is not part of an inference plan; ask for the node it judges");

    [DoesNotReturn]
    public static void NoSuchNode(string node) =>
        throw new ArgumentException($"{node}: the plan holds no such node");

    [DoesNotReturn]
    public static void MemoryTooSmall(string what, int needed, int given) =>
        throw new ArgumentException($"{what}: the plan needs {needed} floats, got {given}");

    [DoesNotReturn]
    public static void BatchTooLarge(int planned, int batch) =>
        throw new ArgumentOutOfRangeException(nameof(batch), batch, $"batch must be 1 to {planned} (the plan's batch), got {batch}");

    [DoesNotReturn]
    public static void LengthDiffers(string what, int expected, int given) =>
        throw new ArgumentException($"{what}: expected {expected} values, got {given}");

    [DoesNotReturn]
    public static void TooLarge(string what, long floats) =>
        throw new ArgumentException($"{what}: {floats} floats do not fit into one span (at most {int.MaxValue})");

    [DoesNotReturn]
    public static void NotRunnable() =>
        throw new InvalidOperationException("a plan whose inputs and outputs are given by reference is for export: it cannot be run");

    [DoesNotReturn]
    public static void WholeBatch(string step, int batch, int logicalBatch) =>
        throw new ArgumentException($"{step}: its result depends on the whole batch, which cannot be run in parts (got {batch} of {logicalBatch} samples)");

    [DoesNotReturn]
    public static void AccumulatesWholeBatch(string step, int accumulation, int batch) =>
        throw new ArgumentException(
            $"accumulation: {step} depends on the whole batch, which cannot be run in parts: got {accumulation} batches of {batch}; a batch of {(long)accumulation * batch} takes as many samples at once");

    [DoesNotReturn]
    public static void StateRows(string state, int rows, int first, int batch) =>
        throw new ArgumentException($"{state}: the state has rows for {rows} samples, not for samples {first} to {(long)first + batch - 1}");

    [DoesNotReturn]
    public static void NotFed(string node) =>
        throw new ArgumentException($"{node}: the training plan reads this input, but it is neither an input nor a target of the network: data cannot reach it");

    [DoesNotReturn]
    public static void BudgetTooSmall(long budget, long least, string help) =>
        throw new ArgumentException(string.Create(
            CultureInfo.InvariantCulture, $"memory budget: {budget:N0} bytes are {least - budget:N0} too few: this training needs at least {least:N0}; {help}"));

    [DoesNotReturn]
    public static void CannotUpdateInBackward(string because) =>
        throw new ArgumentException($"weights cannot change within the backward pass: {because}");

    [DoesNotReturn]
    public static void NoGradientSpan() =>
        throw new InvalidOperationException("the plan keeps no gradients: they are applied within the backward pass (BackwardAndUpdate)");

    [DoesNotReturn]
    public static void NothingToTrain() =>
        throw new ArgumentException("the loss depends on no parameters that are trained (frozen layers are not): there is nothing to train");

    [DoesNotReturn]
    public static void NothingToFreeze(string name, IEnumerable<string> layers) =>
        throw new ArgumentException($"no layer with parameters is called '{name}' that could be frozen; there are {string.Join(", ", layers)}");

    [DoesNotReturn]
    public static void InferenceOnly() =>
        throw new InvalidOperationException("the network was compiled without a loss: it predicts, it cannot train");

    [DoesNotReturn]
    public static void SharedWeights() =>
        throw new InvalidOperationException("an op is used twice: its weights cannot change before its whole gradient is known");

    [DoesNotReturn]
    public static void PartOfBatch(int batch, int logicalBatch) =>
        throw new InvalidOperationException($"{batch} samples of a logical batch of {logicalBatch}: weights cannot change before their whole gradient is known");

    [DoesNotReturn]
    public static void Diverged(long step) =>
        throw new NotFiniteNumberException($"training diverged: a gradient of step {step} is not finite; a smaller learning rate may help");

    [DoesNotReturn]
    public static void RankExpected(string op, string expected, Shape given, string from) =>
        throw new ArgumentException($"{op}: expected the shape {expected}, got {given} (from {from})");

    [DoesNotReturn]
    public static void WindowTooLarge(string op, string window, Shape shape, string padding, string from) =>
        throw new ArgumentException($"{op}: a window of {window} does not fit into {shape} with a padding of {padding} (from {from})");

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
        throw new ArgumentException($"{op}: sample {sample}, position {position}: an index must be a whole number from 0 to {count - 1}, got {value}");

    [DoesNotReturn]
    public static void MaskLength(string op, Shape sequence, string mask, Shape maskShape) =>
        throw new ArgumentException($"{op}: a sequence of shape {sequence} needs a mask of {sequence[0]} numbers, got {maskShape} (from {mask})");
}
