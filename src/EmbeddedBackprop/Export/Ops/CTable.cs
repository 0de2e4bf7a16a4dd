using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using EmbeddedBackprop.Export.Text;

namespace EmbeddedBackprop.Export.Ops;

/// <summary>One constant table of the exported C. Only this class and <see cref="CWeightLoad"/> know how elements are stored.</summary>
/// <param name="Name">The C identifier.</param>
/// <param name="Source">The parameter's name and shape, fit for a comment.</param>
/// <param name="Values">The elements that the C computes with, in the order of the table: after rounding to the storage.</param>
internal sealed record CTable(string Name, string Source, float[] Values)
{
    /// <summary>The storage of the elements in flash.</summary>
    public CStorage Storage { get; private init; }

    /// <summary>The scales of an int8 table, one for each output: a table of its own, which follows this one.</summary>
    public CTable? Scales { get; private init; }

    /// <summary>The stored form of the values: bits of binary16, bytes, or integers.</summary>
    public int[] Codes { get; private init; } = [];

    /// <summary>The type of the elements of a table of integers, which has codes and no values; null for floats in any storage.</summary>
    public CElement? Integers { get; private init; }

    /// <summary>Whether elements decide how often loops run, so that whoever counts instructions reads them.</summary>
    public bool DecidesLoops { get; init; }

    /// <summary>Elements.</summary>
    public int Length => Integers is null ? Values.Length : Codes.Length;

    /// <summary>The suffix of the routine that sums the elements up.</summary>
    public string SumSuffix => Integers?.Suffix ?? Load.Suffix;

    /// <summary>The C type of an element.</summary>
    public string Type => Integers?.Type ?? Load.Type;

    /// <summary>The largest and the mean distance of a stored element from the network's own; 0 for float32.</summary>
    public (float Largest, double Mean) Error { get; private init; }

    /// <summary>How a routine reads the table.</summary>
    public CWeightLoad Load => CWeightLoad.Of(Storage);

    /// <summary>The C expressions that a routine is called with for <see cref="CWeightLoad.Parameter"/>.</summary>
    public string Argument => Scales is null ? Name : $"{Name}, {Scales.Name}";

    /// <summary>The table and its scales.</summary>
    public IEnumerable<CTable> WithScales => Scales is null ? [this] : [this, Scales];

    /// <summary>Bytes of flash, those of the scales included.</summary>
    public long Bytes => ArrayBytes + (Scales?.Bytes ?? 0);

    /// <summary>Bytes of the array itself.</summary>
    public long ArrayBytes => ElementBytes * (long)Length;

    /// <summary>The same elements where they are trained: the name is the C expression of their address in RAM.</summary>
    public CTable InMemory(string place) => new(place, Source, Values);

    /// <summary>The table as the header declares it.</summary>
    public string Declaration => $"const {DeclarationAs(Name)}";

    private int ElementBytes =>
        Integers?.Bytes ?? Storage switch { CStorage.Float16 => sizeof(ushort), CStorage.Int8 => sizeof(sbyte), _ => sizeof(float) };

    /// <summary>A table of integers.</summary>
    public static CTable OfIntegers(string name, string source, CElement element, int[] values) =>
        new(name, source, []) { Integers = element, Codes = values };

    /// <summary>The array under another name, as the field of a structure.</summary>
    public string DeclarationAs(string name) => $"{Type} {name}[{CText.Number(Length)}]";

    /// <summary>The table in another storage, its values rounded to it.</summary>
    /// <param name="storage">The storage of the elements in flash.</param>
    /// <param name="axis">The output that an element belongs to.</param>
    /// <param name="tensor">The parameter's name, for errors.</param>
    /// <param name="scaleName">The identifier of the table of scales, if there is one.</param>
    /// <exception cref="ArgumentException">An element is too large for float16.</exception>
    public CTable StoredAs(CStorage storage, CScaleAxis axis, string tensor, Func<string, string> scaleName) => storage switch
    {
        CStorage.Float16 => ToHalves(tensor),
        CStorage.Int8 => ToBytes(axis, scaleName(Name + "_scale")),
        _ => this,
    };

