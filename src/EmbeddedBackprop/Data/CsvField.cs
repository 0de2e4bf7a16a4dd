using System.Globalization;
using System.Text.Unicode;

namespace EmbeddedBackprop.Data;

/// <summary>The span of one field's text in the file: without its quotes, without spaces around it; with HasEscapes two quotes mean one.</summary>
internal readonly record struct CsvField(int Start, int Length, bool HasEscapes)
{
    private const NumberStyles Style = NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent;

    public ReadOnlySpan<byte> Text(ReadOnlySpan<byte> file) => file.Slice(Start, Length);

    /// <summary>Whether the field is written as a number; NaN, infinities and values too large for a float are numbers that are not finite.</summary>
    public bool IsNumber(ReadOnlySpan<byte> file, out float value)
    {
        ReadOnlySpan<byte> text = Text(file);

        // The framework's parser passes over zero bytes at the end.
        if (float.TryParse(text, Style, CultureInfo.InvariantCulture, out value) && !text.Contains((byte)0))
        {
            return true;
        }

        value = float.NaN;
        return Ascii(text, "nan") || Ascii(text, "inf") || Ascii(text, "+inf") || Ascii(text, "-inf");
    }

    /// <summary>Whether the field is a whole number that a double holds exactly.</summary>
    public bool IsWholeNumber(ReadOnlySpan<byte> file, out long value)
    {
        value = 0;
        if (!IsNumber(file, out _) || !double.TryParse(Text(file), Style, CultureInfo.InvariantCulture, out double number))
        {
            return false;
        }

        if (!(Math.Abs(number) <= 1L << 53) || Math.Floor(number) != number)
        {
            return false;
        }

        value = (long)number;
        return true;
    }

    /// <summary>Whether the text can be a name: UTF-8 without control characters.</summary>
    public bool IsName(ReadOnlySpan<byte> file)
    {
        ReadOnlySpan<byte> text = Text(file);
        return Utf8.IsValid(text) && !text.ContainsAnyInRange((byte)0, (byte)31) && !text.Contains((byte)127);
    }

    /// <summary>Writes the field's text without escapes and returns its length; the destination has at least Length bytes.</summary>
    public int Unescape(ReadOnlySpan<byte> file, Span<byte> destination)
    {
        ReadOnlySpan<byte> text = Text(file);
        if (!HasEscapes)
        {
            text.CopyTo(destination);
            return text.Length;
        }

        int length = 0;
        for (int i = 0; i < text.Length; i++)
        {
            destination[length++] = text[i];
            if (text[i] == (byte)'"')
            {
                i++;
            }
        }

        return length;
    }

    private static bool Ascii(ReadOnlySpan<byte> text, string word) => System.Text.Ascii.EqualsIgnoreCase(text, word);
}
