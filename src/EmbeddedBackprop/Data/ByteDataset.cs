using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Elements;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Data;

/// <summary>
/// Classified samples of bytes (images): kept as bytes, a quarter of the memory traffic of floats, and widened when a batch is gathered:
/// input = byte * Scale, target = one-hot of the label.
/// </summary>
public sealed class ByteDataset : IBatchSource, IFiniteSource
{
    private readonly byte[] inputs;
    private readonly byte[] labels;
    private readonly Shape inputShape;

    /// <summary>Keeps the arrays, without a copy.</summary>
    /// <param name="inputs">[labels.Length, inputLength], row-major.</param>
    /// <param name="labels">The class of each sample, below classCount.</param>
    /// <param name="inputLength">Bytes of a sample.</param>
    /// <param name="classCount">How many classes there are, 1 to 256.</param>
    /// <exception cref="ArgumentException">The lengths do not fit, or a label is not below classCount.</exception>
    public ByteDataset(byte[] inputs, byte[] labels, int inputLength, int classCount)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        ArgumentNullException.ThrowIfNull(labels);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(inputLength);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(classCount);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(classCount, 256);
        if ((long)labels.Length * inputLength != inputs.Length)
        {
            throw new ArgumentException(
                $"{labels.Length} samples of {inputLength} bytes need {(long)labels.Length * inputLength} bytes, got {inputs.Length}.",
                nameof(inputs));
        }

        for (int i = 0; i < labels.Length; i++)
        {
            if (labels[i] >= classCount)
            {
                throw new ArgumentException($"Sample {i} has label {labels[i]}, expected 0 to {classCount - 1}.", nameof(labels));
            }
        }

        this.inputs = inputs;
        this.labels = labels;
        InputLength = inputLength;
        inputShape = new Shape(inputLength);
        ClassCount = classCount;
    }

    /// <summary>The factor from a byte to an input: the float nearest to 1/255, so that 255 becomes 1.</summary>
    public static float Scale => 1f / 255f;

    /// <inheritdoc/>
    public int Count => labels.Length;

    /// <inheritdoc/>
    public int InputLength { get; }

    /// <summary>The shape of a sample; a row of bytes by default.</summary>
    /// <exception cref="ArgumentException">The shape has another number of elements than a sample.</exception>
    public Shape InputShape
    {
        get => inputShape;
        init
        {
            if (value.Length != InputLength)
            {
                throw new ArgumentException($"A sample has {InputLength} bytes, the shape {value} has {value.Length}.", nameof(value));
            }

            inputShape = value;
        }
    }

    /// <summary>The number of classes: targets are one-hot.</summary>
    public int TargetLength => ClassCount;

    /// <inheritdoc/>
    public int ClassCount { get; }

    /// <summary>All samples' bytes, [Count, InputLength].</summary>
    public ReadOnlySpan<byte> Inputs => inputs;

    /// <summary>All labels.</summary>
    public ReadOnlySpan<byte> Labels => labels;

    /// <inheritdoc/>
    public int Label(int sample)
    {
        if ((uint)sample >= (uint)labels.Length)
        {
            throw DataErrors.NoSuchSample(sample, labels.Length);
        }

        return labels[sample];
    }

    /// <summary>The bytes of one sample.</summary>
    public ReadOnlySpan<byte> Row(int sample)
    {
        if ((uint)sample >= (uint)labels.Length)
        {
            throw DataErrors.NoSuchSample(sample, labels.Length);
        }

        return inputs.AsSpan(sample * InputLength, InputLength);
    }

    /// <summary>Every byte is a finite number.</summary>
    bool? IFiniteSource.IsFinite => true;

    void IFiniteSource.RequireFinite(int sample)
    {
    }

    /// <inheritdoc/>
    public void Gather(ReadOnlySpan<int> samples, Span<float> inputs, int inputStride, Span<float> targets, int targetStride)
    {
        DataErrors.CheckGather(this, samples.Length, inputs.Length, inputStride, targets.Length, targetStride);
        for (int i = 0; i < samples.Length; i++)
        {
            int sample = samples[i];
            ReadOnlySpan<byte> row = Row(sample);

            // Rows are far apart in memory: the next one travels while this one is widened.
            if (i + 1 < samples.Length)
            {
                Prefetch(samples[i + 1]);
            }

            WidenBytes.Run(row, Scale, inputs.Slice(i * inputStride, InputLength));
            if (targets.IsEmpty)
            {
                continue;
            }

            Span<float> target = targets.Slice(i * targetStride, ClassCount);
            target.Clear();
            target[labels[sample]] = 1f;
        }
    }

    /// <inheritdoc/>
    public void Prefetch(ReadOnlySpan<int> samples)
    {
        foreach (int sample in samples)
        {
            Prefetch(sample);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private unsafe void Prefetch(int sample)
    {
        if (!Sse.IsSupported || (uint)sample >= (uint)labels.Length)
        {
            return;
        }

        // An address alone is computed here: prefetching never faults, so nothing has to be pinned.
        ref byte row = ref Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(inputs), (nint)sample * InputLength);
        byte* address = (byte*)Unsafe.AsPointer(ref row);
        for (int offset = 0; offset < InputLength; offset += 64)
        {
            Sse.Prefetch0(address + offset);
        }

        Sse.Prefetch0(address + InputLength - 1);
    }
}
