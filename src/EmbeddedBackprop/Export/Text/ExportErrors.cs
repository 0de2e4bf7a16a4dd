using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using EmbeddedBackprop.IO;

namespace EmbeddedBackprop.Export.Text;

/// <summary>All errors of the export.</summary>
[StackTraceHidden]
internal static class ExportErrors
{
    [DoesNotReturn]
    public static void UnknownActivation(string node, string activation) =>
        throw new NotSupportedException(
            $"{node}: the activation '{activation}' has no formula of single numbers, so the network cannot be exported as C");

    [DoesNotReturn]
    public static void UnknownOp(string node, string kind) =>
        throw new NotSupportedException($"{node}: the op '{kind}' has no C text, so the network cannot be exported as C");

    [DoesNotReturn]
    public static void NoIntegerText(string node, string kind) =>
        throw new NotSupportedException(
            $"{node}: the op '{kind}' has no C text for integers; leave it in floats when the network is quantised (--float {node})");

    [DoesNotReturn]
    public static void FactorTooLarge(string layer) =>
        throw new NotSupportedException(
            $"{layer}: a step of its output is less than 2^-28 of a step of its sums: no output but the ends would be left");

    [DoesNotReturn]
    public static void MixedState(string layer) =>
        throw new NotSupportedException(
            $"{layer} carries other elements from call to call than a layer before it: quantise both or neither, or export a stream");

    [DoesNotReturn]
    public static void NotOfIntegers(string what) =>
        throw new NotSupportedException($"{what}: a quantised network has its own integers; export it without, or export the float network");

    [DoesNotReturn]
    public static void NoFloatHead(string layer) =>
        throw new NotSupportedException(
            $"{layer} computes on integers, and no layer after it in floats: nothing is left to train on the device; quantise with --float {layer}");

    [DoesNotReturn]
    public static void IntegersLearn(string layer) =>
        throw new NotSupportedException(
            $"{layer} computes on integers and does not learn on the device: freeze it (--freeze {layer}), or quantise with --float {layer}");

    [DoesNotReturn]
    public static void IntegersAfterFloats(string node) =>
        throw new NotSupportedException(
            $"{node} computes on integers after a layer in floats: on the device integers come first, and what learns after them");

    [DoesNotReturn]
    public static void DropoutBesideIntegers(string node) =>
        throw new NotSupportedException($"{node}: a network with layers on integers and a dropout is not trained on the device");

    [DoesNotReturn]
    public static void NotOfHead(string output) =>
        throw new NotSupportedException($"the output {output} does not come from the layers in floats that learn");

    [DoesNotReturn]
    public static void NoIntegers() =>
        throw new NotSupportedException("tables for CMSIS-NN are of integers, and this network has none: ebp quantize makes them");

    [DoesNotReturn]
    public static void NoBackward(string node, string kind) =>
        throw new NotSupportedException(
            $"{node}: the op '{kind}' has no C text for its backward pass, so the network cannot be exported with training");

    [DoesNotReturn]
    public static void UnknownOptimizer(string optimizer) =>
        throw new NotSupportedException(
            $"the optimiser '{optimizer}' has no formula (it is no FormulaOptimizer), so the network cannot be exported with training");

    [DoesNotReturn]
    public static void ScalarFormula(string optimizer) =>
        throw new NotSupportedException(
            $"the optimiser '{optimizer}' moves its scalars on by more than sums, products, quotients and roots, so the network cannot be exported with training"
        );

    [DoesNotReturn]
    public static void NothingToNormalize(string node) =>
        throw new NotSupportedException(
            $"{node}: of one number a channel a batch normalisation learns nothing, and nothing before it does: take several samples a call, or freeze it");

    [DoesNotReturn]
    public static void InputInArenaOfTraining() =>
        throw new NotSupportedException("an input in the arena is for a network that only predicts: a training step reads its samples again");

    [DoesNotReturn]
    public static void NoOutput() =>
        throw new NotSupportedException("the C export takes a network with at least one output, this one has none");

    [DoesNotReturn]
    public static void NotFinite(string tensor, int index, float value) =>
        throw new ArgumentException($"{tensor}[{index}] is {value}: a network with weights that are not finite is not exported");

    [DoesNotReturn]
    public static void NotFiniteConstant(float value) =>
        throw new ArgumentException($"a constant of the network is {value}: only finite numbers are exported");

    [DoesNotReturn]
    public static void TooLargeForHalf(string tensor, int index, float value) =>
        throw new ArgumentException($"{tensor}[{index}] is {value}: float16 holds nothing above 65504; store this layer as float32 or int8");

    [DoesNotReturn]
    public static void NoSuchLayer(string layer, IEnumerable<string> layers) =>
        throw new ArgumentException($"there is no layer '{layer}' whose storage can be chosen; these have weights: {string.Join(", ", layers)}");

    [DoesNotReturn]
    public static void WrongPreparation(int inputs, int means, int scales) =>
        throw new ArgumentException(
            $"the network has {inputs} inputs: expected as many means and scales (or none), got {means} means and {scales} scales");

