using System.Buffers;
using System.Globalization;
using System.Runtime.CompilerServices;

namespace EmbeddedBackprop.IO;

/// <summary>
/// The header of a safetensors file, walked twice: first to check and to count, then to fill arrays of the right size.
/// So a file's counts never decide how much is allocated before the file has shown that many entries.
/// </summary>
internal ref struct SafetensorsHeader
{
    private static readonly SearchValues<byte> s_digits = SearchValues.Create("0123456789abcdef"u8);

    private readonly ReadOnlySpan<byte> _header;
    private readonly string _file;
    private readonly int _dataLength;
    private JsonCursor _json;
    private bool _hasMetadata;
    private int _covered;

    public SafetensorsHeader(ReadOnlySpan<byte> header, string file, int dataLength)
    {
        _header = header;
        _file = file;
        _dataLength = dataLength;
    }

    public int TensorCount { get; private set; }

    public int DimensionCount { get; private set; }

    public int MetadataCount { get; private set; }

    /// <summary>The offset of the data's sum within the header, or -1.</summary>
    public int DataSumStart { get; private set; }

    /// <summary>The offset of the header's sum within the header, or -1.</summary>
    public int HeaderSumStart { get; private set; }

    /// <summary>Whether each tensor begins where the one before it ends, and the last ends with the data.</summary>
    public bool InOrder { get; private set; }

    /// <summary>Walks the header; without a file nothing is allocated.</summary>
    public void Walk(SafetensorsFile? fill)
    {
        (TensorCount, DimensionCount, MetadataCount, DataSumStart, HeaderSumStart) = (0, 0, 0, -1, -1);
        (_hasMetadata, _covered, InOrder) = (false, 0, true);
        // The first byte is part of the format: white space must not precede it.
        if (_header[0] != '{')
        {
            throw new DataFormatException(_file, SafetensorsFormat.PrefixBytes, "the header must begin with '{'");
        }

        _json = new JsonCursor(_header, _file, SafetensorsFormat.PrefixBytes);
        _json.Expect((byte)'{');
        bool first = true;
        while (_json.Next((byte)'}', ref first))
        {
            int begin = _json.Position;
            ReadOnlySpan<byte> name = _json.String();
            _json.Expect((byte)':');
            // An escaped spelling of the name is decoded when the arrays are filled, and refused there.
            if (name.SequenceEqual("__metadata__"u8))
            {
                WalkMetadata(begin, fill);
            }
            else
            {
                WalkTensor(begin, name, fill);
            }
        }

        _json.End();
        InOrder &= _covered == _dataLength;
    }

    private void WalkMetadata(int begin, SafetensorsFile? fill)
    {
        if (_hasMetadata)
        {
            throw _json.Error(begin, "a second \"__metadata__\"");
        }

        _hasMetadata = true;
        _json.Expect((byte)'{');
        bool first = true;
        while (_json.Next((byte)'}', ref first))
        {
            int keyStart = _json.Position;
            ReadOnlySpan<byte> key = _json.String();
            _json.Expect((byte)':');
            ReadOnlySpan<byte> value = _json.String();
            int valueStart = _json.Position - 1 - value.Length;
            if (key.SequenceEqual("sha256.data"u8))
            {
                DataSumStart = Sum(keyStart, DataSumStart, value, valueStart);
            }
            else if (key.SequenceEqual("sha256.header"u8))
            {
                HeaderSumStart = Sum(keyStart, HeaderSumStart, value, valueStart);
            }
            else if (++MetadataCount > SafetensorsFormat.MaximumMetadataEntries)
            {
                throw _json.Error(keyStart, $"more than {SafetensorsFormat.MaximumMetadataEntries} metadata entries");
            }
            else if (fill is not null)
            {
                AddMetadata(fill, keyStart, key, value);
            }
        }
    }

    private readonly void AddMetadata(SafetensorsFile fill, int keyStart, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        string name = JsonCursor.Decode(key);
        if (name is SafetensorsFormat.DataSumKey or SafetensorsFormat.HeaderSumKey)
        {
            throw _json.Error(keyStart, $"the key \"{name}\" must be written without escapes");
        }

        if (!fill.TryAddMetadata(name, JsonCursor.Decode(value)))
        {
            throw _json.Error(keyStart, $"a second metadata key \"{name}\"");
        }
    }

    private readonly int Sum(int keyStart, int earlier, ReadOnlySpan<byte> value, int valueStart)
    {
        if (earlier >= 0)
        {
            throw _json.Error(keyStart, "a second sum of the same name");
        }

        if (value.Length != SafetensorsFormat.SumDigits || value.ContainsAnyExcept(s_digits))
        {
            throw _json.Error(valueStart, "a sum must have 64 lower-case hexadecimal digits");
        }

        return valueStart;
    }

    private void WalkTensor(int begin, ReadOnlySpan<byte> name, SafetensorsFile? fill)
    {
        bool hasType = false, hasShape = false, hasRange = false;
        SafetensorsType type = default;
        int shapeStart = DimensionCount, rangeStart = 0;
        long elements = 0, from = 0, to = 0;
        _json.Expect((byte)'{');
        bool first = true;
        while (_json.Next((byte)'}', ref first))
        {
            int keyStart = _json.Position;
            ReadOnlySpan<byte> key = _json.String();
            _json.Expect((byte)':');
            if (key.SequenceEqual("dtype"u8) && !hasType)
            {
                hasType = true;
                ReadOnlySpan<byte> text = _json.String();
                if (!SafetensorsFormat.TryParseType(text, out type))
                {
                    throw _json.Error(_json.Position - 1 - text.Length, "an unknown dtype");
                }
            }
            else if (key.SequenceEqual("shape"u8) && !hasShape)
            {
                hasShape = true;
                elements = WalkShape(fill);
            }
            else if (key.SequenceEqual("data_offsets"u8) && !hasRange)
            {
                hasRange = true;
                _json.Expect((byte)'[');
                rangeStart = _json.Position;
                from = _json.Count();
                _json.Expect((byte)',');
                to = _json.Count();
                _json.Expect((byte)']');
            }
            else
            {
                throw _json.Error(keyStart, "expected \"dtype\", \"shape\" or \"data_offsets\", each once");
            }
        }

        if (!(hasType && hasShape && hasRange))
        {
            throw _json.Error(begin, "a tensor needs \"dtype\", \"shape\" and \"data_offsets\"");
        }

        if (from > to || to > _dataLength)
        {
            throw _json.Error(rangeStart, Text($"the range {from}..{to} is not within the {_dataLength} bytes of data"));
        }

        // Compared by division: elements * width may exceed a long.
        int width = SafetensorsFormat.ElementBytes(type);
        if ((to - from) % width != 0 || (to - from) / width != elements)
        {
            throw _json.Error(rangeStart, Text($"{elements} elements of {width} bytes do not fill the range {from}..{to}"));
        }

        InOrder &= from == _covered;
        _covered = (int)to;
        TensorCount++;
        if (fill is null)
        {
            return;
        }

        string tensor = JsonCursor.Decode(name);
        if (tensor == SafetensorsFormat.MetadataName)
        {
            throw _json.Error(begin, "the name \"__metadata__\" must be written without escapes");
        }

        if (!fill.TryAddTensor(new SafetensorsTensor(fill, tensor, type, shapeStart, DimensionCount - shapeStart, (int)from, (int)to)))
        {
            throw _json.Error(begin, $"a second tensor \"{tensor}\"");
        }
    }

    /// <summary>Returns the product of the dimensions.</summary>
    private long WalkShape(SafetensorsFile? fill)
    {
        long elements = 1;
        int rank = 0;
        _json.Expect((byte)'[');
        bool first = true;
        while (_json.Next((byte)']', ref first))
        {
            int begin = _json.Position;
            long dimension = _json.Count();
            if (dimension > int.MaxValue)
            {
                throw _json.Error(begin, Text($"the dimension {dimension} is too large"));
            }

            if (++rank > SafetensorsFormat.MaximumRank)
            {
                throw _json.Error(begin, $"more than {SafetensorsFormat.MaximumRank} dimensions");
            }

            if (dimension > 0 && elements > long.MaxValue / dimension)
            {
                throw _json.Error(begin, "the product of the dimensions is too large");
            }

            elements *= dimension;
            if (fill is not null)
            {
                fill.Shapes[DimensionCount] = (int)dimension;
            }

            DimensionCount++;
        }

        return elements;
    }

    private static string Text(ref DefaultInterpolatedStringHandler text) =>
        string.Create(CultureInfo.InvariantCulture, ref text);
}
