using System.Buffers;
using System.Text;
using System.Text.Unicode;

namespace EmbeddedBackprop.IO;

/// <summary>
/// Walks over the JSON that a safetensors header may hold: objects, arrays of counts, strings. Nesting is the caller's
/// own and so bounded by it. Every error names file and byte, and nothing is allocated before <see cref="Decode"/>.
/// </summary>
internal ref struct JsonCursor
{
    private readonly ReadOnlySpan<byte> _text;
    private readonly string _file;
    private readonly int _start;

    /// <param name="text">The JSON text.</param>
    /// <param name="file">The file's name for messages.</param>
    /// <param name="start">The file's bytes before the text.</param>
    /// <exception cref="DataFormatException">The text is not UTF-8.</exception>
    public JsonCursor(ReadOnlySpan<byte> text, string file, int start)
    {
        _text = text;
        _file = file;
        _start = start;
        if (Utf8.IsValid(text))
        {
            return;
        }

        int valid = 0;
        while (Rune.DecodeFromUtf8(text[valid..], out _, out int length) == OperationStatus.Done)
        {
            valid += length;
        }

        throw Error(valid, "not valid UTF-8");
    }

    /// <summary>The offset of the next byte.</summary>
    public int Position { get; private set; }

    public readonly DataFormatException Error(int position, string problem) => new(_file, _start + (long)position, problem);

    /// <summary>Goes over white space and the byte <paramref name="expected"/>.</summary>
    public void Expect(byte expected)
    {
        if (!TrySkip(expected))
        {
            throw Error(Position, $"expected '{(char)expected}', got {Found()}");
        }
    }

    /// <summary>Goes over white space, and over the byte if it is the one asked for.</summary>
    public bool TrySkip(byte wanted)
    {
        SkipSpace();
        if (Position >= _text.Length || _text[Position] != wanted)
        {
            return false;
        }

        Position++;
        return true;
    }

    /// <summary>Before each element: false at the closing byte; a comma is required but before the first element.</summary>
    public bool Next(byte closing, ref bool first)
    {
        if (TrySkip(closing))
        {
            return false;
        }

        if (!first && !TrySkip((byte)','))
        {
            throw Error(Position, $"expected ',' or '{(char)closing}', got {Found()}");
        }

        first = false;
        return true;
    }

    /// <summary>Only spaces may follow: the padding.</summary>
    public readonly void End()
    {
        int other = _text[Position..].IndexOfAnyExcept((byte)' ');
        if (other >= 0)
        {
            throw Error(Position + other, "only spaces may follow the header's last '}'");
        }
    }

    /// <summary>A string's bytes between its quotes, escapes checked but still in place.</summary>
    public ReadOnlySpan<byte> String()
    {
        SkipSpace();
        if (Position >= _text.Length || _text[Position] != '"')
        {
            throw Error(Position, $"expected a string, got {Found()}");
        }

        int begin = ++Position;
        while (true)
        {
            ReadOnlySpan<byte> rest = _text[Position..];
            int length = rest.IndexOfAny((byte)'"', (byte)'\\');
            if (length < 0)
            {
                throw Error(begin - 1, "a string without its closing '\"'");
            }

            int control = rest[..length].IndexOfAnyInRange((byte)0, (byte)0x1F);
            if (control >= 0)
            {
                throw Error(Position + control, "a control character within a string");
            }

            Position += length;
            if (_text[Position] == '"')
            {
                return _text[begin..Position++];
            }

            SkipEscape();
        }
    }

    /// <summary>A count: decimal digits only, no sign, no fraction, no leading zero, at most 18 digits.</summary>
    public long Count()
    {
        SkipSpace();
        int begin = Position;
        long value = 0;
        while (Position < _text.Length && char.IsAsciiDigit((char)_text[Position]))
        {
            if (Position - begin == 18)
            {
                throw Error(begin, "a number of more than 18 digits");
            }

            value = (value * 10) + (_text[Position++] - '0');
        }

        if (Position == begin)
        {
            throw Error(begin, $"expected a count, got {Found()}");
        }

        if (_text[begin] == '0' && Position - begin > 1)
        {
            throw Error(begin, "a number with a leading zero");
        }

        return value;
    }

    /// <summary>The string of bytes that <see cref="String"/> returned.</summary>
    public static string Decode(ReadOnlySpan<byte> raw)
    {
        if (!raw.Contains((byte)'\\'))
        {
            return Encoding.UTF8.GetString(raw);
        }

        // Counted first, so that the string is the only thing allocated, however long a file makes it.
        return string.Create(Unescape(raw, []), raw, static (text, bytes) => Unescape(bytes, text));
    }

    /// <summary>Writes the characters if <paramref name="text"/> has room for any, and returns their number.</summary>
    private static int Unescape(ReadOnlySpan<byte> raw, Span<char> text)
    {
        int count = 0;
        while (true)
        {
            int plain = raw.IndexOf((byte)'\\');
            ReadOnlySpan<byte> run = plain < 0 ? raw : raw[..plain];
            count += text.IsEmpty ? Encoding.UTF8.GetCharCount(run) : Encoding.UTF8.GetChars(run, text[count..]);
            if (plain < 0)
            {
                return count;
            }

            raw = raw[(plain + 1)..];
            char character = raw[0] switch
            {
                (byte)'b' => '\b',
                (byte)'f' => '\f',
                (byte)'n' => '\n',
                (byte)'r' => '\r',
                (byte)'t' => '\t',
                (byte)'u' => (char)HexValue(raw[1..5]),
                byte same => (char)same,
            };
            if (!text.IsEmpty)
            {
                text[count] = character;
            }

            count++;
            raw = raw[(raw[0] == 'u' ? 5 : 1)..];
        }
    }

    private void SkipEscape()
    {
        int begin = Position;
        if (begin + 1 >= _text.Length)
        {
            throw Error(begin, "an escape that does not end");
        }

        byte kind = _text[begin + 1];
        Position += 2;
        if (kind != 'u')
        {
            if (!"\"\\/bfnrt"u8.Contains(kind))
            {
                throw Error(begin, "an unknown escape");
            }

            return;
        }

        int unit = HexUnit(begin);
        if (char.IsLowSurrogate((char)unit))
        {
            throw Error(begin, "half of a surrogate pair");
        }

        if (!char.IsHighSurrogate((char)unit))
        {
            return;
        }

        int second = Position;
        if (!_text[second..].StartsWith("\\u"u8))
        {
            throw Error(begin, "half of a surrogate pair");
        }

        Position += 2;
        if (!char.IsLowSurrogate((char)HexUnit(second)))
        {
            throw Error(begin, "half of a surrogate pair");
        }
    }

    private int HexUnit(int begin)
    {
        int value = _text.Length - Position < 4 ? -1 : HexValue(_text.Slice(Position, 4));
        if (value < 0)
        {
            throw Error(begin, "an escape without four hexadecimal digits");
        }

        Position += 4;
        return value;
    }

    private static int HexValue(ReadOnlySpan<byte> digits)
    {
        int value = 0;
        foreach (byte digit in digits)
        {
            if (!char.IsAsciiHexDigit((char)digit))
            {
                return -1;
            }

            value = (value << 4) | (digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10);
        }

        return value;
    }

    private void SkipSpace()
    {
        while (Position < _text.Length && _text[Position] is (byte)' ' or (byte)'\t' or (byte)'\n' or (byte)'\r')
        {
            Position++;
        }
    }

    private readonly string Found() => Position >= _text.Length
        ? "the header's end"
        : _text[Position] is > 0x20 and < 0x7F ? $"'{(char)_text[Position]}'" : $"byte 0x{_text[Position]:X2}";
}
