using System.Globalization;
using System.Text;

namespace EmbeddedBackprop.Export.Text;

/// <summary>Names and numbers as C: whatever the name, the C compiles, and every float reads back as the same bits.</summary>
internal static class CText
{
    private const int MaximumIdentifier = 40;
    private const int MaximumComment = 60;
    private const int MaximumQuoted = 200;

    // NAME.h may not be found where a header of the compiler or of the system is meant (with -I., or where capitals make no difference),
    // and Windows has names for devices. main.c is the user's program.
    private static readonly HashSet<string> TakenFileNames = new(StringComparer.OrdinalIgnoreCase)
    {
        "assert", "complex", "ctype", "errno", "fenv", "float", "inttypes", "iso646", "limits", "locale", "math", "setjmp", "signal", "stdalign",
        "stdarg", "stdatomic", "stdbool", "stddef", "stdint", "stdio", "stdlib", "stdnoreturn", "string", "strings", "tgmath", "threads", "time",
        "uchar", "unistd", "wchar", "wctype", "features", "xmmintrin", "emmintrin", "mmintrin", "immintrin", "memory", "new", "main", "aux", "con",
        "nul", "prn", "com1", "com2", "com3", "com4", "lpt1", "lpt2", "lpt3",
    };

    /// <summary>A name as a part of an identifier: ASCII letters, digits and single underscores, beginning with a letter.</summary>
    public static string Identifier(string name)
    {
        StringBuilder text = new();
        foreach (char c in name)
        {
            bool allowed = char.IsAsciiLetterOrDigit(c);
            // Two underscores in a row are C++'s own, one in front is the compiler's.
            if (text.Length < MaximumIdentifier && (allowed || (text.Length > 0 && text[^1] != '_')))
            {
                text.Append(allowed ? c : '_');
            }
        }

        string identifier = text.ToString().TrimEnd('_');
        return identifier.Length > 0 && char.IsAsciiLetter(identifier[0]) ? identifier : ("n" + identifier);
    }

    /// <summary>A name as the beginning of files, functions and macros: an identifier that no header of C and no device of a system has.</summary>
    public static string Prefix(string name)
    {
        string identifier = Identifier(name);
        return TakenFileNames.Contains(identifier) ? identifier + "_net" : identifier;
    }

    /// <summary>
    /// A name inside a comment: characters that could end the comment, begin another one, splice lines, form a trigraph or deceive the eye become
    /// underscores.
    /// </summary>
    public static string Comment(string name)
    {
        StringBuilder text = new();
        foreach (char c in name.AsSpan(0, Math.Min(name.Length, MaximumComment)))
        {
            text.Append(char.IsAsciiLetterOrDigit(c) || c is ' ' or '.' or '-' or '+' or '(' or ')' or ',' or ':' ? c : '_');
        }

        return text.ToString();
    }

    /// <summary>
    /// A user's equation inside a comment: characters that could end the comment, begin another one, splice lines, form a trigraph or deceive the eye
    /// become underscores.
    /// </summary>
    public static string Equation(string equation)
    {
        StringBuilder text = new();
        foreach (char c in equation)
        {
            bool joins = text.Length > 0 && (text[^1], c) is ('*', '/') or ('/', '*');
            text.Append(c is < ' ' or > '~' or '\\' or '?' || joins ? '_' : c);
        }

        return text.ToString();
    }

    /// <summary>A comment of a line, or of several if it is long.</summary>
    public static string Block(string comment)
    {
        const int Longest = 120;
        StringBuilder text = new("/*");
        int length = 0;
        foreach (string word in comment.Split(' '))
        {
            bool breaks = comment.Length > Longest && (length == 0 || length + word.Length > Longest);
            text.Append(breaks ? "\n * " : " ").Append(word);
            length = breaks ? 4 + word.Length : length + 1 + word.Length;
        }

        return text.Append(comment.Length > Longest ? "\n */" : " */").ToString();
    }

    /// <summary>The float as a C99 hexadecimal constant: exact, and no compiler can round it.</summary>
    public static string Hex(float value)
    {
        if (!float.IsFinite(value))
        {
            ExportErrors.NotFiniteConstant(value);
        }

        uint bits = BitConverter.SingleToUInt32Bits(value);
        int exponent = (int)((bits >> 23) & 0xFF);
        uint mantissa = (bits & 0x7FFFFF) << 1; // six hexadecimal digits
        string sign = (bits >> 31) != 0 ? "-" : "";
        if (exponent == 0 && mantissa == 0)
        {
            return sign + "0.0f";
        }

        string digits = mantissa.ToString("x6", CultureInfo.InvariantCulture).TrimEnd('0');
        string lead = exponent == 0 ? "0x0" : "0x1";
        int power = exponent == 0 ? -126 : exponent - 127;
        return string.Create(CultureInfo.InvariantCulture, $"{sign}{lead}{(digits.Length > 0 ? "." : "")}{digits}p{(power < 0 ? "" : "+")}{power}f");
    }

