using System.Buffers.Binary;
using System.Text;
using EmbeddedBackprop.Export.Ops;
using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Graphs;

namespace EmbeddedBackprop.Export.Model;

/// <summary>
/// The tables of an export as one binary, NAME_weights.bin: the mark of an export, the network's hash, the layout, the tables, a check sum. It is
/// little-endian, and its fields are those of the structure that the C reads, without any padding of the compiler's.
/// </summary>
internal sealed class CBlob
{
    /// <summary>Bytes of the first two fields, which are words with zeros after them.</summary>
    public const int MarkBytes = 32, HashBytes = 68;

    private const int FirstTable = MarkBytes + HashBytes + sizeof(uint);

    private readonly int prefixLength;

    /// <summary>Lays out the tables.</summary>
    /// <param name="prefix">What the tables' names begin with.</param>
    /// <param name="tables">The tables in their order.</param>
    /// <param name="plan">The plan that reads them.</param>
    public CBlob(string prefix, IEnumerable<CTable> tables, Plan plan)
    {
        prefixLength = prefix.Length + 1;
        List<(CTable, long)> placed = [];
        long offset = FirstTable;
        foreach (CTable table in tables)
        {
            placed.Add((table, offset));
            offset += table.ArrayBytes + Padding(table);
        }

        (Tables, SumOffset) = (placed, offset);
        Layout = MakeLayout(plan);
    }

    /// <summary>The names that no table may have: those of the structure's own fields, of the structure and its object.</summary>
    public static IEnumerable<string> Taken => ["mark", "model_hash", "layout", "sum", "weights", "blob"];

    /// <summary>The tables and their offsets in bytes, multiples of 4.</summary>
    public IReadOnlyList<(CTable Table, long Offset)> Tables { get; }

    /// <summary>The offset of the check sum, which is the last word.</summary>
    public long SumOffset { get; }

    /// <summary>Bytes of the file.</summary>
    public long Bytes => SumOffset + sizeof(uint);

    /// <summary>
    /// A check sum of the steps, and of the names, types and lengths of the tables: a file of another network has another one, one of another
    /// training has the same.
    /// </summary>
    public uint Layout { get; }

    /// <summary>The field of a table in the structure.</summary>
    public string Field(CTable table) => table.Name[prefixLength..];

    /// <summary>Bytes after a table, so that the next one begins at a multiple of 4.</summary>
    public static int Padding(CTable table) => (int)(-table.ArrayBytes & (sizeof(uint) - 1));

    /// <summary>The file.</summary>
    /// <param name="hash">The network's hash.</param>
    public byte[] Content(string hash)
    {
        byte[] bytes = new byte[Bytes];
        Encoding.ASCII.GetBytes(CMark.Words, bytes);
        Encoding.ASCII.GetBytes(hash, bytes.AsSpan(MarkBytes, HashBytes - 1));
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(MarkBytes + HashBytes), Layout);
        foreach ((CTable table, long offset) in Tables)
        {
            table.WriteTo(bytes.AsSpan((int)offset, (int)table.ArrayBytes));
        }

        uint sum = CChecksum.SumStart;
        for (int i = 0; i < (int)SumOffset; i += sizeof(uint))
        {
            sum = CChecksum.ContinueSum(sum, BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(i)));
        }

        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan((int)SumOffset), sum);
        return bytes;
    }

    private uint MakeLayout(Plan plan)
    {
        StringBuilder text = new($"{CIdentity.FormatVersion} {plan.Options.Arithmetic}\n");
        foreach (Step step in plan.Steps)
        {
            foreach (Step part in step.Parts)
            {
                text.Append($"{part.Name} {part.Op.Kind} {part.Op.Settings} {part.Op.Detail} {part.Node.Shape}\n");
            }
        }

        foreach ((CTable table, long offset) in Tables)
        {
            text.Append($"{CText.Number(offset)} {table.DeclarationAs(Field(table))}\n");
        }

        return Encoding.UTF8.GetBytes(text.ToString()).Aggregate(CChecksum.SumStart, (sum, value) => CChecksum.ContinueSum(sum, value));
    }
}