    /// <summary>The table with its elements.</summary>
    public void AppendDefinition(StringBuilder text, string placement)
    {
        text.Append("/* ").Append(Source).Append(" */\n").Append(placement).Append(' ').Append(Declaration).Append(" = {\n");
        switch (Storage)
        {
            case var _ when Integers is not null:
                // C has no constant -2^31: it would be 2^31 with a sign.
                IEnumerable<string> integers = Codes.Select(code => code == int.MinValue ? "(-2147483647 - 1)" : CText.Number(code));
                CText.AppendList(text, integers, Integers.Bytes == 1 ? 25 : 12);
                break;
            case CStorage.Float16:
                CText.AppendList(text, Codes.Select(code => "0x" + code.ToString("X4", CultureInfo.InvariantCulture) + "u"), 16);
                break;
            case CStorage.Int8:
                CText.AppendList(text, Codes.Select(code => CText.Number(code)), 25);
                break;
            default:
                CText.AppendList(text, Values.Select(CText.Hex), 8);
                break;
        }

        text.Append("};\n");
    }

    /// <summary>Continues a check sum (FNV-1a over 32-bit words, a word for each element), in which every changed bit changes the result.</summary>
    public uint Continue(uint sum)
    {
        for (int i = 0; i < Length; i++)
        {
            sum = CChecksum.ContinueSum(sum, Word(i));
        }

        return sum;
    }

    /// <summary>Writes the elements, little-endian, into <see cref="ArrayBytes"/> bytes.</summary>
    public void WriteTo(Span<byte> bytes)
    {
        Span<byte> word = stackalloc byte[sizeof(uint)];
        for (int i = 0; i < Length; i++)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(word, Word(i));
            word[..ElementBytes].CopyTo(bytes[(i * ElementBytes)..]);
        }
    }

    private uint Word(int i) => Storage switch
    {
        _ when Integers is not null => (uint)Codes[i] & (uint.MaxValue >> (32 - (8 * Integers.Bytes))),
        CStorage.Float16 => (uint)Codes[i],
        CStorage.Int8 => (byte)Codes[i],
        _ => BitConverter.SingleToUInt32Bits(Values[i]),
    };

    private CTable ToHalves(string tensor)
    {
        int[] codes = new int[Values.Length];
        float[] rounded = new float[Values.Length];
        for (int i = 0; i < codes.Length; i++)
        {
            Half half = (Half)Values[i];
            if (!Half.IsFinite(half))
            {
                ExportErrors.TooLargeForHalf(tensor, i, Values[i]);
            }

            codes[i] = BitConverter.HalfToUInt16Bits(half);
            rounded[i] = (float)half;
        }

        return this with
        {
            Source = Source + ", IEEE binary16",
            Storage = CStorage.Float16,
            Codes = codes,
            Values = rounded,
            Error = Distance(Values, rounded),
        };
    }

    private CTable ToBytes(CScaleAxis axis, string scaleName)
    {
        float[] scales = new float[axis.Count(Values.Length)];
        for (int i = 0; i < Values.Length; i++)
        {
            int output = axis.Output(i);
            scales[output] = MathF.Max(scales[output], MathF.Abs(Values[i]));
        }

        for (int output = 0; output < scales.Length; output++)
        {
            float scale = scales[output] / sbyte.MaxValue;
            // The largest float itself may become one too many.
            scales[output] = float.IsFinite(scale * sbyte.MaxValue) ? scale : MathF.BitDecrement(scale);
        }

        int[] codes = new int[Values.Length];
        float[] rounded = new float[Values.Length];
        for (int i = 0; i < codes.Length; i++)
        {
            float scale = scales[axis.Output(i)];
            // Weights that are all nearly 0 have no scale.
            codes[i] = scale > 0f ? (int)Math.Clamp(MathF.Round(Values[i] / scale, MidpointRounding.ToEven), -sbyte.MaxValue, sbyte.MaxValue) : 0;
            rounded[i] = codes[i] * scale;
        }

        return this with
        {
            Source = Source + ", bytes: each times the scale of its output",
            Storage = CStorage.Int8,
            Codes = codes,
            Values = rounded,
            Error = Distance(Values, rounded),
            Scales = new CTable(scaleName, $"the scales of {Name} [{CText.Number(scales.Length)} outputs]", scales),
        };
    }

    private static (float Largest, double Mean) Distance(float[] values, float[] rounded)
    {
        float largest = 0f;
        double sum = 0.0;
        for (int i = 0; i < values.Length; i++)
        {
            float distance = MathF.Abs(values[i] - rounded[i]);
            largest = MathF.Max(largest, distance);
            sum += distance;
        }

        return (largest, sum / Math.Max(values.Length, 1));
    }
}