    /// <summary>The finite float as a decimal constant of so many digits that it reads back as the same bits.</summary>
    public static string Decimal(float value)
    {
        string digits = value.ToString("R", CultureInfo.InvariantCulture).Replace('E', 'e');
        return digits + (digits.AsSpan().IndexOfAny('.', 'e') < 0 ? ".0f" : "f");
    }

    /// <summary>A whole number.</summary>
    public static string Number(long value) => value.ToString(CultureInfo.InvariantCulture);

    /// <summary>A size as an unsigned constant.</summary>
    public static string Size(int value) => Number(value) + "u";

    /// <summary>The C expression of the float that lies so many floats after a pointer.</summary>
    public static string At(string pointer, int offset) => offset == 0 ? pointer : $"({pointer} + {Size(offset)})";

    /// <summary>Whether the C of a body has a word outside of its comments, in which layers may be called anything.</summary>
    public static bool Uses(string body, string word)
    {
        for (int comment = body.IndexOf("/*", StringComparison.Ordinal); comment >= 0; comment = body.IndexOf("/*", StringComparison.Ordinal))
        {
            int end = body.IndexOf("*/", comment, StringComparison.Ordinal);
            body = body.Remove(comment, (end < 0 ? body.Length : end + 2) - comment);
        }

        for (int at = body.IndexOf(word, StringComparison.Ordinal); at >= 0; at = body.IndexOf(word, at + 1, StringComparison.Ordinal))
        {
            bool begins = at == 0 || !IsPart(body[at - 1]), ends = at + word.Length == body.Length || !IsPart(body[at + word.Length]);
            if (begins && ends)
            {
                return true;
            }
        }

        return false;

        static bool IsPart(char c) => char.IsAsciiLetterOrDigit(c) || c == '_';
    }

    /// <summary>
    /// A string constant in UTF-8: other bytes than printable ASCII are octal, which no character after them can lengthen, and no trigraph is formed.
    /// </summary>
    public static string Quoted(string words)
    {
        StringBuilder text = new("\"");
        foreach (byte b in Encoding.UTF8.GetBytes(words.Length <= MaximumQuoted ? words : words[..MaximumQuoted]))
        {
            char c = (char)b;
            text.Append(c is '"' or '\\' or '?' ? $"\\{c}" : c is >= ' ' and <= '~' ? c.ToString() : "\\" + Convert.ToString(b, 8).PadLeft(3, '0'));
        }

        return text.Append('"').ToString();
    }

    /// <summary>An initialiser of string constants for a macro; where it is long, in several lines.</summary>
    public static string QuotedList(IEnumerable<string> words)
    {
        const int Longest = 100;
        StringBuilder text = new("{");
        int begin = 0;
        foreach (string word in words)
        {
            string quoted = Quoted(word);
            text.Append(text.Length == 1 ? "" : ",");
            if (text.Length - begin + quoted.Length > Longest)
            {
                text.Append(" \\\n   ");
                begin = text.Length;
            }

            text.Append(' ').Append(quoted);
        }

        return text.Append(" }").ToString();
    }

    /// <summary>
    /// A C file with line feeds only that leaves none of its EBP_ macros behind, so that one unit may include the C of several models, each with its
    /// own arithmetic.
    /// </summary>
    public static string CFile(StringBuilder text)
    {
        string file = LineFeeds(text);
        string[] macros = [.. file.Split('\n').Select(EbpMacro).Where(macro => macro.Length > 0).Distinct()];
        return macros.Length == 0
            ? file
            : $"{file.TrimEnd('\n')}\n\n/* No macro is left behind: one file may include the C of several models, each with its own arithmetic. */\n"
                + string.Concat(macros.Select(macro => $"#undef {macro}\n"));
    }

    /// <summary>The macro of the file's own that a line defines; empty where it defines none.</summary>
    private static string EbpMacro(string line)
    {
        const string Define = "#define ";
        string start = line.TrimStart();
        if (!start.StartsWith(Define + "EBP_", StringComparison.Ordinal))
        {
            return "";
        }

        string rest = start[Define.Length..];
        int end = rest.AsSpan().IndexOfAny(' ', '(');
        return end < 0 ? rest : rest[..end];
    }

    /// <summary>A file with line feeds only, the same on every system.</summary>
    public static string LineFeeds(StringBuilder text) => text.Replace("\r", string.Empty).ToString();

    /// <summary>Several constants, a few to a line.</summary>
    public static void AppendList(StringBuilder text, IEnumerable<string> constants, int perLine)
    {
        int count = 0;
        foreach (string constant in constants)
        {
            text.Append(count == 0 ? "    " : count % perLine == 0 ? ",\n    " : ", ").Append(constant);
            count++;
        }

        text.Append('\n');
    }
}
