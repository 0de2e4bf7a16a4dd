using System.Buffers.Binary;
using EmbeddedBackprop.Export.Files;
using EmbeddedBackprop.Export.Model;
using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Export.Update;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Quantization;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Export;

/// <summary>Brings the weights learnt on a device back: reads the copies that NAME_save of an exported network wrote.</summary>
public static class CImporter
{
    /// <summary>
    /// Reads the newest whole copy of a storage into the network that was exported: weights, the optimiser's state (where both have the
    /// same optimiser), the state that layers keep, and the step.
    /// </summary>
    /// <param name="network">The network of the export; weights that were not trained on the device stay as they are.</param>
    /// <param name="options">The options of the export, with its training.</param>
    /// <param name="storage">The contents of the storage: two slots, or one copy.</param>
    /// <param name="name">The storage's name for errors.</param>
    /// <param name="slotBytes">NAME_SLOT_BYTES; 0 if it was not defined.</param>
    /// <returns>Which copy it was.</returns>
    /// <exception cref="DataFormatException">
    /// There is no whole copy of this network, or its weights are not finite; the network is unchanged.
    /// </exception>
    /// <exception cref="ArgumentException">The options have no training, or a slot would not hold a copy.</exception>
    public static CStoredCopy Read(Network network, CExportOptions options, ReadOnlySpan<byte> storage, string name = "storage", int slotBytes = 0)
    {
        ArgumentNullException.ThrowIfNull(network);
        ArgumentNullException.ThrowIfNull(options);
        if (options.Training is null)
        {
            ExportErrors.NothingStored();
        }

        (Network learner, CExportOptions own) = CExporter.Parts(network, options)[^1];
        if (learner != network)
        {
            CStoredCopy copy = Read(learner, own, storage, name, slotBytes);
            NetworkValues.Copy(learner, network);
            network.ResetState();
            network.StepNumber = learner.StepNumber;
            return copy;
        }

        CModel model = new(network.InferencePlan, network.Parameters, network.State, options);
        CTraining training = model.Training!;
        int bytes = CCopyFormat.Bytes(training), slot = slotBytes == 0 ? bytes : slotBytes;
        if (slot < bytes)
        {
            ExportErrors.SlotTooSmall(slot, bytes);
        }

        string? first = Problem(model, storage, 0, bytes), second = Problem(model, storage, slot, bytes);
        if (first is not null && second is not null)
        {
            ExportErrors.NoWholeCopy(name, first, second);
        }

        bool takesSecond = second is null && (first is not null || Sequence(storage, slot) - Sequence(storage, 0) < 0x80000000u);
        int offset = takesSecond ? slot : 0;
        ReadOnlySpan<byte> taken = storage.Slice(offset, bytes);
        float[] content = Content(training, taken, name, offset);
        CopyTensors(network, training, content);
        CopyState(network, training, content);
        network.ResetState();
        network.StepNumber = Word(taken, CCopyFormat.HeadWords);
        return new CStoredCopy(
            takesSecond ? 1 : 0,
            Word(taken, 3),
            Word(taken, CCopyFormat.HeadWords),
            BitConverter.UInt32BitsToSingle(Word(taken, CCopyFormat.HeadWords + 1)),
            Word(taken, CCopyFormat.HeadWords + 2) | ((ulong)Word(taken, CCopyFormat.HeadWords + 3) << 32),
            takesSecond ? first : second);
    }

    /// <summary>Parameters, the optimiser's state and what layers keep, as a copy holds them.</summary>
    private static float[] Content(CTraining training, ReadOnlySpan<byte> copy, string name, int offset)
    {
        const int Before = CCopyFormat.HeadWords + CCopyFormat.CountWords;
        float[] content = new float[CCopyFormat.ContentWords(training) - CCopyFormat.CountWords];
        for (int i = 0; i < content.Length; i++)
        {
            content[i] = BitConverter.UInt32BitsToSingle(Word(copy, Before + i));
            if (i < training.ParameterLength && !float.IsFinite(content[i]))
            {
                ExportErrors.StoredWeightNotFinite(name, offset + (sizeof(uint) * (Before + i)), content[i]);
            }
        }

        return content;
    }

