namespace EmbeddedBackprop.Export.Cost;

/// <summary>What the exported C does, in the units that a processor's instructions are estimated from.</summary>
internal enum CUnit
{
    MultiplyAdd,
    Add,
    Multiply,
    Divide,
    SquareRoot,
    Compare,
    Convert,
    Bits,
    Load,
    LoadHalf,
    LoadByte,
    LoadWord,
    Store,
    Address,
    Whole,
    WholeMultiply,
    WholeDivide,
    Decision,
    Round,
    Loop,
    Call,
    Copy,
    CopiedWord,
    ClearedWord,
    Constant,
}

/// <summary>
/// Runs the exported C without its numbers: loops, conditions and calls are followed, floats are not known, and every operation is counted. Of a
/// condition on floats both sides count half; a side that leaves the function is an exception and is not taken. Rounds of a loop that all do the same
/// are counted once, times their number.
/// </summary>
/// <param name="reader">The file.</param>
/// <param name="fused">Whether EBP_M rounds once.</param>
internal sealed class CWalk(CReader reader, bool fused)
{
    /// <summary>How many units there are.</summary>
    public const int Units = (int)CUnit.Constant + 1;

    private static readonly Value Unknown = new(CKind.Float, 0, null, 0);
    private static readonly Value Null = new(CKind.Void, 0, null, 1);

    private readonly Dictionary<CLoop, bool> uniform = [];
    private readonly Dictionary<string, Value> constants = new(StringComparer.Ordinal);
    private Frame frame = new(new CFunction("", default, [], false, 0), new double[Units]);
    private double weight = 1;
    private bool inAddress;

    /// <summary>The units so far, by the function that they are in.</summary>
    public Dictionary<string, double[]> Counts { get; } = new(StringComparer.Ordinal);

    private enum Flow
    {
        Next,
        Break,
        Continue,
        Return,
    }

    /// <summary>The result of an operator on whole numbers.</summary>
    public static long Compute(string word, long a, long b) => word switch
    {
        "+" => unchecked(a + b),
        "-" => unchecked(a - b),
        "*" => unchecked(a * b),
        "/" => b == 0 ? 0 : a / b,
        "%" => b == 0 ? 0 : a % b,
        "<<" => a << (int)b,
        ">>" => a >> (int)b,
        "&" => a & b,
        "|" => a | b,
        "^" => a ^ b,
        "<" => a < b ? 1 : 0,
        ">" => a > b ? 1 : 0,
        "<=" => a <= b ? 1 : 0,
        ">=" => a >= b ? 1 : 0,
        "==" => a == b ? 1 : 0,
        "!=" => a != b ? 1 : 0,
        _ => 0,
    };

    /// <summary>Counts one call of a function of the file.</summary>
    /// <param name="name">The function.</param>
    /// <param name="fields">Whole numbers in the structure that its first argument points to.</param>
    public void Call(string name, params (string Field, long Value)[] fields)
    {
        CFunction function = reader.Functions[name];
        Value model = new(CKind.Structure, 0, fields.ToDictionary(field => field.Field, field => Known(field.Value)), 1);
        _ = Enter(function, [.. function.Parameters.Select(each => each.Type.Kind == CKind.Structure ? model : Of(each.Type))]);
    }

    private static Value Known(long whole) => new(CKind.Integer, whole, Frame.KnownMark, 0);

    private static Value Of(CType type) =>
        type.Pointers > 0 ? new Value(type.Kind, type.Bytes, null, type.Pointers)
        : type.Kind == CKind.Integer ? new Value(CKind.Integer, 0, null, 0)
        : Unknown;

    private void Count(CUnit unit, double times = 1) => frame.Units[(int)unit] += weight * times;

