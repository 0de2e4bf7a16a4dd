namespace EmbeddedBackprop.Export.Cost;

/// <summary>
/// Reads exported C: the part of the language that the exporter prints, with the preprocessor's conditions for one processor. What it does not
/// know at the outermost level is skipped; a function's body is read when it is called.
/// </summary>
internal sealed class CReader
{
    private readonly CTokens tokens = new();
    private readonly Dictionary<string, string> macros;
    private readonly Dictionary<string, int> bodies = new(StringComparer.Ordinal);
    private readonly Dictionary<string, (CType Type, int At)> constants = new(StringComparer.Ordinal);
    private readonly CExpressions expressions;

    /// <summary>Reads a header and the file that includes it.</summary>
    /// <param name="text">The C.</param>
    /// <param name="defined">The compiler's own macros.</param>
    public CReader(string text, IReadOnlyDictionary<string, string> defined)
    {
        macros = new Dictionary<string, string>(defined, StringComparer.Ordinal);
        expressions = new CExpressions(tokens);
        new CPreprocessor(tokens, macros).Read(text);
        while (!tokens.IsAtEnd)
        {
            ReadOutermost();
        }
    }

    /// <summary>The functions by name.</summary>
    public Dictionary<string, CFunction> Functions { get; } = new(StringComparer.Ordinal);

    /// <summary>The fields of structures in their order.</summary>
    public Dictionary<string, List<(CType Type, string Name)>> Structures => expressions.Structures;

    /// <summary>How often a function is named.</summary>
    public Dictionary<string, int> Uses => tokens.Uses;

    /// <summary>The value of a macro that is a number; null where it is none.</summary>
    public long? Macro(string name) => macros.TryGetValue(name, out string? value) ? CTokens.Whole(value) : null;

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

