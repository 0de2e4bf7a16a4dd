using System.Globalization;
using System.Text;

namespace EmbeddedBackprop.IO;

/// <summary>Cuts a net's text into statements and words; <see cref="NetText"/> knows their meaning.</summary>
internal static class NetParser
{
    /// <summary>More layers than any net for this library; keeps building a graph from a hostile text linear.</summary>
    public const int MaximumStatements = 1024;

    /// <summary>Semicolons separate statements; one may follow the last.</summary>
    /// <exception cref="FormatException">The text is not of this form; the message names the character.</exception>
    public static List<NetStatement> Parse(string text)
    {
        List<NetStatement> statements = [];
        List<NetWord> words = [];
        int equals = 0, at = 0;
        while (true)
        {
            while (at < text.Length && text[at] is ' ' or '\t' or '\r' or '\n')
            {
                at++;
            }

            char next = at < text.Length ? text[at] : ';';
            if (next == ';')
            {
                bool end = at >= text.Length;
                if (words.Count > 0)
                {
                    statements.Add(Statement(words, equals, at));
                    if (statements.Count > MaximumStatements)
                    {
                        throw Error(at, $"more than {MaximumStatements} statements");
                    }
                }
                else if (!end || statements.Count == 0)
                {
                    throw Error(at, "expected a layer, as in 'dense 30 sigmoid'");
                }

                if (end)
                {
                    return statements;
                }

                words.Clear();
                equals = 0;
                at++;
            }
            else if (next == '=')
            {
                if (words.Count != 1 || equals != 0)
                {
                    throw Error(at, "'=' stands between a name and a layer, as in 'a = dense 30 sigmoid'");
                }

                equals = at + 1;
                at++;
            }
            else
            {
                words.Add(next == '"' ? QuotedWord(text, ref at) : PlainWord(text, ref at));
            }
        }
    }

    /// <summary>A name as the text writes it: plain where that is possible, else in quotes.</summary>
    public static string Quote(string name)
    {
        // A name that begins with a digit could be taken for a size.
        bool plain = name.Length > 0 && (char.IsAsciiLetter(name[0]) || name[0] == '_');
        foreach (char c in name)
        {
            plain &= IsPlain(c);
        }

        if (plain)
        {
            return name;
        }

        StringBuilder quoted = new("\"");
        foreach (char c in name)
        {
            _ = c is '"' or '\\' ? quoted.Append('\\').Append(c) : quoted.Append(c);
        }

        return quoted.Append('"').ToString();
    }

    /// <summary>The error at a character, counted from 0.</summary>
    public static FormatException Error(int at, string problem, Exception? inner = null) =>
        new(string.Create(CultureInfo.InvariantCulture, $"net, character {at + 1}: {problem}"), inner);

    private static NetStatement Statement(List<NetWord> words, int equals, int end)
    {
        int kind = equals == 0 ? 0 : 1;
        if (kind == words.Count)
        {
            throw Error(end, "expected a layer after '='");
        }

        if (words[kind].Quoted)
        {
            throw Error(words[kind].Position - 1, "expected a kind of layer, got a name in quotes");
        }

        return new NetStatement(equals == 0 ? null : words[0], words[kind], words.GetRange(kind + 1, words.Count - kind - 1));
    }

    private static NetWord PlainWord(string text, ref int at)
    {
        int begin = at;
        // A plus is part of a number, as in 1E+38; a name with one is written in quotes.
        while (at < text.Length && (IsPlain(text[at]) || text[at] == '+'))
        {
            at++;
        }

        return at > begin
            ? new NetWord(text[begin..at], begin + 1, Quoted: false)
            : throw Error(at, $"unexpected character '{text[at]}'");
    }

    private static NetWord QuotedWord(string text, ref int at)
    {
        int begin = at++;
        StringBuilder word = new();
        while (at < text.Length && text[at] != '"')
        {
            if (text[at] == '\\' && (++at == text.Length || text[at] is not ('"' or '\\')))
            {
                throw Error(at, "a backslash stands before a quote or a backslash only");
            }

            _ = word.Append(text[at++]);
        }

        if (at == text.Length)
        {
            throw Error(begin, "the quote is not closed");
        }

        at++;
        return new NetWord(word.ToString(), begin + 1, Quoted: true);
    }

    private static bool IsPlain(char c) => char.IsAsciiLetterOrDigit(c) || c is '_' or '-' or '.';
}