    private Value Enter(CFunction function, Value[] arguments)
    {
        Frame outer = frame;
        CNode body = reader.Body(function);
        if (!Counts.TryGetValue(function.Name, out double[]? units))
        {
            Counts.Add(function.Name, units = new double[Units]);
        }

        frame = new Frame(function, units);
        for (int i = 0; i < arguments.Length && i < function.Parameters.Length; i++)
        {
            // A table of unknown type is what the parameter says.
            CType type = function.Parameters[i].Type;
            bool isTable = arguments[i] is { Pointers: > 0, Kind: not CKind.Structure, IsNull: false, Reference: null };
            frame.Slots[i] = isTable && type.Pointers > 0 ? Of(type) : arguments[i];
        }

        _ = Run(body);
        Value result = frame.Result;
        frame = outer;
        return result;
    }

    private Flow Run(CNode node)
    {
        switch (node)
        {
            case CSequence sequence:
                foreach (CNode statement in sequence.Statements)
                {
                    Flow flow = Run(statement);
                    if (flow != Flow.Next)
                    {
                        return flow;
                    }
                }

                return Flow.Next;
            case CDeclaration declaration:
                Declare(declaration);
                return Flow.Next;
            case CIf condition:
                return RunIf(condition);
            case CLoop loop:
                return RunLoop(loop);
            case CLeave leave:
                if (leave.Value is { } value)
                {
                    frame.Result = Evaluate(value);
                }

                return leave.Word switch { "break" => Flow.Break, "continue" => Flow.Continue, _ => Flow.Return };
            default:
                _ = Evaluate(node);
                return Flow.Next;
        }
    }

    private void Declare(CDeclaration declaration)
    {
        CType type = declaration.Type;
        Value value = declaration.IsArray ? new Value(type.Kind, type.Bytes, null, 1) : Of(type);
        if (type is { Kind: CKind.Structure, Pointers: 0 })
        {
            value = new Value(CKind.Structure, 0, new Dictionary<string, Value>(StringComparer.Ordinal), 1);
        }

        if (declaration.Value is CInitializer initializer)
        {
            value = Initialize(type, initializer);
        }
        else if (declaration.Value is { } expression)
        {
            value = Convert(type, Evaluate(expression));
        }

        frame.Slots[declaration.Name.Slot] = value;
    }

    private static Value Convert(CType type, Value value) =>
        type.Pointers > 0 && value is { Pointers: > 0, IsNull: false, Reference: null } ? Of(type)
        : type is { Pointers: 0, Kind: CKind.Float } ? Unknown
        : value;

    private Value Initialize(CType type, CInitializer initializer)
    {
        Dictionary<string, Value> fields = new(StringComparer.Ordinal);
        List<(CType Type, string Name)> names = reader.Structures.GetValueOrDefault(type.Structure, []);
        for (int i = 0; i < initializer.Values.Length; i++)
        {
            (string? field, CNode value) = initializer.Values[i];
            string name = field ?? (i < names.Count ? names[i].Name : "");
            fields[name] = value is CInitializer ? Unknown : EvaluateFree(value);
        }

        return new Value(CKind.Structure, 0, fields, 1);
    }

    private Value EvaluateFree(CNode node)
    {
        (double before, weight) = (weight, 0);
        Value value = Evaluate(node);
        weight = before;
        return value;
    }

    private Flow RunIf(CIf condition)
    {
        switch (Decide(condition.Condition))
        {
            case true:
                return Run(condition.Then);
            case false:
                return condition.Otherwise is { } otherwise ? Run(otherwise) : Flow.Next;
        }

        // Not known: a side that leaves is the exception.
        bool thenLeaves = Leaves(condition.Then);
        double half = weight / 2, before = weight;
        weight = thenLeaves ? 0 : condition.Otherwise is { } other && Leaves(other) ? before : half;
        if (!thenLeaves)
        {
            _ = Run(condition.Then);
        }

        if (condition.Otherwise is { } rest && !Leaves(rest))
        {
            weight = thenLeaves ? before : half;
            _ = Run(rest);
        }

        weight = before;
        return Flow.Next;
    }

    private static bool Leaves(CNode node) => node is CLeave || (node is not CLoop && CControl.Children(node).Any(Leaves));

    private Flow RunLoop(CLoop loop)
    {
        if (loop.First is { } first)
        {
            _ = Run(first);
        }

        Count(CUnit.Loop);
        CFunction function = frame.Function;
        if (!uniform.TryGetValue(loop, out bool same))
        {
            uniform.Add(loop, same = loop.Next is not null && CControl.IsUniform(function, loop));
        }

        return same ? RunOnce(loop) : RunEach(loop);
    }

