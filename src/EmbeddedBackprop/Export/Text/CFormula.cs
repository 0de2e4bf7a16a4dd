using System.Text;
using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Export.Text;

/// <summary>A result of a formula and its use.</summary>
/// <param name="Target">The statement up to the value: <c>return</c>, <c>y[i] =</c>, <c>const float minus_rate =</c>.</param>
/// <param name="Value">The value.</param>
internal readonly record struct CResult(string Target, LaneText Value)
{
    /// <summary>Whether the statement can be written in both arms of an if.</summary>
    public bool IsAssignment => Target.EndsWith('=') && !Target.StartsWith("const ", StringComparison.Ordinal);
}

/// <summary>A formula as C statements, and the functions they call.</summary>
/// <param name="Text">Whole lines; names of functions begin with "ebp_".</param>
/// <param name="Functions">The functions of <see cref="CMath"/> that the statements use.</param>
/// <param name="Inputs">The names of the inputs that they read.</param>
internal sealed record CFormulaText(string Text, CFunctions Functions, IReadOnlySet<string> Inputs);

/// <summary>
/// Prints formulas as C: the statements compute what <see cref="Lane{TArithmetic}"/> computes, in the same order, with the same bits.
/// </summary>
/// <example>
/// A formula runs over <see cref="LaneText"/>; several results share their common nodes:
/// <code>
/// LaneText z = LaneText.Input("z", "x[i]");
/// CFormulaText c = CFormula.Print(2, ["n", "i"], new CResult("y[i] =", Silu.Value(z)));
/// </code>
/// </example>
internal sealed class CFormula
{
    private static readonly string[] Keywords =
    [
        "auto", "break", "case", "char", "const", "continue", "default", "do", "double", "else", "enum", "extern", "float", "for", "goto", "if",
        "inline", "int", "long", "register", "restrict", "return", "short", "signed", "sizeof", "static", "struct", "switch", "typedef", "union",
        "unsigned", "void", "volatile", "while", "asm",
    ];

    private readonly HashSet<string> names = new(Keywords, StringComparer.Ordinal);
    private readonly HashSet<string> inputs = new(StringComparer.Ordinal);
    private readonly StringBuilder text = new();
    private readonly HashSet<string> taken;
    private CFunctions functions;
    private int depth;

    private CFormula(int depth, IEnumerable<string> taken)
    {
        this.depth = depth;
        this.taken = new(taken, StringComparer.Ordinal);
        names.UnionWith(this.taken);
    }

    /// <summary>The statements that compute the results and assign them, in the order in which they are given.</summary>
    /// <param name="depth">How far the statements are indented, in steps of four blanks.</param>
    /// <param name="taken">Names that variables must not have.</param>
    /// <param name="results">
    /// The results. Their elements of arrays are loaded before the first is assigned, so the arrays may be the same memory.
    /// </param>
    public static CFormulaText Print(int depth, IEnumerable<string> taken, params ReadOnlySpan<CResult> results)
    {
        CFormulaTree tree = new(results);
        CFormula printer = new(depth, taken);
        foreach (CValue value in tree.Values)
        {
            if (value.Node.Operation == Operation.Input)
            {
                printer.inputs.Add(value.Node.Name);
                if (value.Node.Element is null)
                {
                    printer.names.Add(value.Node.Name);
                }
            }
        }

        printer.Declare(tree.Block);
        for (int i = 0; i < results.Length; i++)
        {
            printer.Assign(results[i].Target, tree.Results[i]);
        }

        return new CFormulaText(printer.text.ToString(), printer.functions, printer.inputs);
    }

    /// <summary>A value as one expression without variables; a node read twice is written twice.</summary>
    public static CFormulaText Expression(LaneText value)
    {
        CFormulaTree tree = new([new CResult("", value)]);
        CFormula printer = new(0, []);
        foreach (CValue each in tree.Values)
        {
            (each.IsLocal, each.IsBranch) = (false, false);
        }

        return new CFormulaText(printer.Float(tree.Results[0]), printer.functions, printer.inputs);
    }

