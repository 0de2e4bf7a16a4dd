using EmbeddedBackprop.IO;

namespace EmbeddedBackprop.Onnx;

/// <summary>Names of a file as names of ours, and as a part of messages: a file may call its values anything.</summary>
internal static class OnnxNames
{
    private const int Longest = 60;

    /// <summary>The name with nothing in it that a terminal would obey.</summary>
    public static string Shown(string name)
    {
        string shown = name.Length > Longest ? string.Concat(name.AsSpan(0, Longest), "...") : name;
        return string.Create(shown.Length, shown, (characters, text) =>
        {
            for (int i = 0; i < text.Length; i++)
            {
                characters[i] = char.IsControl(text[i]) || char.IsSurrogate(text[i]) ? '?' : text[i];
            }
        });
    }

    /// <summary>The name of a layer, from that of its weight (conv1.weight); null where there is none in it.</summary>
    public static string? OfLayer(string weight)
    {
        int end = weight.LastIndexOf(".weight", StringComparison.Ordinal);
        return end > 0 && !weight.Contains("::", StringComparison.Ordinal) ? Clean(weight[..end]) : null;
    }

    /// <summary>The name, if it begins with a letter, with an underscore for whatever a net's text would quote; null for another.</summary>
    public static string? Clean(string name)
    {
        if (name.Length is 0 or > Longest || !char.IsAsciiLetter(name[0]))
        {
            return null;
        }

        string clean = string.Create(name.Length, name, (characters, text) =>
        {
            for (int i = 0; i < text.Length; i++)
            {
                characters[i] = char.IsAsciiLetterOrDigit(text[i]) || text[i] is '_' or '-' or '.' ? text[i] : '_';
            }
        });
        return NetWords.LooksLikeOption(clean) || clean is "all" or "bidirectional" or "carry" or "relu" or "same" or "valid" or "causal" or "trained"
            ? null
            : clean;
    }
}
