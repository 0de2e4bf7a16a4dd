using System.Globalization;
using EmbeddedBackprop.Data;
using EmbeddedBackprop.Graphs;

namespace EmbeddedBackprop.Tools.Recipes;

/// <summary>Reads an option's text. An error ends the command and names the option and the text.</summary>
internal static class OptionText
{
    public static int? Integer(string option, string? text, int minimum, int maximum = int.MaxValue)
    {
        if (text is null)
        {
            return null;
        }

        if (!long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long value) || value < minimum || value > maximum)
        {
            string end = maximum == int.MaxValue ? "on" : string.Create(CultureInfo.InvariantCulture, $"to {maximum}");
            throw ToolException.Usage($"--{option}: expected a whole number from {minimum} {end}, got '{text}'");
        }

        return (int)value;
    }

    public static ulong? Seed(string option, string? text)
    {
        if (text is null)
        {
            return null;
        }

        return ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out ulong value)
            ? value
            : throw ToolException.Usage($"--{option}: expected a whole number from 0 to {ulong.MaxValue}, got '{text}'");
    }

    /// <summary>A finite number from 0 on, below a bound.</summary>
    public static float? Number(string option, string? text, bool zero = true, float below = float.PositiveInfinity)
    {
        if (text is null)
        {
            return null;
        }

        const NumberStyles Style = NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent;
        if (!float.TryParse(text, Style, CultureInfo.InvariantCulture, out float value) || !float.IsFinite(value) || value < 0 || value >= below
            || (value == 0 && !zero))
        {
            string range = (zero, float.IsFinite(below)) switch
            {
                (true, false) => "a number that is not negative",
                (false, false) => "a number above 0",
                (true, true) => $"a number from 0 to below {below.ToString(CultureInfo.InvariantCulture)}",
                (false, true) => $"a number above 0 and below {below.ToString(CultureInfo.InvariantCulture)}",
            };
            throw ToolException.Usage($"--{option}: expected {range}, got '{text}'");
        }

        return value;
    }

    public static string? Name(string option, string? text, IReadOnlyList<string> known)
    {
        if (text is not null && !known.Contains(text))
        {
            throw ToolException.Usage($"--{option}: unknown name '{text}' (known: {string.Join(", ", known)})");
        }

        return text;
    }

    /// <summary>A part and how many there are, as in 4/5: parts are counted from 0.</summary>
    public static string? Fold(string option, string? text)
    {
        if (text is null)
        {
            return null;
        }

        string[] parts = text.Split('/');
        return parts.Length == 2 && int.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out int fold)
            && int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out int folds) && folds >= 2 && fold < folds
            ? string.Create(CultureInfo.InvariantCulture, $"{fold}/{folds}")
            : throw ToolException.Usage($"--{option}: expected a part from 0 on and how many there are, as in 4/5, got '{text}'");
    }

    /// <summary>Height and width, or channels before them, as in 8x8 or 3x32x32.</summary>
    public static string? Image(string option, string? text)
    {
        if (text is null)
        {
            return null;
        }

        string[] sizes = text.Split('x');
        return
            sizes.Length is 2 or 3
            && Array.TrueForAll(sizes, size => int.TryParse(size, NumberStyles.None, CultureInfo.InvariantCulture, out int value) && value > 0)
            ? text
            : throw ToolException.Usage($"--{option}: expected height and width, or channels before them, as in 8x8 or 3x32x32, got '{text}'");
    }

    /// <summary>An image's shape: a single channel where none is given.</summary>
    public static Shape ImageShape(string text)
    {
        int[] sizes = Array.ConvertAll(text.Split('x'), size => int.Parse(size, NumberStyles.None, CultureInfo.InvariantCulture));
        return sizes.Length == 2 ? new Shape(1, sizes[0], sizes[1]) : new Shape(sizes[0], sizes[1], sizes[2]);
    }

    /// <summary>The changes of training images, or of windows of a signal, in a normal form; empty where all are 0.</summary>
    public static string? Augmentation(string option, string? text)
    {
        if (text is null)
        {
            return null;
        }

        try
        {
            return AugmentationOptions.Parse(text).ToString() is { Length: > 0 } shown ? shown : null;
        }
        catch (FormatException exception)
        {
            // The data, which are not known here, say which of the two it has to be.
            try
            {
                return SignalAugmentation.Parse(text).ToString() is { Length: > 0 } shown ? shown : null;
            }
            catch (FormatException second)
            {
                throw ToolException.Usage($"--{option}: of images: {exception.Message}; of recordings: {second.Message}");
            }
        }
    }

    public static int[]? Layers(string? text)
    {
        if (text is null)
        {
            return null;
        }

        string[] parts = text.Split(',', StringSplitOptions.TrimEntries);
        int[] sizes = new int[parts.Length];
        for (int i = 0; i < parts.Length; i++)
        {
            if (!int.TryParse(parts[i], NumberStyles.None, CultureInfo.InvariantCulture, out sizes[i]) || sizes[i] < 1)
            {
                throw ToolException.Usage($"--layers: expected sizes from 1 on, as in 784,30,10, got '{text}'");
            }
        }

        return sizes.Length >= 2
            ? sizes
            : throw ToolException.Usage($"--layers: expected at least inputs and outputs, as in 784,30,10, got '{text}'");
    }

    /// <summary>A number of bytes, as in 65536, 64K or 2M: K, M and G are powers of 1024, with or without B or iB, in either case.</summary>
    public static long? Bytes(string option, string? text)
    {
        if (text is null)
        {
            return null;
        }

        string digits = text.TrimEnd([.. "kKmMgGiIbB"]);
        int power = text[digits.Length..].ToUpperInvariant() switch
        {
            "" or "B" => 0,
            "K" or "KB" or "KIB" => 1,
            "M" or "MB" or "MIB" => 2,
            "G" or "GB" or "GIB" => 3,
            _ => -1,
        };
        return
            power >= 0
            && int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out int value)
            && value > 0
            ? (long)value << (10 * power)
            : throw ToolException.Usage($"--{option}: expected a number of bytes, as in 65536, 64K or 2M, got '{text}'");
    }

    /// <summary>Names with commas between.</summary>
    public static string[] Names(string text) => text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);

    /// <summary>Several words as a sentence lists them.</summary>
    public static string Listed(IReadOnlyList<string> words, string beforeLast) => string.Join(", ", words.SkipLast(1)) + beforeLast + words[^1];

    public static string Format(float value) => value.ToString("R", CultureInfo.InvariantCulture);
}