    [DoesNotReturn]
    public static void WrongLabels(int labels, int outputs) =>
        throw new ArgumentException(
            $"the network has {outputs} outputs: expected one output with as many labels (two labels for a single element), got {labels} labels");

    [DoesNotReturn]
    public static void NothingToCarry() =>
        throw new NotSupportedException("no recurrent layer: there is nothing to carry from one time step to the next");

    [DoesNotReturn]
    public static void StreamAlone() =>
        throw new NotSupportedException("a stream neither trains, nor is it fed one time step a call or through the arena: ask for one of them");

    [DoesNotReturn]
    public static void StreamPrepares(string input) => throw new NotSupportedException(
        $"{input} is prepared differently from step to step: standardised, each step of the window by figures of its own");

    [DoesNotReturn]
    public static void CarryTrains() =>
        throw new NotSupportedException("a training step reads whole sequences: an export learns or is fed one time step a call, not both");

    [DoesNotReturn]
    public static void RuntimeIsModel(string name) =>
        throw new ArgumentException(
            $"the model and the runtime would have the same files, {name}.h and {name}.c: choose another name for one of them");

    [DoesNotReturn]
    public static void NotFusedOnTarget(string target) =>
        throw new NotSupportedException(
            $"{target}: a multiply-add with one rounding cannot be had there (double is a 32-bit float); choose the arithmetic 'separate', for the export or, for the same bits here, in training"
        );

    [DoesNotReturn]
    public static void ArrayTooLarge(string target, string what, long bytes, long largest, string offer) =>
        throw new NotSupportedException(
            System.FormattableString.Invariant($"{target}: {what} takes {bytes:N0} bytes, and an array there has at most {largest:N0}{offer}"));

    [DoesNotReturn]
    public static void CannotCreateFolder(string folder, Exception cause) =>
        throw new IOException($"cannot create the folder '{folder}': {cause.Message}", cause);

    [DoesNotReturn]
    public static void ForeignFile(string path) =>
        throw new IOException(
            $"'{path}' is there, and no export wrote it: choose another name or folder, or insist (CExportOptions.ReplaceForeignFiles, ebp --force)"
        );

    [DoesNotReturn]
    public static void UnknownSchedule(string name) =>
        throw new NotSupportedException(
            $"the schedule '{name}' has no C text: export with another one, or with a constant rate that the caller changes");

    [DoesNotReturn]
    public static void ScheduleLooks(string name) =>
        throw new NotSupportedException(
            $"the schedule '{name}' looks at validation results, which only the caller has: export with a constant rate and lower the model's learning rate yourself"
        );

    [DoesNotReturn]
    public static void NoEpochs(string schedule, long stepsPerEpoch, int epochs, long most) =>
        throw new ArgumentException(
            $"the schedule '{schedule}' counts epochs: expected 1 to {most} updates per epoch and at least 1 epoch, got {stepsPerEpoch} and {epochs}"
        );

    [DoesNotReturn]
    public static void TooManySamples(int batch, int accumulate) =>
        throw new ArgumentException(
            System.FormattableString.Invariant($"{accumulate:N0} calls of {batch:N0} samples are more than an update can have ({int.MaxValue:N0})"));

    [DoesNotReturn]
    public static void SelfTestTooLong(int steps, int accumulate, long most) =>
        throw new ArgumentException(
            System.FormattableString.Invariant(
                $"the self-test's {steps:N0} updates of {accumulate:N0} calls are more than {most:N0} calls: choose a smaller 'accumulate' or fewer self-test steps"));

    [DoesNotReturn]
    public static void TrainingTooLarge(string what, long bytes, long most) =>
        throw new ArgumentException(
            System.FormattableString.Invariant(
                $"{what} takes {bytes:N0} bytes, and the export trains within {most:N0}: choose a smaller batch; 'accumulate' gives the same update in several calls"));

    [DoesNotReturn]
    public static void NoInitializer(string name) =>
        throw new NotSupportedException(
            $"the initialiser '{name}' has no C: its weights are no single draws; export the weights themselves, or choose another one");

    [DoesNotReturn]
    public static void NoNode(string name) =>
        throw new ArgumentException($"no node is called '{name}' whose value could be computed again");

    [DoesNotReturn]
    public static void NothingStored() =>
        throw new ArgumentException("the export has no training: a network that does not learn stores nothing");

    [DoesNotReturn]
    public static void SlotTooSmall(int slot, int copy) =>
        throw new ArgumentException($"a slot has {slot} bytes, a copy of this network {copy}");

    [DoesNotReturn]
    public static void NoWholeCopy(string storage, string first, string second) =>
        throw new DataFormatException(storage, 0, $"no whole copy of this network: the first slot {first}, the second slot {second}");

    [DoesNotReturn]
    public static void StoredWeightNotFinite(string storage, int offset, float value) =>
        throw new DataFormatException(storage, offset, $"a weight is {value}: the training on the device went astray");
}
