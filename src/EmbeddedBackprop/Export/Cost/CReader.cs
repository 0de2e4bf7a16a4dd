using System.Globalization;

namespace EmbeddedBackprop.Export.Cost;

/// <summary>
/// Reads exported C: the part of the language that the exporter prints, with the preprocessor's conditions for one processor. What it does not
/// know at the outermost level is skipped; a function's body is read when it is called.
/// </summary>
internal sealed class CReader
{
    private static readonly Dictionary<string, CType> Numbers = new(StringComparer.Ordinal)
    {
        ["void"] = new(CKind.Void, 0, "", 0),
        ["float"] = new(CKind.Float, 4, "", 0),
        ["double"] = new(CKind.Float, 8, "", 0),
        ["char"] = new(CKind.Integer, 1, "", 0),
        ["int8_t"] = new(CKind.Integer, 1, "", 0),
        ["uint8_t"] = new(CKind.Integer, 1, "", 0),
        ["int16_t"] = new(CKind.Integer, 2, "", 0),
        ["uint16_t"] = new(CKind.Integer, 2, "", 0),
        ["int"] = new(CKind.Integer, 4, "", 0),
        ["unsigned"] = new(CKind.Integer, 4, "", 0),
        ["int32_t"] = new(CKind.Integer, 4, "", 0),
        ["uint32_t"] = new(CKind.Integer, 4, "", 0),
        ["size_t"] = new(CKind.Integer, 4, "", 0),
        ["ptrdiff_t"] = new(CKind.Integer, 4, "", 0),
        ["uintptr_t"] = new(CKind.Integer, 4, "", 0),
        ["int64_t"] = new(CKind.Integer, 8, "", 0),
        ["uint64_t"] = new(CKind.Integer, 8, "", 0),
    };

    private static readonly HashSet<string> Qualifiers = new(["const", "static", "extern", "volatile", "inline", "restrict"], StringComparer.Ordinal);

    private static readonly string[] LongOperators =
        ["<<=", ">>=", "...", "->", "++", "--", "<<", ">>", "<=", ">=", "==", "!=", "&&", "||", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^="];

    private static readonly string[][] Levels =
        [["||"], ["&&"], ["|"], ["^"], ["&"], ["==", "!="], ["<", ">", "<=", ">="], ["<<", ">>"], ["+", "-"], ["*", "/", "%"]];

    private readonly List<string> tokens = [];
    private readonly Dictionary<string, string> macros;
    private readonly Dictionary<string, int> bodies = new(StringComparer.Ordinal);
    private readonly Dictionary<string, (CType Type, int At)> constants = new(StringComparer.Ordinal);
    private Dictionary<string, int> names = new(StringComparer.Ordinal);
    private CFunction? function;
    private int at;

    /// <summary>Reads a header and the file that includes it.</summary>
    /// <param name="text">The C.</param>
    /// <param name="defined">The compiler's own macros.</param>
    public CReader(string text, IReadOnlyDictionary<string, string> defined)
    {
        macros = new Dictionary<string, string>(defined, StringComparer.Ordinal);
        Tokenize(text);
        for (at = 0; at < tokens.Count;)
        {
            ReadOutermost();
        }
    }

    /// <summary>The functions by name.</summary>
    public Dictionary<string, CFunction> Functions { get; } = new(StringComparer.Ordinal);

    /// <summary>The fields of structures in their order.</summary>
    public Dictionary<string, List<(CType Type, string Name)>> Structures { get; } = new(StringComparer.Ordinal);

    /// <summary>How often a function is named.</summary>
    public Dictionary<string, int> Uses { get; } = new(StringComparer.Ordinal);

    /// <summary>The value of a macro that is a number; null where it is none.</summary>
    public long? Macro(string name) => macros.TryGetValue(name, out string? value) ? Whole(value) : null;

    /// <summary>Whether a name is a macro of the file.</summary>
    public bool IsMacro(string name) => macros.ContainsKey(name);

    /// <summary>A constant of the outermost level; null where there is none of the name.</summary>
    public (CType Type, CNode? Value)? Constant(string name)
    {
        if (!constants.TryGetValue(name, out (CType Type, int At) found))
        {
            return null;
        }

        if (found.At < 0)
        {
            return (found.Type, null);
        }

        (int back, at) = (at, found.At);
        CNode value = ReadInitializer();
        at = back;
        return (found.Type, value);
    }

    /// <summary>The body of a function.</summary>
    public CNode Body(CFunction wanted)
    {
        if (wanted.Body is null)
        {
            (int back, at) = (at, bodies[wanted.Name]);
            (function, names) = (wanted, new Dictionary<string, int>(StringComparer.Ordinal));
            foreach ((CType type, string name) in wanted.Parameters)
            {
                Declare(type, name);
            }

            wanted.Body = ReadStatement();
            CControl.Find(wanted);
            at = back;
        }

        return wanted.Body;
    }

    private static long? Whole(string text)
    {
        string digits = text.Trim().TrimEnd('u', 'U', 'l', 'L');
        return digits.StartsWith("0x", StringComparison.OrdinalIgnoreCase)
            ? ulong.TryParse(digits.AsSpan(2), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out ulong bits) ? unchecked((long)bits) : null
            : long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out long value) ? value : null;
    }