    /// <summary>Counts the rounds by the head alone, then runs the body once.</summary>
    private Flow RunOnce(CLoop loop)
    {
        double before = weight;
        HashSet<int> assigned = [];
        CControl.AddAssigned(loop.Next, assigned);
        CControl.AddAssigned(loop.Condition, assigned);
        Dictionary<int, Value> start = assigned.ToDictionary(slot => slot, slot => frame.Slots[slot]);
        weight = 0;
        long rounds = 0;
        while (Decide(loop.Condition!) is { } goesOn ? goesOn : rounds == 0)
        {
            rounds++;
            _ = Run(loop.Next!);
        }

        Dictionary<int, Value> end = assigned.ToDictionary(slot => slot, slot => frame.Slots[slot]);
        Restore(start);
        if (rounds > 0)
        {
            weight = before * rounds;
            Count(CUnit.Round);
            _ = Run(loop.Body);
        }

        HashSet<int> changed = [];
        CControl.AddAssigned(loop.Body, changed);
        foreach (int slot in changed.Where(slot => frame.Function.Slots[slot].IsScalarInteger))
        {
            frame.Slots[slot] = Of(frame.Function.Slots[slot]);
        }

        Restore(end);
        weight = before;
        return Flow.Next;

        void Restore(Dictionary<int, Value> values)
        {
            foreach ((int slot, Value value) in values)
            {
                frame.Slots[slot] = value;
            }
        }
    }

    private Flow RunEach(CLoop loop)
    {
        const int Most = 1 << 24;
        for (int round = 0; round < Most; round++)
        {
            double before = weight;
            weight = 0;
            bool? goesOn = loop.Condition is null ? true : Decide(loop.Condition);
            weight = before;
            if (goesOn is false || (goesOn is null && round > 0))
            {
                break;
            }

            Count(CUnit.Round);
            Flow flow = Run(loop.Body);
            if (flow == Flow.Return)
            {
                return flow;
            }

            if (flow == Flow.Break)
            {
                break;
            }

            if (loop.Next is { } next)
            {
                weight = 0;
                _ = Run(next);
                weight = before;
            }
        }

        return Flow.Next;
    }

    /// <summary>Whether a condition holds; null where it depends on numbers that are not known.</summary>
    private bool? Decide(CNode node)
    {
        switch (node)
        {
            case CBinary { Operator: "&&" } both:
                bool? left = Decide(both.Left);
                return left is false ? false : left & Decide(both.Right);
            case CBinary { Operator: "||" } either:
                bool? first = Decide(either.Left);
                return first is true ? true : first | Decide(either.Right);
            case CUnary { Operator: "!" } not:
                return Decide(not.Operand) is { } value ? !value : null;
            default:
                Value result = Evaluate(node);
                if (node is not CBinary)
                {
                    Count(CUnit.Decision);
                }

                return result.IsKnown ? result.Whole != 0 : result.Pointers > 0 ? !result.IsNull : null;
        }
    }

    private Value Evaluate(CNode node)
    {
        switch (node)
        {
            case CNumber number:
                if (number.IsFloat)
                {
                    Count(CUnit.Constant);
                    return Unknown;
                }

                return Known(number.Value);
            case CName name:
                return Read(name);
            case CUnary unary:
                return EvaluateUnary(unary);
            case CBinary binary:
                return EvaluateBinary(binary);
            case CSelect select:
                return EvaluateSelect(select);
            case CAssign assign:
                return EvaluateAssign(assign);
            case CIndex index:
                return Load(Element(index));
            case CField field:
                return ReadField(field);
            case CCall call:
                return EvaluateCall(call);
            case CCast cast:
                Value value = Evaluate(cast.Operand);
                bool toFloat = cast.Type is { Pointers: 0, Kind: CKind.Float }, fromFloat = value is { Pointers: 0, Kind: CKind.Float };
                if (toFloat != fromFloat && cast.Type is { Pointers: 0, Kind: not CKind.Void })
                {
                    Count(CUnit.Convert);
                }

                return cast.Type.Pointers > 0 || cast.Type.Kind == CKind.Float ? Of(cast.Type) : value.Kind == CKind.Float ? Of(cast.Type) : value;
            case CSizeOf:
                return Known(sizeof(float));
            case CSequence sequence:
                Value last = default;
                foreach (CNode each in sequence.Statements)
                {
                    last = Evaluate(each);
                }

                return last;
            default:
                return Unknown;
        }
    }

