using System.Buffers.Binary;
using System.Text;
using EmbeddedBackprop.Export.Model;
using EmbeddedBackprop.Export.Ops;
using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Export.Update;
using EmbeddedBackprop.Graphs;

namespace EmbeddedBackprop.Export.Files;

/// <summary>The format of a copy of the trained state, which NAME_save writes and the importer reads.</summary>
/// <remarks>
/// A copy is words of 32 bits, the low byte first: magic, format, fingerprint of the network, sequence number, words of content; updates, learning
/// rate, seed (low, high), parameters, the optimiser's state, the state of layers; zeros up to a whole piece of 64 bytes; in the last word a CRC-32
/// of all before it.
/// </remarks>
internal static class CCopyFormat
{
    /// <summary>"EBPS" as bytes.</summary>
    public const uint Magic = 0x53504245;

    /// <summary>The format of a copy.</summary>
    public const uint Format = 1;

    /// <summary>Words before the content.</summary>
    public const int HeadWords = 5;

    /// <summary>Words of the content before the parameters: updates, learning rate, seed.</summary>
    public const int CountWords = 4;

    /// <summary>Words that are read or written at once.</summary>
    public const int PieceWords = 16;

    /// <summary>Words of the content.</summary>
    public static int ContentWords(CTraining training) =>
        checked(CountWords + training.ParameterLength + training.OptimizerLength + training.StateLength);

    /// <summary>Bytes of a copy: whole pieces.</summary>
    public static int Bytes(CTraining training) =>
        checked((HeadWords + ContentWords(training) + 1 + PieceWords - 1) / PieceWords * PieceWords * sizeof(uint));

    /// <summary>
    /// A fingerprint of all that a copy has to agree with: ops and shapes in their order, the arithmetic, the trained tensors, the optimiser's kind,
    /// and the weights that are not trained, without which trained ones mean nothing. Rates, penalties and losses may change.
    /// </summary>
    public static uint Fingerprint(CModel model)
    {
        uint crc = uint.MaxValue;
        foreach (byte value in Encoding.UTF8.GetBytes(Description(model.Training!)))
        {
            crc = CChecksum.Continue(crc, value, 8);
        }

        foreach (CTable table in Constants(model, model.Training!))
        {
            foreach (float value in table.Values)
            {
                crc = CChecksum.Continue(crc, BitConverter.SingleToUInt32Bits(value));
            }
        }

        return ~crc;
    }

    /// <summary>The copy that NAME_save would write right after NAME_start.</summary>
    /// <param name="model">An export that trains.</param>
    /// <param name="sequence">The copy's number.</param>
    public static byte[] Initial(CModel model, uint sequence)
    {
        CTraining training = model.Training!;
        CTrainingOptions options = training.Options;
        float[] content = new float[ContentWords(training) - CountWords];
        foreach (CTensor tensor in training.Tensors)
        {
            tensor.Table.Values.CopyTo(content, tensor.Offset);
        }

        int stateOffset = training.ParameterLength + training.OptimizerLength;
        options.Optimizer.Reset(content.AsSpan(stateOffset - options.Optimizer.StateScalars, options.Optimizer.StateScalars));
        foreach (StateRange range in training.Plan.State)
        {
            if (!range.PerSample && model.Tables.Kept(range.Name) is { } table)
            {
                table.Values.CopyTo(content, stateOffset + range.Offset);
            }
        }

        uint[] words = new uint[Bytes(training) / sizeof(uint)];
        uint[] head =
        [
            Magic, Format, Fingerprint(model), sequence, (uint)ContentWords(training),
            0, BitConverter.SingleToUInt32Bits(options.LearningRate), (uint)options.Seed, (uint)(options.Seed >> 32),
        ];
        head.CopyTo(words, 0);
        for (int i = 0; i < content.Length; i++)
        {
            words[head.Length + i] = BitConverter.SingleToUInt32Bits(content[i]);
        }

        uint crc = uint.MaxValue;
        foreach (uint word in words.AsSpan(0, words.Length - 1))
        {
            crc = CChecksum.Continue(crc, word);
        }

        words[^1] = ~crc;
        byte[] bytes = new byte[sizeof(uint) * words.Length];
        for (int i = 0; i < words.Length; i++)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(sizeof(uint) * i), words[i]);
        }

        return bytes;
    }

    private static string Description(CTraining training)
    {
        StringBuilder text = new();
        Plan plan = training.Plan;
        text.Append(plan.Options.Arithmetic).Append('\n');
        foreach (Step step in plan.Steps)
        {
            if (!step.Op.IsLoss)
            {
                text.Append(
                    $"{step.Name} {step.Op.Kind} {step.Op.Settings} {step.Op.Detail} {step.Node.Shape} <- {string.Join(", ", step.InputNodes.Select(node => $"{node.Name} {node.Shape}"))}\n"
                );
            }
        }

        foreach (CTensor tensor in training.Tensors)
        {
            text.Append($"{tensor.Range.Name} {CText.Number(tensor.Length)}\n");
        }

        foreach (StateRange range in plan.State)
        {
            text.Append($"{range.Name} {CText.Number(range.Count)}\n");
        }

        return text.Append($"{training.Options.Optimizer.Name} {CText.Number(training.OptimizerLength)}\n").ToString();
    }

    /// <summary>Tables of weights that stay in flash while the rest is trained.</summary>
    private static IEnumerable<CTable> Constants(CModel model, CTraining training) =>
        model.Tables.ReadParameters.Where(table => !Array.Exists(training.Tensors, tensor => tensor.Table == table));
}