    private void Declare(CBlock block)
    {
        foreach (CValue value in block.Locals.OrderBy(local => local.Node.Operation != Operation.Constant).ThenBy(local => local.Number))
        {
            string name = value.Name = NewName(value);
            if (value.Inner is not null)
            {
                DeclareChain(name, value);
            }
            else if (value.IsBranch)
            {
                Line($"float {name};");
                Branch(name + " =", value);
            }
            else if (value.Node.Operation == Operation.Constant)
            {
                float constant = BitConverter.UInt32BitsToSingle(value.Node.Bits);
                Line(
                    $"const float {name} = {(float.IsFinite(constant) ? $"{CText.Hex(constant)}; /* {CText.Decimal(constant)} */" : Constant(value) + ";")}"
                );
            }
            else
            {
                Line($"const {(value.IsInteger ? "uint32_t" : "float")} {name} = {(value.IsInteger ? BitsOf(value) : FloatOf(value))};");
            }
        }
    }

    /// <summary>Horner's rule, a line for each step.</summary>
    private void DeclareChain(string name, CValue value)
    {
        Stack<CValue> steps = new();
        for (CValue? step = value; step is not null; step = step.Inner)
        {
            steps.Push(step);
        }

        functions |= CFunctions.MultiplyAdd;
        Line($"float {name} = {Float(steps.Peek().Arguments[0])};");
        foreach (CValue step in steps)
        {
            Line($"{name} = EBP_M({name}, {Float(step.Arguments[1])}, {Float(step.Arguments[2])});");
        }
    }

    private void Assign(string target, CValue value)
    {
        if (value.IsTail)
        {
            Branch(target, value);
        }
        else
        {
            Line($"{target} {Float(value)};");
        }
    }

    private void Branch(string target, CValue select)
    {
        Line($"if ({Condition(select)}) {{");
        Arm(target, select.Then!, select.Arguments[^2]);
        while (select.Otherwise!.Locals.Count == 0 && select.Arguments[^1].IsTail)
        {
            select = select.Arguments[^1];
            Line($"}} else if ({Condition(select)}) {{");
            Arm(target, select.Then!, select.Arguments[^2]);
        }

        Line("} else {");
        Arm(target, select.Otherwise, select.Arguments[^1]);
        Line("}");
    }

    private void Arm(string target, CBlock block, CValue value)
    {
        depth++;
        Declare(block);
        Assign(target, value);
        depth--;
    }

    private string Float(CValue value, bool isOperand = false)
    {
        if (value.IsLocal)
        {
            return value.IsInteger ? FromBits(value.Name!) : value.Name!;
        }

        string c = FloatOf(value);
        bool isOneToken =
            value.Node.Operation is Operation.Input or Operation.Constant or Operation.MultiplyAdd or Operation.SquareRoot or Operation.Call
            || value.Node.IsBits;
        return isOperand && !isOneToken ? $"({c})" : c;
    }

    private string FloatOf(CValue value)
    {
        CValue[] x = value.Arguments;
        switch (value.Node.Operation)
        {
            case Operation.Input:
                return value.Node.Element ?? value.Node.Name;
            case Operation.Constant:
                return Constant(value);
            case Operation.Add:
                return $"{Float(x[0], true)} + {Float(x[1], true)}";
            case Operation.Subtract:
                return $"{Float(x[0], true)} - {Float(x[1], true)}";
            case Operation.Multiply:
                return $"{Float(x[0], true)} * {Float(x[1], true)}";
            case Operation.Divide:
                return $"{Float(x[0], true)} / {Float(x[1], true)}";
            case Operation.Negate:
                return $"-{Float(x[0], true)}";
            case Operation.MultiplyAdd:
                functions |= CFunctions.MultiplyAdd;
                return $"EBP_M({Float(x[0])}, {Float(x[1])}, {Float(x[2])})";
            case Operation.SquareRoot:
                functions |= CFunctions.SquareRoot;
                return $"EBP_SQRTF({Float(x[0])})";
            case Operation.IfGreater or Operation.IfNaN:
                return $"{Condition(value)} ? {Float(x[^2], x[^2].IsSelect)} : {Float(x[^1], x[^1].IsSelect)}";
            case Operation.Call:
                functions |= CMath.FunctionOf(value.Node.Name);
                return $"ebp_{value.Node.Name}({string.Join(", ", x.Select(argument => Float(argument)))})";
            default:
                return FromBits(BitsOf(value));
        }
    }

