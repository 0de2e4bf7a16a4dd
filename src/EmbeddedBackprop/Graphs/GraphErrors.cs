using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace EmbeddedBackprop.Graphs;

/// <summary>The errors of graphs, plans and runs: each message names the node or the plan's memory, and both sizes.</summary>
[StackTraceHidden]
internal static class GraphErrors
{
    [DoesNotReturn]
    public static void InputCount(string op, int expected, int given) =>
        throw new ArgumentException($"{op}: expected {expected} input nodes, got {given}");

    [DoesNotReturn]
    public static void SizesDiffer(string op, string left, Shape leftShape, string right, Shape rightShape) =>
        throw new ArgumentException($"{op}: {left} has shape {leftShape}, {right} has shape {rightShape}; they must be equal");

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
    public static void ReadsIntegers(string node, string kind, string input) =>
        throw new ArgumentException($"{node}: {kind} computes on floats, and {input} holds integers; a dequantize must be between them");

    [DoesNotReturn]
    public static void IntegersDiffer(string node, string first, string other) =>
        throw new ArgumentException($"{node}: {first} and {other} must both be floats, or integers that share a scale");

    [DoesNotReturn]
    public static void NeedsIntegers(string node, string kind, string input) =>
        throw new ArgumentException($"{node}: {kind} computes on integers, and {input} holds floats; a quantize must be between them");

    [DoesNotReturn]
    public static void NoShape(string node) =>
        throw new ArgumentException($"{node}: the shape has no sizes");

    [DoesNotReturn]
    public static void RunOutOfRange(int batch, int sampleOffset, int logicalBatch) =>
        throw new ArgumentException(
            $"samples {sampleOffset} to {(long)sampleOffset + batch - 1} are not part of a logical batch of {logicalBatch}");

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
    public static void AboveMemoryLimit(long limit, long needed) =>
        throw new ArgumentException($"the network takes {needed} bytes, the limit is {limit}");

    [DoesNotReturn]
    public static void ValueTooLarge(string node, int batch, Shape shape, int most) =>
        throw new ArgumentException($"{node}: a batch of {batch} values of {shape} has more than {most} elements");

    [DoesNotReturn]
    public static void BatchTooLarge(int planned, int batch) =>
        throw new ArgumentOutOfRangeException(nameof(batch), batch, $"batch must be 1 to {planned} (the plan's batch), got {batch}");

    [DoesNotReturn]
    public static void NotRunnable() =>
        throw new InvalidOperationException("a plan whose inputs and outputs are given by reference is for export: it cannot be run");

    [DoesNotReturn]
    public static void WholeBatch(string step, int batch, int logicalBatch) =>
        throw new ArgumentException(
            $"{step}: its result depends on the whole batch, which cannot be run in parts (got {batch} of {logicalBatch} samples)");

    [DoesNotReturn]
    public static void StateRows(string state, int rows, int first, int batch) =>
        throw new ArgumentException($"{state}: the state has rows for {rows} samples, not for samples {first} to {(long)first + batch - 1}");

    [DoesNotReturn]
    public static void BudgetTooSmall(long budget, long least, string help) =>
        throw new ArgumentException(
            string.Create(
                CultureInfo.InvariantCulture,
                $"memory budget: {budget:N0} bytes are {least - budget:N0} too few: this training needs at least {least:N0}; {help}"));

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
        throw new InvalidOperationException(
            $"{batch} samples of a logical batch of {logicalBatch}: weights cannot change before their whole gradient is known");
}