        int back = tokens.At;
        tokens.At = found.At;
        CNode value = expressions.Initializer();
        tokens.At = back;
        return (found.Type, value);
    }

    /// <summary>The body of a function.</summary>
    public CNode Body(CFunction wanted)
    {
        if (wanted.Body is null)
        {
            int back = tokens.At;
            tokens.At = bodies[wanted.Name];
            expressions.Enter(wanted);
            wanted.Body = ReadStatement();
            CControl.Find(wanted);
            tokens.At = back;
        }

        return wanted.Body;
    }

    private void ReadOutermost()
    {
        if (tokens.Accept("typedef"))
        {
            ReadTypeDefinition();
            return;
        }

        string marks = "";
        while (CTokens.IsWord(tokens.Peek()) && !expressions.StartsType())
        {
            marks += tokens.Take();
        }

        if (!expressions.StartsType())
        {
            tokens.At++;
            return;
        }

        CType type = expressions.Type();
        while (CTokens.IsWord(tokens.Peek()) && expressions.StartsType(1))
        {
            // static, a mark, and then the type.
            marks += tokens.Take();
            type = expressions.Type();
        }

        while (CTokens.IsWord(tokens.Peek()) && CTokens.IsWord(tokens.Peek(1)))
        {
            marks += tokens.Take();
        }

        string name = tokens.Take();
        if (tokens.Peek() == "(")
        {
            int head = tokens.At;
            tokens.SkipBrackets();
            if (tokens.Peek() == "{")
            {
                int open = tokens.At;
                tokens.At = head;
                (CType Type, string Name)[] parameters = ReadParameters();
                tokens.SkipBrackets();
                bodies[name] = open;
                Functions[name] = new CFunction(name, type, parameters, marks, tokens.At - open);
                return;
            }
        }
        else
        {
            while (tokens.Peek() == "[")
            {
                tokens.SkipBrackets();
                type = type with { Pointers = type.Pointers + 1 };
            }

            constants[name] = (type, tokens.Accept("=") ? tokens.At : -1);
        }

        tokens.SkipStatement();
    }

    private void ReadTypeDefinition()
    {
        if (tokens.Peek() is "struct" or "union")
        {
            tokens.At += tokens.Peek(1) == "{" ? 2 : 3;
            List<(CType, string)> fields = [];
            while (!tokens.Accept("}"))
            {
                CType type = expressions.Type();
                string field = tokens.Peek() == "(" ? "" : tokens.Take();
                while (tokens.Peek() is "[" or "(")
                {
                    // An array, or a pointer to a function, whose name is not needed.
                    tokens.SkipBrackets();
                    type = type with { Pointers = type.Pointers + 1 };
                }

                fields.Add((type, field));
                tokens.Expect(";");
            }

            Structures[tokens.Take()] = fields;
        }
        else
        {
            _ = expressions.Type();
            tokens.At += 2; // (*
            Structures[tokens.Take()] = []; // a pointer to a function
        }

        tokens.SkipStatement();
    }

    private (CType Type, string Name)[] ReadParameters()
    {
        List<(CType, string)> parameters = [];
        tokens.Expect("(");
        while (!tokens.Accept(")"))
        {
            CType type = expressions.Type();
            string name = CTokens.IsWord(tokens.Peek()) ? tokens.Take() : "";
            while (tokens.Peek() == "[")
            {
                tokens.SkipBrackets();
                type = type with { Pointers = type.Pointers + 1 };
            }

            if (name.Length > 0)
            {
                parameters.Add((type, name));
            }

            _ = tokens.Accept(",");
        }

        return [.. parameters];
    }

    private CNode ReadStatement()
    {
        if (tokens.Accept("{"))
        {
            List<CNode> statements = [];
            while (!tokens.Accept("}"))
            {
                statements.Add(ReadStatement());
            }

            return new CSequence([.. statements]);
        }

        if (tokens.Accept(";"))
        {
            return new CSequence([]);
        }

        switch (tokens.Peek())
        {
            case "if":
                tokens.At += 2;
                CNode condition = expressions.Expression();
                tokens.Expect(")");
                CNode then = ReadStatement();
                return new CIf(condition, then, tokens.Accept("else") ? ReadStatement() : null);
            case "while":
                tokens.At += 2;
                CNode holds = expressions.Expression();
                tokens.Expect(")");
                return new CLoop(null, holds, null, ReadStatement());
            case "for":
                tokens.At += 2;
                CNode? first = tokens.Accept(";") ? null : ReadSimple();
                CNode? goesOn = tokens.Peek() == ";" ? null : expressions.Expression();
                tokens.Expect(";");
                CNode? next = tokens.Peek() == ")" ? null : expressions.Expression();
                tokens.Expect(")");
                return new CLoop(first, goesOn, next, ReadStatement());
            case "do":
                tokens.At++;
                CNode body = ReadStatement();
                tokens.Expect("while");
                CNode again = expressions.Expression();
                tokens.Expect(";");
                return new CSequence([body, new CLoop(null, again, null, body)]);
            case "return" or "break" or "continue":
                string word = tokens.Take();
                CNode? value = tokens.Peek() == ";" ? null : expressions.Expression();
                tokens.Expect(";");
                return new CLeave(word, value);
            default:
                return ReadSimple();
        }
    }

    /// <summary>A declaration or an expression, with its semicolon.</summary>
    private CNode ReadSimple()
    {
        if (!expressions.StartsType())
        {
            CNode expression = expressions.Expression();
            tokens.Expect(";");
            return expression;
        }

        List<CNode> declarations = [];
        CType type = expressions.Type();
        do
        {
            CType own = type;
            while (tokens.Accept("*"))
            {
                own = own with { Pointers = own.Pointers + 1 };
            }

            string name = tokens.Take();
            bool isArray = tokens.Peek() == "[";
            while (tokens.Peek() == "[")
            {
                tokens.SkipBrackets();
                own = own with { Pointers = own.Pointers + 1 };
            }

            // A variable's value may not read the variable of the same name that it hides, so the order does not matter.
            CName declared = expressions.Declare(own, name);
            declarations.Add(new CDeclaration(own, declared, isArray, tokens.Accept("=") ? expressions.Initializer() : null));
        }
        while (tokens.Accept(","));
        tokens.Expect(";");
        return declarations.Count == 1 ? declarations[0] : new CSequence([.. declarations]);
    }
}