    /// <summary>The error of a slot; null if it holds a whole copy.</summary>
    private static string? Problem(CModel model, ReadOnlySpan<byte> storage, int offset, int bytes)
    {
        if (storage.Length < offset || storage.Length - offset < bytes)
        {
            return $"is not there ({Math.Max(0, storage.Length - offset)} of {bytes} bytes)";
        }

        ReadOnlySpan<byte> copy = storage.Slice(offset, bytes);
        if (Word(copy, 0) != CCopyFormat.Magic)
        {
            return "holds no copy";
        }

        if (Word(copy, 1) != CCopyFormat.Format)
        {
            return $"has format {Word(copy, 1)}, this version reads {CCopyFormat.Format}";
        }

        uint fingerprint = CCopyFormat.Fingerprint(model);
        if (Word(copy, 2) != fingerprint)
        {
            return $"is of another network or of another export of it (fingerprint {Word(copy, 2):X8}, expected {fingerprint:X8})";
        }

        uint crc = uint.MaxValue;
        for (int i = 0; i < (bytes / sizeof(uint)) - 1; i++)
        {
            crc = CChecksum.Continue(crc, Word(copy, i));
        }

        return Word(copy, (bytes / sizeof(uint)) - 1) != ~crc ? "is damaged (its check sum is wrong)" : null;
    }

    /// <summary>Copies weights, and the optimiser's state where both have the same optimiser, into the network's layout.</summary>
    private static void CopyTensors(Network network, CTraining training, float[] content)
    {
        ReadOnlySpan<float> parameters = content.AsSpan(0, training.ParameterLength),
            optimizer = content.AsSpan(training.ParameterLength, training.OptimizerLength);
        Optimizers.Optimizer kind = training.Options.Optimizer;
        bool sameOptimizer = network.TrainingPlan is not null && network.Options.Optimizer.Name == kind.Name;
        foreach (ParameterRange range in network.InferencePlan.Parameters)
        {
            if (training.TensorOf(in range) is not { } tensor)
            {
                continue;
            }

            for (int row = 0; row < range.Rows; row++)
            {
                int from = tensor.Offset + (row * range.Columns), to = range.Offset + (row * range.Stride);
                parameters.Slice(from, range.Columns).CopyTo(network.Parameters[to..]);
                for (int array = 0; sameOptimizer && array < kind.StateArrays; array++)
                {
                    optimizer
                        .Slice((array * training.ParameterLength) + from, range.Columns)
                        .CopyTo(network.OptimizerState[((array * network.Parameters.Length) + to)..]);
                }
            }
        }

        if (sameOptimizer)
        {
            // The scalars follow the arrays.
            optimizer[(kind.StateArrays * training.ParameterLength)..]
                .CopyTo(network.OptimizerState[(kind.StateArrays * network.Parameters.Length)..]);
        }
    }

    /// <summary>Copies what layers keep without training it.</summary>
    private static void CopyState(Network network, CTraining training, float[] content)
    {
        ReadOnlySpan<float> state = content.AsSpan(training.ParameterLength + training.OptimizerLength);
        foreach (StateRange from in training.Plan.State)
        {
            foreach (StateRange to in network.InferencePlan.State)
            {
                if (to.Name == from.Name && !to.PerSample)
                {
                    state.Slice(from.Offset, from.Length).CopyTo(network.State[to.Offset..]);
                }
            }
        }
    }

    private static uint Sequence(ReadOnlySpan<byte> storage, int offset) => Word(storage[offset..], 3);

    private static uint Word(ReadOnlySpan<byte> copy, int index) => BinaryPrimitives.ReadUInt32LittleEndian(copy[(index * sizeof(uint))..]);
}
