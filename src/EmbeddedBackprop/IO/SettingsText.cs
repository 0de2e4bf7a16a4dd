using System.Globalization;
using System.Text;

namespace EmbeddedBackprop.IO;

/// <summary>
/// Several settings in one string of a file: <c>name=value name=value</c>, numbers printed so that they come back with the same bits.
/// </summary>
internal sealed class SettingsText
{
    private readonly SafetensorsFile file;
    private readonly string key;
    private readonly Dictionary<string, string> values = new(StringComparer.Ordinal);

    /// <summary>Reads the string of this key.</summary>
    /// <param name="file">The file.</param>
    /// <param name="key">The metadata's name.</param>
    /// <param name="head">Whether the first word is without a value, as in <c>adam beta1=0.9</c>.</param>
    public SettingsText(SafetensorsFile file, string key, bool head = false)
    {
        this.file = file;
        this.key = key;
        string text = file.GetMetadata(key);
        string[] words = text.Length == 0 ? [] : text.Split(' ');
        if (head)
        {
            Head = words.Length > 0 && words[0].Length > 0 && !words[0].Contains('=') ? words[0] : throw Error("expected a name first");
        }

        for (int i = head ? 1 : 0; i < words.Length; i++)
        {
            int equals = words[i].IndexOf('=');
            if (equals <= 0 || !values.TryAdd(words[i][..equals], words[i][(equals + 1)..]))
            {
                throw Error($"expected name=value once for each name, got '{words[i]}'");
            }
        }
    }

    /// <summary>The first word, where it has no value.</summary>
    public string Head { get; } = "";

    public static string Format(string head, params ReadOnlySpan<(string Name, string? Value)> settings)
    {
        if (head.Length > 0)
        {
            NameTable.RequireWord("the name", head);
        }

        StringBuilder text = new(head);
        foreach ((string name, string? value) in settings)
        {
            if (value is not null)
            {
                _ = text.Append(text.Length == 0 ? "" : " ").Append(name).Append('=').Append(value);
            }
        }

        return text.ToString();
    }

    public static string Text(float value) => value.ToString("R", CultureInfo.InvariantCulture);

    public static string? Text(float? value) => value is { } number ? Text(number) : null;

    public static string Text(double value) => value.ToString("R", CultureInfo.InvariantCulture);

    public static string Text(long value) => value.ToString(CultureInfo.InvariantCulture);

    public static string? Text(int? value) => value is { } number ? Text((long)number) : null;

    public static string Text(int value) => Text((long)value);

    public static string Text(bool value) => value ? "true" : "false";

    public float Float(string name) => TryFloat(name) ?? throw Error($"there is no {name}");

    public float? TryFloat(string name) =>
        values.Remove(name, out string? value)
            ? float.TryParse(value, NumberStyles.Float, CultureInfo.InvariantCulture, out float number) ? number : throw NoNumber(name, value)
            : null;

    public int? TryInteger(string name, int minimum) => values.ContainsKey(name) ? Integer(name, minimum) : null;

    /// <summary>Numbers with commas between.</summary>
    public float[]? TryFloats(string name)
    {
        if (!values.Remove(name, out string? value))
        {
            return null;
        }

        return Array.ConvertAll(
            value.Split(','),
            part => float.TryParse(part, NumberStyles.Float, CultureInfo.InvariantCulture, out float number) ? number : throw NoNumber(name, part));
    }

    public long? TryLong(string name, long minimum) => values.ContainsKey(name) ? Long(name, minimum) : null;

    public double? TryDouble(string name) => values.ContainsKey(name) ? Double(name) : null;

    public bool? TryBoolean(string name) => values.ContainsKey(name) ? Boolean(name) : null;

    public string? TryWord(string name) => values.Remove(name, out string? value) ? value : null;

    public double Double(string name)
    {
        string value = Take(name);
        return double.TryParse(value, NumberStyles.Float, CultureInfo.InvariantCulture, out double number) ? number : throw NoNumber(name, value);
    }

    public int Integer(string name, int minimum, int maximum = int.MaxValue) => (int)Long(name, minimum, maximum);

    public long Long(string name, long minimum, long maximum = long.MaxValue)
    {
        string value = Take(name);
        return TryInteger(value, minimum, maximum, out long number)
            ? number
            : throw Error(string.Create(CultureInfo.InvariantCulture, $"{name}: expected a whole number from {minimum} to {maximum}, got '{value}'"));
    }

    public bool Boolean(string name)
    {
        string value = Take(name);
        return value switch { "true" => true, "false" => false, _ => throw Error($"{name}: expected true or false, got '{value}'") };
    }

    /// <summary>Every setting must have been read.</summary>
    public void End()
    {
        foreach (string name in values.Keys)
        {
            throw Error($"unknown setting '{name}'");
        }
    }

    public DataFormatException Error(string problem, Exception? inner = null) => Error(file, key, problem, inner);

    public static DataFormatException Error(SafetensorsFile file, string key, string problem, Exception? inner = null) =>
        new(file.Name, SafetensorsFormat.PrefixBytes, $"metadata '{key}': {problem}", inner);

    /// <summary>A whole number as a metadata string of its own.</summary>
    public static long Integer(SafetensorsFile file, string key, long minimum, long maximum)
    {
        string value = file.GetMetadata(key);
        return TryInteger(value, minimum, maximum, out long number)
            ? number
            : throw Error(
                file,
                key,
                string.Create(CultureInfo.InvariantCulture, $"expected a whole number from {minimum} to {maximum}, got '{value}'"));
    }

    private static bool TryInteger(string value, long minimum, long maximum, out long number) =>
        long.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out number) && number >= minimum && number <= maximum;

    private string Take(string name) => values.Remove(name, out string? value) ? value : throw Error($"there is no {name}");

    private DataFormatException NoNumber(string name, string value) => Error($"{name}: expected a number, got '{value}'");
}