    private Value Read(CName name)
    {
        if (name.Slot >= 0)
        {
            return frame.Slots[name.Slot];
        }

        if (name.Name == "NULL")
        {
            return Null;
        }

        if (reader.Functions.TryGetValue(name.Name, out CFunction? function))
        {
            return new Value(CKind.Function, 0, function, 1);
        }

        if (!constants.TryGetValue(name.Name, out Value value))
        {
            value = reader.Macro(name.Name) is { } macro ? Known(macro)
                : reader.Constant(name.Name) is not { } constant ? new Value(CKind.Float, 4, null, 1)
                : constant.Value is CInitializer initializer && constant.Type.Kind == CKind.Structure ? Initialize(constant.Type, initializer)
                : Of(constant.Type);
            constants.Add(name.Name, value);
        }

        return value;
    }

    private Value ReadField(CField field)
    {
        Value from = Evaluate(field.Object);
        Count(CUnit.LoadWord);
        return from.Reference is Dictionary<string, Value> fields && fields.TryGetValue(field.Name, out Value value)
            ? value
            : new Value(field.Name == "memory" ? CKind.Float : CKind.Integer, 4, null, field.Name == "memory" ? 1 : 0);
    }

    /// <summary>The element that an index or a pointer names; its address is counted.</summary>
    private Value Element(CNode node)
    {
        bool before = inAddress;
        inAddress = true;
        Value array;
        if (node is CIndex index)
        {
            array = Evaluate(index.Array);
            Value at = Evaluate(index.Index);
            if (!at.IsKnown || index.Index is not CNumber)
            {
                Count(CUnit.Address);
            }
        }
        else
        {
            array = Evaluate(((CUnary)node).Operand);
        }

        inAddress = before;
        return array;
    }

    private Value Load(Value array)
    {
        if (array.Reference is Frame cell)
        {
            return cell.Slots[(int)array.Whole];
        }

        Count(
            array.Kind == CKind.Float || array.Pointers == 0 ? CUnit.Load
            : array.Whole == 2 ? CUnit.LoadHalf
            : array.Whole == 1 ? CUnit.LoadByte
            : CUnit.LoadWord);
        return array.Pointers > 1 ? array with { Pointers = array.Pointers - 1 }
            : array.Kind == CKind.Integer ? new Value(CKind.Integer, 0, null, 0)
            : Unknown;
    }

    private Value EvaluateUnary(CUnary unary)
    {
        switch (unary.Operator)
        {
            case "*":
                return Load(Element(unary));
            case "&" when unary.Operand is CName { Slot: >= 0 } name:
                Value own = frame.Slots[name.Slot];
                return own.Kind == CKind.Structure || own.Pointers > 0 ? own : new Value(CKind.Integer, name.Slot, frame, 1);
            case "&":
                return unary.Operand is CIndex ? Element(unary.Operand) : Evaluate(unary.Operand);
            case "p++" or "p--":
                Value before = Evaluate(unary.Operand);
                if (before.Pointers > 0)
                {
                    Count(CUnit.Address);
                }
                else
                {
                    Count(CUnit.Whole);
                    Assign(unary.Operand, before.IsKnown ? Known(before.Whole + (unary.Operator == "p++" ? 1 : -1)) : before);
                }

                return before;
            default:
                Value value = Evaluate(unary.Operand);
                Count(value.Kind == CKind.Float ? CUnit.Bits : CUnit.Whole);
                return !value.IsKnown
                    ? value
                    : Known(unary.Operator switch { "-" => -value.Whole, "~" => ~value.Whole, _ => value.Whole == 0 ? 1 : 0 });
        }
    }

