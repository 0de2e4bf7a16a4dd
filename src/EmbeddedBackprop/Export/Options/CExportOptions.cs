using EmbeddedBackprop.Data;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Streaming;

namespace EmbeddedBackprop.Export;

/// <summary>How a network is written as C.</summary>
public sealed record CExportOptions
{
    /// <summary>
    /// The model's name: files, functions and macros begin with it. Whatever C does not allow in an identifier becomes an underscore. "model" by
    /// default.
    /// </summary>
    public string Name { get; init; } = "model";

    /// <summary>
    /// The arithmetic of the C; null, the default, for the model's own. With the other one the golden values are the engine's results in that one.
    /// </summary>
    public Arithmetic? Arithmetic { get; init; }

    /// <summary>
    /// The processor that the C is for: a network that it cannot hold or compute with the engine's bits is refused. Null, the default: any one with
    /// 32-bit or 64-bit C; the C is the same.
    /// </summary>
    public CTarget? Target { get; init; }

    /// <summary>
    /// The storage in flash of the weights of dense layers, convolutions, recurrent layers and embeddings. The self-test compares with the
    /// engine's results for the stored weights. float32 by default.
    /// </summary>
    public CStorage Storage { get; init; } = CStorage.Float32;

    /// <summary>Another storage for single layers, by their names; none by default.</summary>
    public IReadOnlyDictionary<string, CStorage> StorageOf { get; init; } = new Dictionary<string, CStorage>();

    /// <summary>
    /// Whether the tables are a file of their own, NAME_weights.bin, little-endian, which is linked or placed apart from the code and can be replaced
    /// without it. Otherwise (the default) they are C.
    /// </summary>
    public bool BinaryWeights { get; init; }

    /// <summary>
    /// Whether the layers of a quantised network are written, too, in the form that CMSIS-NN and TFLM take: NAME_cmsis.h with offsets, ends and
    /// sizes, NAME_cmsis.c with weights, biases, multipliers and shifts. Refused where the network holds no integers. Not by default.
    /// </summary>
    public bool CmsisTables { get; init; }

    /// <summary>Whether the C is to be fast or small; fast by default.</summary>
    public CFavor Favor { get; init; }

    /// <summary>
    /// Golden inputs of the self-test: zeros, [0, 1), [-1, 1), edge values, then further random ones. 0, the default, for as many as give 32 outputs,
    /// but at least 4, and no more than 4 beyond 16,384 elements.
    /// </summary>
    public int SelfTestSamples { get; init; }

    /// <summary>
    /// The mean that training subtracted from each input before it multiplied by <see cref="InputScales"/>: NAME_prepare then does the same on the
    /// device, with the same bits: (x - mean) * scale. Empty, the default, if the network takes its inputs as they are.
    /// </summary>
    public IReadOnlyList<float> InputMeans { get; init; } = [];

    /// <summary>The factor of each input, as many as <see cref="InputMeans"/>; none by default.</summary>
    public IReadOnlyList<float> InputScales { get; init; } = [];

    /// <summary>The names of the inputs, or one description of all of them; for the header's comments. None by default.</summary>
    public IReadOnlyList<string> InputNames { get; init; } = [];

    /// <summary>The names of the outputs, or one description of all of them; for the header's comments. None by default.</summary>
    public IReadOnlyList<string> OutputNames { get; init; } = [];

    /// <summary>
    /// The names of the classes that the network decides between, in the order of its outputs (two for a single output): NAME_LABELS and NAME_class.
    /// Empty for a network that computes numbers. Null, the default: numbers from 0 on where the network ends in a softmax or its loss is a
    /// cross-entropy.
    /// </summary>
    public IReadOnlyList<string>? Labels { get; init; }

    /// <summary>
    /// The factor from a byte to what was measured, x = b * factor with one rounding: NAME_prepare_bytes then prepares bytes as training did.
    /// <see cref="ByteDataset.Scale"/> for data sets of bytes, 1 for bytes that were read as numbers; null, the default, where the inputs are no
    /// bytes.
    /// </summary>
    public float? ByteScale { get; init; }

    /// <summary>
    /// The factor from a sample of 16 bits, as a converter or a WAV file gives it, to what was measured, x = s * factor with one rounding:
    /// NAME_prepare_samples then prepares samples as training did. 1 / 32768 where training read samples from -1 to 1; null, the default, where the
    /// inputs are no such samples.
    /// </summary>
    public float? SampleScale { get; init; }

    /// <summary>Where training filled up sequences that have fewer steps, for the header; null, the default, where none were filled up.</summary>
    public SequencePadding? Padding { get; init; }

    /// <summary>
    /// Whether a network over sequences is fed one time step a call: the stream whose hop is one step and whose first step is a decision. Recurrent
    /// layers carry their state in an array of the caller's, and after t calls the output is the engine's for t steps, bit for bit. Refused where an
    /// op looks at several steps at once. Not by default.
    /// </summary>
    public bool Carry { get; init; }

    /// <summary>
    /// How the network is fed as a stream: NAME_push takes samples as they come, in pieces of any size, and decides every hop, bit for bit as the
    /// engine does (<see cref="StreamingNetwork"/>). Null, the default: NAME_predict takes whole samples.
    /// </summary>
    public StreamOptions? Stream { get; init; }

    /// <summary>
    /// Whether the inputs lie in the arena, where the program writes them before each call and later steps reuse their memory: less RAM in all, and
    /// an input is lost in the call. NAME_predict then takes no pointers to them. For networks that only predict. Not by default.
    /// </summary>
    public bool InputInArena { get; init; }

    /// <summary>
    /// The name of two further files with exp, tanh and the like, which several models of one arithmetic share: NAME_fused.h and .c, or
    /// NAME_separate. Null, the default, for functions of the model's own.
    /// </summary>
    public string? Runtime { get; init; }

    /// <summary>
    /// Whether files are replaced, too, that have the names of the export and were not written by one (they lack its mark, "Generated by
    /// EmbeddedBackprop"); a symbolic link is followed to the file that it names. Without it (the default) the export is refused before a file is
    /// written.
    /// </summary>
    public bool ReplaceForeignFiles { get; init; }

    /// <summary>The training step; null, the default, for a network that only predicts.</summary>
    public CTrainingOptions? Training { get; init; }
}
