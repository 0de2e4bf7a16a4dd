namespace EmbeddedBackprop.Export.Cost;

/// <summary>Reads types and expressions of exported C.</summary>
/// <param name="tokens">Its words.</param>
internal sealed class CExpressions(CTokens tokens)
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
        ["uint16_t"] = new(CKind.Integer, 2, "", 0) { Wraps = true },
        ["int"] = new(CKind.Integer, 4, "", 0),
        ["unsigned"] = new(CKind.Integer, 4, "", 0) { Wraps = true },
        ["int32_t"] = new(CKind.Integer, 4, "", 0),
        ["uint32_t"] = new(CKind.Integer, 4, "", 0) { Wraps = true },
        ["size_t"] = new(CKind.Integer, 4, "", 0) { Wraps = true },
        ["ptrdiff_t"] = new(CKind.Integer, 4, "", 0),
        ["uintptr_t"] = new(CKind.Integer, 4, "", 0) { Wraps = true },
        ["int64_t"] = new(CKind.Integer, 8, "", 0),
        ["uint64_t"] = new(CKind.Integer, 8, "", 0),
    };

    private static readonly HashSet<string> Qualifiers = new(["const", "static", "extern", "volatile", "inline", "restrict"], StringComparer.Ordinal);

    private static readonly string[][] Levels =
        [["||"], ["&&"], ["|"], ["^"], ["&"], ["==", "!="], ["<", ">", "<=", ">="], ["<<", ">>"], ["+", "-"], ["*", "/", "%"]];

    /// <summary>The fields of structures in their order.</summary>
    public Dictionary<string, List<(CType Type, string Name)>> Structures { get; } = new(StringComparer.Ordinal);

    /// <summary>The function that is read; null at the outermost level.</summary>
    public CFunction? Function { get; private set; }

    /// <summary>The variables that can be seen, by their slots in the function.</summary>
    private Dictionary<string, int> Names { get; set; } = new(StringComparer.Ordinal);

    /// <summary>Begins a function.</summary>
    public void Enter(CFunction function)
    {
        (Function, Names) = (function, new Dictionary<string, int>(StringComparer.Ordinal));
        foreach ((CType type, string name) in function.Parameters)
        {
            _ = Declare(type, name);
        }
    }

    /// <summary>A variable of the function.</summary>
    public CName Declare(CType type, string name)
    {
        Names[name] = Function!.Slots.Count;
        Function.Slots.Add(type);
        return new CName(name) { Slot = Names[name] };
    }

    /// <summary>Whether a type follows.</summary>
    public bool StartsType(int ahead = 0)
    {
        string token = tokens.Peek(ahead);
        return Qualifiers.Contains(token) || Numbers.ContainsKey(token) || Structures.ContainsKey(token) || token == "struct";
    }

    /// <summary>Reads a type, its pointers included.</summary>
    public CType Type()
    {
        CType type = new(CKind.Integer, 4, "", 0);
        while (StartsType() || tokens.Peek() == "*")
        {
            string token = tokens.Take();
            type = token == "*" ? type with { Pointers = type.Pointers + 1 }
                : Numbers.TryGetValue(token, out CType number) ? number with { Pointers = type.Pointers }
                : Structures.ContainsKey(token) ? new CType(CKind.Structure, 4, token, type.Pointers)
                : token == "struct" ? new CType(CKind.Structure, 4, tokens.Take(), 0)
                : type;
        }

        return type;
    }

    /// <summary>Reads what a variable begins with.</summary>
    public CNode Initializer()
    {
        if (!tokens.Accept("{"))
        {
            return Assignment();
        }

        List<(string?, CNode)> values = [];
        while (!tokens.Accept("}"))
        {
            string? field = null;
            if (tokens.Accept("."))
            {
                field = tokens.Take();
                tokens.Expect("=");
            }

            values.Add((field, Initializer()));
            _ = tokens.Accept(",");
        }

        return new CInitializer([.. values]);
    }

    /// <summary>Reads an expression, be it a list with commas.</summary>
    public CNode Expression()
    {
        CNode value = Assignment();
        while (tokens.Accept(","))
        {
            value = new CSequence([value, Assignment()]);
        }

        return value;
    }

    private CNode Assignment()
    {
        CNode left = Level(0);
        if (tokens.Accept("?"))
        {
            CNode then = Assignment();
            tokens.Expect(":");
            return new CSelect(left, then, Assignment());
        }

        string token = tokens.Peek();
        if (token is "=" or "+=" or "-=" or "*=" or "/=" or "%=" or "&=" or "|=" or "^=" or "<<=" or ">>=")
        {
            tokens.At++;
            return new CAssign(token[..^1], left, Assignment());
        }

        return left;
    }

    private CNode Level(int level)
    {
        if (level == Levels.Length)
        {
            return Prefix();
        }

        CNode left = Level(level + 1);
        while (Array.IndexOf(Levels[level], tokens.Peek()) >= 0)
        {
            string token = tokens.Take();
            left = new CBinary(token, left, Level(level + 1));
        }

        return left;
    }

    private CNode Prefix()
    {
        string token = tokens.Peek();
        if (token is "-" or "!" or "~" or "*" or "&" or "++" or "--" or "+")
        {
            tokens.At++;
            CNode operand = Prefix();
            return token == "+" ? operand
                : token is "++" or "--" ? new CAssign(token[..1], operand, new CNumber(false, 1))
                : new CUnary(token, operand);
        }

        if (token == "sizeof")
        {
            tokens.At++;
            if (tokens.Peek() == "(")
            {
                tokens.SkipBrackets();
            }
            else
            {
                _ = Prefix();
            }

            return new CSizeOf();
        }

        if (token == "(" && StartsType(1))
        {
            tokens.At++;
            CType type = Type();
            tokens.Expect(")");
            return new CCast(type, Prefix());
        }

        return Postfix();
    }

    private CNode Postfix()
    {
        CNode value;
        string token = tokens.Take();
        if (token == "(")
        {
            value = Expression();
            tokens.Expect(")");
        }
        else if (token == "__asm__")
        {
            _ = tokens.Accept("volatile");
            tokens.SkipBrackets();
            value = new CCall(new CName(token), []);
        }
        else if (CTokens.IsWord(token))
        {
            value = new CName(token) { Slot = Names.GetValueOrDefault(token, -1) };
        }
        else if (token.Length > 0 && (char.IsAsciiDigit(token[0]) || token[0] == '.'))
        {
            value = CTokens.Whole(token) is { } whole ? new CNumber(false, whole) : new CNumber(true, 0);
        }
        else if (token.StartsWith('"') || token.StartsWith('\''))
        {
            value = new CNumber(false, 0);
        }
        else
        {
            throw new FormatException($"expected a value in the C, found '{tokens.Around}'");
        }

        while (true)
        {
            switch (tokens.Peek())
            {
                case "[":
                    tokens.At++;
                    CNode index = Expression();
                    tokens.Expect("]");
                    value = new CIndex(value, index);
                    break;
                case "(":
                    tokens.At++;
                    List<CNode> arguments = [];
                    while (!tokens.Accept(")"))
                    {
                        arguments.Add(Assignment());
                        _ = tokens.Accept(",");
                    }

                    value = new CCall(value, [.. arguments]);
                    break;
                case "." or "->":
                    tokens.At++;
                    value = new CField(value, tokens.Take());
                    break;
                case "++" or "--":
                    value = new CUnary("p" + tokens.Take(), value);
                    break;
                default:
                    return value;
            }
        }
    }
}