    private Value EvaluateBinary(CBinary binary)
    {
        if (binary.Operator is "&&" or "||")
        {
            return Decide(binary) is { } known ? Known(known ? 1 : 0) : new Value(CKind.Integer, 0, null, 0);
        }

        Value a = Evaluate(binary.Left), b = Evaluate(binary.Right);
        bool compares = binary.Operator is "<" or ">" or "<=" or ">=" or "==" or "!=";
        if (a.Pointers > 0 || b.Pointers > 0)
        {
            if (compares)
            {
                Count(CUnit.Decision);
                return a.IsNull || b.IsNull
                    ? Known((a.IsNull == b.IsNull) == (binary.Operator == "==") ? 1 : 0)
                    : new Value(CKind.Integer, 0, null, 0);
            }

            Count(CUnit.Address);
            return a.Pointers > 0 ? a : b;
        }

        if (a.Kind == CKind.Float || b.Kind == CKind.Float)
        {
            Count(compares ? CUnit.Compare : binary.Operator switch { "*" => CUnit.Multiply, "/" => CUnit.Divide, _ => CUnit.Add });
            return compares ? new Value(CKind.Integer, 0, null, 0) : Unknown;
        }

        if (binary.Left is not CNumber || binary.Right is not CNumber)
        {
            bool simple = binary.Right is CNumber { Value: var factor } && System.Numerics.BitOperations.IsPow2(factor);
            Count(
                compares ? CUnit.Decision
                : binary.Operator == "*" && !simple ? CUnit.WholeMultiply
                : binary.Operator is "/" or "%" && !simple ? CUnit.WholeDivide
                : inAddress ? CUnit.Address
                : CUnit.Whole);
        }

        return a.IsKnown && b.IsKnown ? Known(Compute(binary.Operator, a.Whole, b.Whole)) : new Value(CKind.Integer, 0, null, 0);
    }

    private Value EvaluateSelect(CSelect select)
    {
        if (Decide(select.Condition) is { } known)
        {
            return Evaluate(known ? select.Then : select.Otherwise);
        }

        double before = weight;
        // An element that the condition has read is in a register.
        Value then = EvaluateArm(select.Then), otherwise = EvaluateArm(select.Otherwise);
        weight = before;
        return then.IsNull ? otherwise : then.IsKnown ? new Value(CKind.Integer, 0, null, 0) : then;

        Value EvaluateArm(CNode arm)
        {
            weight = Contains(select.Condition, arm) ? 0 : before / 2;
            return Evaluate(arm);
        }
    }

    private static bool Contains(CNode node, CNode part) => node == part || CControl.Children(node).Any(child => Contains(child, part));

    private Value EvaluateAssign(CAssign assign)
    {
        Value value = Evaluate(assign.Value);
        if (assign.Operator.Length > 0)
        {
            Value old = Evaluate(assign.Target);
            if (old.Pointers > 0)
            {
                Count(CUnit.Address);
                return old;
            }

            bool isFloat = old.Kind == CKind.Float;
            Count(isFloat ? assign.Operator == "*" ? CUnit.Multiply : CUnit.Add : CUnit.Whole);
            value = isFloat ? Unknown
                : old.IsKnown && value.IsKnown ? Known(Compute(assign.Operator, old.Whole, value.Whole))
                : new Value(CKind.Integer, 0, null, 0);
        }

        Assign(assign.Target, value);
        return value;
    }

    private void Assign(CNode target, Value value)
    {
        switch (target)
        {
            case CName { Slot: >= 0 } name:
                frame.Slots[name.Slot] = Convert(frame.Function.Slots[name.Slot], value);
                break;
            case CField field:
                Count(CUnit.Store);
                if (Evaluate(field.Object).Reference is Dictionary<string, Value> fields)
                {
                    fields[field.Name] = value;
                }

                break;
            case CIndex or CUnary { Operator: "*" }:
                Value array = Element(target);
                if (array.Reference is Frame cell)
                {
                    cell.Slots[(int)array.Whole] = value;
                }

                Count(CUnit.Store);
                break;
        }
    }