    private void Tokenize(string text)
    {
        Stack<(bool Active, bool Done)> conditions = new();
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

                active = Directive(text[(i + 1)..end].Replace("\\\n", " ", StringComparison.Ordinal).Trim(), conditions, active);
                i = end;
            }
            else if (!char.IsWhiteSpace(c))
            {
                int end = TokenEnd(text, i);
                if (active)
                {
                    string token = text[i..end];
                    tokens.Add(token);
                    Uses[token] = Uses.GetValueOrDefault(token) + 1;
                }

                i = end - 1;
            }
        }

        tokens.Add("");
    }

    private static int TokenEnd(string text, int i)
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

    /// <returns>Whether what follows is compiled.</returns>
    private bool Directive(string line, Stack<(bool Active, bool Done)> conditions, bool active)
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

        int first = tokens.Count;
        for (int i = 0; i < condition.Length; i++)
        {
            if (condition.AsSpan(i).StartsWith("/*"))
            {
                break;
            }

            if (!char.IsWhiteSpace(condition[i]))
            {
                int end = TokenEnd(condition + " ", i);
                tokens.Add(condition[i..end]);
                i = end - 1;
            }
        }

        tokens.Add("");
        (int back, at) = (at, first);
        bool holds = Value(ReadExpression()) != 0;
        tokens.RemoveRange(first, tokens.Count - first);
        at = back;
        return holds;

        long Value(CNode node) => node switch
        {
            CNumber number => number.Value,
            CName name => Macro(name.Name) ?? 0,
            CCall { Function: CName { Name: "defined" }, Arguments: [CName name] } => macros.ContainsKey(name.Name) ? 1 : 0,
            CUnary { Operator: "!" } not => Value(not.Operand) == 0 ? 1 : 0,
            CUnary { Operator: "-" } minus => -Value(minus.Operand),
            CBinary { Operator: "&&" } both => Value(both.Left) != 0 && Value(both.Right) != 0 ? 1 : 0,
            CBinary { Operator: "||" } either => Value(either.Left) != 0 || Value(either.Right) != 0 ? 1 : 0,
            CBinary binary => CWalk.Compute(binary.Operator, Value(binary.Left), Value(binary.Right)),
            _ => 0,
        };
    }

    private string Peek(int ahead = 0) => at + ahead < tokens.Count ? tokens[at + ahead] : "";

    private string Take() => at < tokens.Count ? tokens[at++] : "";

    private bool Accept(string token)
    {
        bool found = Peek() == token;
        at += found ? 1 : 0;
        return found;
    }

    private void Expect(string token)
    {
        if (!Accept(token))
        {
            throw new FormatException($"expected '{token}' in the C, found '{string.Join(' ', tokens.Skip(at - 3).Take(8))}'");
        }
    }

    private static bool IsWord(string token) => token.Length > 0 && (char.IsAsciiLetter(token[0]) || token[0] == '_');

    /// <summary>Skips from an opening bracket to the token after the closing one.</summary>
    private void SkipBrackets()
    {
        for (int depth = 0; at < tokens.Count;)
        {
            string token = Take();
            depth += token is "(" or "{" or "[" ? 1 : token is ")" or "}" or "]" ? -1 : 0;
            if (depth == 0)
            {
                return;
            }
        }
    }

    private void SkipStatement()
    {
        while (at < tokens.Count && Peek() is not (";" or "}"))
        {
            if (Peek() is "(" or "{" or "[")
            {
                SkipBrackets();
            }
            else
            {
                at++;
            }
        }

        at++;
    }

    private void ReadOutermost()
    {
        if (Accept("typedef"))
        {
            ReadTypeDefinition();
            return;
        }

        bool isApart = false;
        while (IsWord(Peek()) && !StartsType())
        {
            isApart |= Take() == "EBP_APART";
        }

        if (!StartsType())
        {
            at++;
            return;
        }

        CType type = ReadType();
        while (IsWord(Peek()) && IsWord(Peek(1)))
        {
            isApart |= Take() == "EBP_APART";
        }

        string name = Take();
        if (Peek() == "(")
        {
            int head = at;
            SkipBrackets();
            if (Peek() == "{")
            {
                (int open, at) = (at, head);
                (CType Type, string Name)[] parameters = ReadParameters();
                SkipBrackets();
                bodies[name] = open;
                Functions[name] = new CFunction(name, type, parameters, isApart, at - open);
                return;
            }
        }
        else
        {
            while (Peek() == "[")
            {
                SkipBrackets();
                type = type with { Pointers = type.Pointers + 1 };
            }

            constants[name] = (type, Accept("=") ? at : -1);
        }

        SkipStatement();
    }

    private void ReadTypeDefinition()
    {
        if (Peek() == "struct")
        {
            at += Peek(1) == "{" ? 2 : 3;
            List<(CType, string)> fields = [];
            while (!Accept("}"))
            {
                CType type = ReadType();
                string field = Peek() == "(" ? "" : Take();
                while (Peek() is "[" or "(")
                {
                    // An array, or a pointer to a function, whose name is not needed.
                    SkipBrackets();
                    type = type with { Pointers = type.Pointers + 1 };
                }

                fields.Add((type, field));
                Expect(";");
            }

            Structures[Take()] = fields;
        }
        else
        {
            _ = ReadType();
            at += 2; // (*
            Structures[Take()] = []; // a pointer to a function
        }

        SkipStatement();
    }

    private (CType Type, string Name)[] ReadParameters()
    {
        List<(CType, string)> parameters = [];
        Expect("(");
        while (!Accept(")"))
        {
            CType type = ReadType();
            string name = IsWord(Peek()) ? Take() : "";
            while (Peek() == "[")
            {
                SkipBrackets();
                type = type with { Pointers = type.Pointers + 1 };
            }

            if (name.Length > 0)
            {
                parameters.Add((type, name));
            }

            _ = Accept(",");
        }

        return [.. parameters];
    }

    private bool StartsType(int ahead = 0)
    {
        string token = Peek(ahead);
        return Qualifiers.Contains(token) || Numbers.ContainsKey(token) || Structures.ContainsKey(token) || token == "struct";
    }

    private CType ReadType()
    {
        CType type = new(CKind.Integer, 4, "", 0);
        while (StartsType() || Peek() == "*")
        {
            string token = Take();
            type = token == "*" ? type with { Pointers = type.Pointers + 1 }
                : Numbers.TryGetValue(token, out CType number) ? number with { Pointers = type.Pointers }
                : Structures.ContainsKey(token) ? new CType(CKind.Structure, 4, token, type.Pointers)
                : token == "struct" ? new CType(CKind.Structure, 4, Take(), 0)
                : type;
        }

        return type;
    }

    private CName Declare(CType type, string name)
    {
        names[name] = function!.Slots.Count;
        function.Slots.Add(type);
        return new CName(name) { Slot = names[name] };
    }

    private CNode ReadStatement()
    {
        if (Accept("{"))
        {
            List<CNode> statements = [];
            while (!Accept("}"))
            {
                statements.Add(ReadStatement());
            }

            return new CSequence([.. statements]);
        }

        if (Accept(";"))
        {
            return new CSequence([]);
        }

        switch (Peek())
        {
            case "if":
                at += 2;
                CNode condition = ReadExpression();
                Expect(")");
                CNode then = ReadStatement();
                return new CIf(condition, then, Accept("else") ? ReadStatement() : null);
            case "while":
                at += 2;
                CNode holds = ReadExpression();
                Expect(")");
                return new CLoop(null, holds, null, ReadStatement());
            case "for":
                at += 2;
                CNode? first = Accept(";") ? null : ReadSimple();
                CNode? goesOn = Peek() == ";" ? null : ReadExpression();
                Expect(";");
                CNode? next = Peek() == ")" ? null : ReadExpression();
                Expect(")");
                return new CLoop(first, goesOn, next, ReadStatement());
            case "do":
                at++;
                CNode body = ReadStatement();
                Expect("while");
                CNode again = ReadExpression();
                Expect(";");
                return new CSequence([body, new CLoop(null, again, null, body)]);
            case "return" or "break" or "continue":
                string word = Take();
                CNode? value = Peek() == ";" ? null : ReadExpression();
                Expect(";");
                return new CLeave(word, value);
            default:
                return ReadSimple();
        }
    }

    /// <summary>A declaration or an expression, with its semicolon.</summary>
    private CNode ReadSimple()
    {
        if (!StartsType())
        {
            CNode expression = ReadExpression();
            Expect(";");
            return expression;
        }

        List<CNode> declarations = [];
        CType type = ReadType();
        do
        {
            CType own = type;
            while (Accept("*"))
            {
                own = own with { Pointers = own.Pointers + 1 };
            }

            string name = Take();
            bool isArray = Peek() == "[";
            while (Peek() == "[")
            {
                SkipBrackets();
                own = own with { Pointers = own.Pointers + 1 };
            }

            // A variable's value may not read the variable of the same name that it hides, so the order does not matter.
            CName declared = Declare(own, name);
            declarations.Add(new CDeclaration(own, declared, isArray, Accept("=") ? ReadInitializer() : null));
        }
        while (Accept(","));
        Expect(";");
        return declarations.Count == 1 ? declarations[0] : new CSequence([.. declarations]);
    }

    private CNode ReadInitializer()
    {
        if (!Accept("{"))
        {
            return ReadAssignment();
        }

        List<(string?, CNode)> values = [];
        while (!Accept("}"))
        {
            string? field = null;
            if (Accept("."))
            {
                field = Take();
                Expect("=");
            }

            values.Add((field, ReadInitializer()));
            _ = Accept(",");
        }

        return new CInitializer([.. values]);
    }

    private CNode ReadExpression()
    {
        CNode value = ReadAssignment();
        while (Accept(","))
        {
            value = new CSequence([value, ReadAssignment()]);
        }

        return value;
    }

    private CNode ReadAssignment()
    {
        CNode left = ReadLevel(0);
        if (Accept("?"))
        {
            CNode then = ReadAssignment();
            Expect(":");
            return new CSelect(left, then, ReadAssignment());
        }

        string token = Peek();
        if (token is "=" or "+=" or "-=" or "*=" or "/=" or "%=" or "&=" or "|=" or "^=" or "<<=" or ">>=")
        {
            at++;
            return new CAssign(token[..^1], left, ReadAssignment());
        }

        return left;
    }

    private CNode ReadLevel(int level)
    {
        if (level == Levels.Length)
        {
            return ReadPrefix();
        }

        CNode left = ReadLevel(level + 1);
        while (Array.IndexOf(Levels[level], Peek()) >= 0)
        {
            string token = Take();
            left = new CBinary(token, left, ReadLevel(level + 1));
        }

        return left;
    }

    private CNode ReadPrefix()
    {
        string token = Peek();
        if (token is "-" or "!" or "~" or "*" or "&" or "++" or "--" or "+")
        {
            at++;
            CNode operand = ReadPrefix();
            return token == "+" ? operand
                : token is "++" or "--" ? new CAssign(token[..1], operand, new CNumber(false, 1))
                : new CUnary(token, operand);
        }

        if (token == "sizeof")
        {
            at++;
            bool isType = Peek() == "(";
            bool isScalar = !isType && Peek() != "*" && names.TryGetValue(Peek(), out int slot) && function!.Slots[slot].Pointers == 0;
            if (isType)
            {
                SkipBrackets();
            }
            else
            {
                _ = ReadPrefix();
            }

            return new CSizeOf(isScalar);
        }

        if (token == "(" && StartsType(1))
        {
            at++;
            CType type = ReadType();
            Expect(")");
            return new CCast(type, ReadPrefix());
        }

        return ReadPostfix();
    }

    private CNode ReadPostfix()
    {
        CNode value;
        string token = Take();
        if (token == "(")
        {
            value = ReadExpression();
            Expect(")");
        }
        else if (token == "__asm__")
        {
            _ = Accept("volatile");
            SkipBrackets();
            value = new CCall(new CName(token), []);
        }
        else if (IsWord(token))
        {
            value = new CName(token) { Slot = names.GetValueOrDefault(token, -1) };
        }
        else if (token.Length > 0 && (char.IsAsciiDigit(token[0]) || token[0] == '.'))
        {
            value = Whole(token) is { } whole ? new CNumber(false, whole) : new CNumber(true, 0);
        }
        else if (token.StartsWith('"') || token.StartsWith('\''))
        {
            value = new CNumber(false, 0);
        }
        else
        {
            throw new FormatException($"expected a value in the C, found '{string.Join(' ', tokens.Skip(at - 3).Take(8))}'");
        }

        while (true)
        {
            switch (Peek())
            {
                case "[":
                    at++;
                    CNode index = ReadExpression();
                    Expect("]");
                    value = new CIndex(value, index);
                    break;
                case "(":
                    at++;
                    List<CNode> arguments = [];
                    while (!Accept(")"))
                    {
                        arguments.Add(ReadAssignment());
                        _ = Accept(",");
                    }

                    value = new CCall(value, [.. arguments]);
                    break;
                case "." or "->":
                    at++;
                    value = new CField(value, Take());
                    break;
                case "++" or "--":
                    value = new CUnary("p" + Take(), value);
                    break;
                default:
                    return value;
            }
        }
    }
}
