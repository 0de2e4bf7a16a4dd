namespace EmbeddedBackprop.Export.Cost;

/// <summary>Splits exported C into words: without comments, and without what the conditions of the preprocessor leave out.</summary>
/// <param name="tokens">Gets the words.</param>
/// <param name="macros">The macros, to which those of the file are added.</param>
internal sealed class CPreprocessor(CTokens tokens, Dictionary<string, string> macros)
{
    private readonly Stack<(bool Active, bool Done)> conditions = new();

    /// <summary>Reads a text.</summary>
    public void Read(string text)
    {
        bool active = true;
        for (int i = 0; i < text.Length; i++)
        {
            char c = text[i];
            if (text.AsSpan(i).StartsWith("/*"))
            {
                i = text.IndexOf("*/", i + 2, StringComparison.Ordinal) + 1;
            }
            else if (c == '#')
            {
                int end = text.IndexOf('\n', i);
                while (text[end - 1] == '\\')
                {
                    end = text.IndexOf('\n', end + 1);
                }

                active = Directive(text[(i + 1)..end].Replace("\\\n", " ", StringComparison.Ordinal).Trim(), active);
                i = end;
            }
            else if (!char.IsWhiteSpace(c))
            {
                int end = CTokens.End(text, i);
                if (active)
                {
                    tokens.Add(text[i..end]);
                }

                i = end - 1;
            }
        }
    }

    /// <returns>Whether what follows is compiled.</returns>
    private bool Directive(string line, bool active)
    {
        int space = line.IndexOfAny([' ', '\t', '(']);
        string word = space < 0 ? line : line[..space], rest = space < 0 ? "" : line[space..].Trim();
        switch (word)
        {
            case "if" or "ifdef" or "ifndef":
                conditions.Push((active, false));
                return Take(active && Holds(word, rest));
            case "elif":
                return Take(conditions.Peek() is (true, false) && Holds("if", rest));
            case "else":
                return Take(conditions.Peek() is (true, false));
            case "endif":
                return conditions.Pop().Active;
            case "define" when active:
                int end = rest.IndexOfAny([' ', '(']);
                macros[end < 0 ? rest : rest[..end]] = end < 0 ? "" : rest[end..];
                return active;
            default:
                return active;
        }

        bool Take(bool holds)
        {
            (bool outer, bool done) = conditions.Pop();
            conditions.Push((outer, done || holds));
            return holds;
        }
    }

    private bool Holds(string word, string condition)
    {
        if (word != "if")
        {
            return macros.ContainsKey(condition.Split(' ', '/')[0]) == (word == "ifdef");
        }

        CTokens words = new();
        for (int i = 0; i < condition.Length && !condition.AsSpan(i).StartsWith("/*"); i++)
        {
            if (!char.IsWhiteSpace(condition[i]))
            {
                int end = CTokens.End(condition + " ", i);
                words.Add(condition[i..end]);
                i = end - 1;
            }
        }

        return Value(new CExpressions(words).Expression()) != 0;

        long Value(CNode node) => node switch
        {
            CNumber number => number.Value,
            CName name => CTokens.Whole(macros.GetValueOrDefault(name.Name, "")) ?? 0,
            CCall { Function: CName { Name: "defined" }, Arguments: [CName name] } => macros.ContainsKey(name.Name) ? 1 : 0,
            CUnary { Operator: "!" } not => Value(not.Operand) == 0 ? 1 : 0,
            CUnary { Operator: "-" } minus => -Value(minus.Operand),
            CBinary { Operator: "&&" } both => Value(both.Left) != 0 && Value(both.Right) != 0 ? 1 : 0,
            CBinary { Operator: "||" } either => Value(either.Left) != 0 || Value(either.Right) != 0 ? 1 : 0,
            CBinary binary => CHeld.Compute(binary.Operator, Value(binary.Left), Value(binary.Right)),
            _ => 0,
        };
    }
}