    private Value EvaluateCall(CCall call)
    {
        Value callee = Evaluate(call.Function);
        string name = (call.Function as CName)?.Name ?? "";
        if (callee.Reference is not CFunction function || name is "EBP_M" or "EBP_SQRTF")
        {
            return EvaluateOutside(name, call.Arguments);
        }

        Value[] arguments = [.. call.Arguments.Select(Evaluate)];
        if (!IsInlined(function, call.Function))
        {
            Count(CUnit.Call);
            Count(CUnit.Whole, arguments.Length);
        }

        Value result = Enter(function, arguments);
        return function.Type is { Pointers: 0, Kind: CKind.Float } ? Unknown : result;
    }

    /// <summary>The compiler inlines what is called at one place only, and what is hardly longer than a call.</summary>
    private bool IsInlined(CFunction function, CNode called)
    {
        const int Short = 40;
        return called is CName { Slot: < 0 } && !function.IsApart && (function.Tokens <= Short || reader.Uses[function.Name] <= 2);
    }

    /// <summary>Functions that are not in the file, and those whose C depends on the processor.</summary>
    private Value EvaluateOutside(string name, CNode[] given)
    {
        switch (name)
        {
            case "EBP_M":
                foreach (CNode each in given)
                {
                    _ = Evaluate(each);
                }

                if (fused)
                {
                    Count(CUnit.MultiplyAdd);
                }
                else
                {
                    Count(CUnit.Multiply);
                    Count(CUnit.Add);
                }

                return Unknown;
            case "__asm__":
                Count(CUnit.Bits);
                return Unknown;
            case "EBP_SQRTF":
                _ = Evaluate(given[0]);
                Count(CUnit.SquareRoot);
                return Unknown;
            case "memcpy" or "memset":
                CopyBytes(given, name == "memset" ? CUnit.ClearedWord : CUnit.CopiedWord);
                return default;
            case var _ when reader.IsMacro(name):
                // A hook, which is empty.
                return Unknown;
            default:
                foreach (CNode each in given)
                {
                    _ = Evaluate(each);
                }

                Count(CUnit.Call);
                return Unknown;
        }
    }

    private void CopyBytes(CNode[] given, CUnit word)
    {
        if (given[2] is CSizeOf)
        {
            // The bits of a number: a move between registers.
            Count(CUnit.Bits);
            foreach (CNode each in given.Take(2))
            {
                Value place = Evaluate(each);
                if (place.Reference is Frame cell)
                {
                    cell.Slots[(int)place.Whole] = Of(cell.Function.Slots[(int)place.Whole]);
                }
            }

            return;
        }

        _ = Evaluate(given[0]);
        _ = Evaluate(given[1]);
        Value bytes = Evaluate(given[2]);
        Count(CUnit.Copy);
        Count(word, bytes.IsKnown ? bytes.Whole / 4.0 : 1);
    }

    /// <param name="Kind">What it is, or what it points to.</param>
    /// <param name="Whole">A whole number; of a pointer the bytes of an element, or the slot of a variable.</param>
    /// <param name="Reference">The mark of a known number; a structure's fields, a function, the frame of a variable that is pointed at.</param>
    /// <param name="Pointers">How often it points.</param>
    private readonly record struct Value(CKind Kind, long Whole, object? Reference, int Pointers)
    {
        public bool IsKnown => ReferenceEquals(Reference, Frame.KnownMark);

        public bool IsNull => Kind == CKind.Void && Pointers == 1 && Whole == 0 && Reference is null;
    }

    /// <summary>The variables of a call.</summary>
    private sealed class Frame
    {
        public static readonly object KnownMark = new();

        public Frame(CFunction function, double[] units)
        {
            (Function, Units) = (function, units);
            Slots = new Value[function.Slots.Count];
            for (int i = 0; i < Slots.Length; i++)
            {
                Slots[i] = Of(function.Slots[i]);
            }
        }

        public CFunction Function { get; }

        public double[] Units { get; }

        public Value[] Slots { get; }

        public Value Result { get; set; }
    }
}
