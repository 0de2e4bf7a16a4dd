using System.Globalization;

namespace EmbeddedBackprop.Export.Cost;

/// <summary>The words of C, and the one that is read next.</summary>
internal sealed class CTokens
{
    private static readonly string[] LongOperators =
        ["<<=", ">>=", "...", "->", "++", "--", "<<", ">>", "<=", ">=", "==", "!=", "&&", "||", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^="];

    private readonly List<string> tokens = [];

    /// <summary>How often a word occurs.</summary>
    public Dictionary<string, int> Uses { get; } = new(StringComparer.Ordinal);

    /// <summary>The index of the next word.</summary>
    public int At { get; set; }

    /// <summary>Whether no word is left.</summary>
    public bool IsAtEnd => At >= tokens.Count;

    /// <summary>The words about the next one, for errors.</summary>
    public string Around => string.Join(' ', tokens.Skip(At - 3).Take(8));

    /// <summary>The value of a constant; null where it is no whole number.</summary>
    public static long? Whole(string text)
    {
        string digits = text.Trim().TrimEnd('u', 'U', 'l', 'L');
        return digits.StartsWith("0x", StringComparison.OrdinalIgnoreCase)
            ? ulong.TryParse(digits.AsSpan(2), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out ulong bits) ? unchecked((long)bits) : null
            : long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out long value) ? value : null;
    }

    /// <summary>Adds a word.</summary>
    public void Add(string token)
    {
        tokens.Add(token);
        Uses[token] = Uses.GetValueOrDefault(token) + 1;
    }

    /// <summary>The end of the word that begins at a character.</summary>
    public static int End(string text, int i)
    {
        char c = text[i];
        int end = i + 1;
        if (c is '"' or '\'')
        {
            while (text[end] != c)
            {
                end += text[end] == '\\' ? 2 : 1;
            }

            return end + 1;
        }

        if (char.IsAsciiLetterOrDigit(c) || c == '_' || (c == '.' && char.IsAsciiDigit(text[end])))
        {
            bool isNumber = !char.IsAsciiLetter(c) && c != '_';
            bool isHex = isNumber && text.AsSpan(i).StartsWith("0x");
            while (
                char.IsAsciiLetterOrDigit(text[end])
                || text[end] == '_'
                || (isNumber && (text[end] == '.' || (text[end] is '+' or '-' && char.ToLowerInvariant(text[end - 1]) == (isHex ? 'p' : 'e')))))
            {
                end++;
            }

            return end;
        }

        return Array.Find(LongOperators, word => text.AsSpan(i).StartsWith(word)) is { } found ? i + found.Length : end;
    }

    /// <summary>A word after the next ones; empty after the last.</summary>
    public string Peek(int ahead = 0) => At + ahead < tokens.Count ? tokens[At + ahead] : "";

    /// <summary>Reads a word.</summary>
    public string Take() => At < tokens.Count ? tokens[At++] : "";

    /// <summary>Reads a word if it is this one.</summary>
    public bool Accept(string token)
    {
        bool found = Peek() == token;
        At += found ? 1 : 0;
        return found;
    }

    /// <summary>Reads this word.</summary>
    /// <exception cref="FormatException">It is another one.</exception>
    public void Expect(string token)
    {
        if (!Accept(token))
        {
            throw new FormatException($"expected '{token}' in the C, found '{Around}'");
        }
    }

    /// <summary>Whether a token is a name.</summary>
    public static bool IsWord(string token) => token.Length > 0 && (char.IsAsciiLetter(token[0]) || token[0] == '_');

    /// <summary>Skips from an opening bracket to the token after the closing one.</summary>
    public void SkipBrackets()
    {
        for (int depth = 0; At < tokens.Count;)
        {
            string token = Take();
            depth += token is "(" or "{" or "[" ? 1 : token is ")" or "}" or "]" ? -1 : 0;
            if (depth == 0)
            {
                return;
            }
        }
    }

    /// <summary>Skips to the token after a semicolon.</summary>
    public void SkipStatement()
    {
        while (At < tokens.Count && Peek() is not (";" or "}"))
        {
            if (Peek() is "(" or "{" or "[")
            {
                SkipBrackets();
            }
            else
            {
                At++;
            }
        }

        At++;
    }
}