    private string Bits(CValue value, bool isOperand = false)
    {
        if (value.IsLocal)
        {
            return value.IsInteger ? value.Name! : ToBits(value.Name!);
        }

        bool isOneToken = value.Node.Operation == Operation.ShiftLeft; // a cast
        return !value.Node.IsBits ? ToBits(FloatOf(value)) : isOperand && !isOneToken ? $"({BitsOf(value)})" : BitsOf(value);
    }

    private string BitsOf(CValue value)
    {
        string x = Bits(value.Arguments[0], true);
        uint bits = value.Node.Bits;
        return value.Node.Operation switch
        {
            Operation.AddBits => (int)bits < 0 && bits != 0x80000000u ? $"{x} - {Hex(0u - bits)}" : $"{x} + {Hex(bits)}",
            Operation.ShiftLeft => $"(uint32_t)({x} << {CText.Number(bits)})",
            Operation.ShiftRight => $"{x} >> {CText.Number(bits)}",
            Operation.AndBits => $"{x} & {Hex(bits)}",
            Operation.OrBits => $"{x} | {Hex(bits)}",
            Operation.XorBits => $"{x} ^ {Hex(bits)}",
            _ => $"{x} | {Bits(value.Arguments[1], true)}",
        };
    }

    private string Condition(CValue select)
    {
        CValue x = select.Arguments[0];
        if (select.Node.Operation == Operation.IfNaN)
        {
            return $"({Bits(x, true)} & 0x7FFFFFFFu) > 0x7F800000u";
        }

        // Infinity is above all that is at most the largest float.
        CValue y = select.Arguments[1];
        return x.Node.IsConstant(float.PositiveInfinity) && !x.IsLocal
            ? $"{Float(y, true)} <= 3.40282347e+38f"
            : $"{Float(x, true)} > {Float(y, true)}";
    }

    private string Constant(CValue value)
    {
        float constant = BitConverter.UInt32BitsToSingle(value.Node.Bits);
        return float.IsFinite(constant) ? CText.Decimal(constant) : FromBits(Hex(float.IsNaN(constant) ? 0x7FC00000u : value.Node.Bits));
    }

    private string FromBits(string bits)
    {
        functions |= CFunctions.Bits;
        return $"ebp_from_bits({bits})";
    }

    private string ToBits(string x)
    {
        functions |= CFunctions.Bits;
        return $"ebp_bits({x})";
    }

    /// <summary>The name that the formula gives, or a letter; with a number where it is taken.</summary>
    private string NewName(CValue value)
    {
        string[] offers = value switch
        {
            { Node.Operation: Operation.Input } => [value.Node.Name],
            { Name: { } asked } => [CText.Identifier(asked)],
            { Inner: not null } => ["p", "q", "r"],
            { IsBranch: true } => ["y"],
            { IsInteger: true } => ["bits"],
            _ => ["t", "u", "v", "w"],
        };
        foreach (string offer in offers)
        {
            if (names.Add(offer))
            {
                return offer;
            }
        }

        // A parameter has the name: the variable holds a value computed from it.
        if (value.Name is not null && taken.Contains(offers[0]) && names.Add("new_" + offers[0]))
        {
            return "new_" + offers[0];
        }

        int number = 2;
        while (!names.Add(offers[0] + CText.Number(number)))
        {
            number++;
        }

        return offers[0] + CText.Number(number);
    }

    private static string Hex(uint bits) => bits < 10 ? CText.Number(bits) + "u" : $"0x{bits:X}u";

    private void Line(string line) => text.Append(' ', 4 * depth).Append(line).Append('\n');
}
