namespace EmbeddedBackprop.Export.Cost;

/// <summary>Evaluates expressions of exported C without its floats, and counts what they do.</summary>
/// <param name="reader">The file.</param>
/// <param name="fused">Whether EBP_M rounds once.</param>
/// <param name="integers">Whether the network computes on integers.</param>
/// <param name="tables">Tables of uint16_t whose elements decide how often loops run.</param>
/// <param name="enter">Runs a function of the file, which may be part of the one that calls it.</param>
internal sealed class CEvaluation(
    CReader reader, bool fused, bool integers, Dictionary<string, int[]> tables, Func<CFunction, CHeld[], bool, CHeld> enter)
{
    private const int Short = 40;

    private readonly Dictionary<string, CHeld> constants = new(StringComparer.Ordinal);
    private bool inAddress;

    /// <summary>The call that is run.</summary>
    public CFrame Frame { get; set; } = new(new CFunction("", default, [], "", 0), new double[CWalk.Units]) { IsOnly = true };

    /// <summary>How often everything counts.</summary>
    public double Weight { get; set; } = 1;

    /// <summary>Counts a unit of the call.</summary>
    public void Count(CUnit unit, double times = 1) => Frame.Units[(int)unit] += Weight * times;

    /// <summary>A value that a variable of a type gets.</summary>
    public CHeld Convert(CType type, CHeld value) => integers ? CHeld.Wrap(type, value) : CHeld.Convert(type, value);

    /// <summary>A structure with its first values.</summary>
    public CHeld Initialize(CType type, CInitializer initializer)
    {
        Dictionary<string, CHeld> fields = new(StringComparer.Ordinal);
        List<(CType Type, string Name)> names = reader.Structures.GetValueOrDefault(type.Structure, []);
        for (int i = 0; i < initializer.Values.Length; i++)
        {
            (string? field, CNode value) = initializer.Values[i];
            string name = field ?? (i < names.Count ? names[i].Name : "");
            fields[name] = value is CInitializer ? CHeld.Unknown : EvaluateFree(value);
        }

        return new CHeld(CKind.Structure, 0, fields, 1);
    }

    private CHeld EvaluateFree(CNode node)
    {
        (double before, Weight) = (Weight, 0);
        CHeld value = Evaluate(node);
        Weight = before;
        return value;
    }

    /// <summary>Whether a condition holds; null where it depends on numbers that are not known.</summary>
    public bool? Decide(CNode node)
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
                CHeld result = Evaluate(node);
                if (node is not CBinary)
                {
                    Count(CUnit.Decision);
                }

                return result.IsKnown ? result.Whole != 0 : result.Pointers > 0 ? !result.IsNull : null;
        }
    }

    /// <summary>Counts an expression.</summary>
    public CHeld Evaluate(CNode node)
    {
        switch (node)
        {
            case CNumber number:
                if (number.IsFloat)
                {
                    Count(CUnit.Constant);
                    return CHeld.Unknown;
                }

                return CHeld.Known(number.Value);
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
                CHeld array = Element(index);
                return Load(array, integers && array.Kind == CKind.Integer && IsLoadedAgain(index));
            case CField field:
                return ReadField(field);
            case CCall call:
                return EvaluateCall(call);
            case CCast cast:
                CHeld value = Evaluate(cast.Operand);
                bool toFloat = cast.Type is { Pointers: 0, Kind: CKind.Float }, fromFloat = value is { Pointers: 0, Kind: CKind.Float };
                if (toFloat != fromFloat && cast.Type is { Pointers: 0, Kind: not CKind.Void })
                {
                    Count(CUnit.Convert);
                }

                return cast.Type.Pointers > 0 || cast.Type.Kind == CKind.Float || value.Kind == CKind.Float ? CHeld.Of(cast.Type) : value;
            case CSizeOf:
                return CHeld.Known(sizeof(float));
            case CSequence sequence:
                CHeld last = default;
                foreach (CNode each in sequence.Statements)
                {
                    last = Evaluate(each);
                }

                return last;
            default:
                return CHeld.Unknown;
        }
    }

    private CHeld Read(CName name)
    {
        if (name.Slot >= 0)
        {
            return Frame.Slots[name.Slot];
        }

        if (name.Name == "NULL")
        {
            return CHeld.Null;
        }

        if (reader.Functions.TryGetValue(name.Name, out CFunction? function))
        {
            return new CHeld(CKind.Function, 0, function, 1);
        }

        if (!constants.TryGetValue(name.Name, out CHeld value))
        {
            value = tables.TryGetValue(name.Name, out int[]? elements) ? new CHeld(CKind.Integer, sizeof(ushort), elements, 1)
                : reader.Macro(name.Name) is { } macro ? CHeld.Known(macro)
                : reader.Constant(name.Name) is not { } constant ? new CHeld(CKind.Float, 4, null, 1)
                : constant.Value is CInitializer initializer && constant.Type.Kind == CKind.Structure ? Initialize(constant.Type, initializer)
                : CHeld.Of(constant.Type);
            constants.Add(name.Name, value);
        }

        return value;
    }

    private CHeld ReadField(CField field)
    {
        CHeld from = Evaluate(field.Object);
        Count(CUnit.LoadWord);
        return from.Reference is Dictionary<string, CHeld> fields && fields.TryGetValue(field.Name, out CHeld value)
            ? value
            : new CHeld(field.Name == "memory" ? CKind.Float : CKind.Integer, 4, null, field.Name == "memory" ? 1 : 0);
    }

    /// <summary>The element that an index or a pointer names; its address is counted.</summary>
    private CHeld Element(CNode node)
    {
        bool before = inAddress;
        inAddress = true;
        CHeld array;
        if (node is CIndex index)
        {
            array = Evaluate(index.Array);
            CHeld at = Evaluate(index.Index);
            if (!at.IsKnown || index.Index is not CNumber)
            {
                Count(CUnit.Address);
            }

            if (array.Reference is int[] elements)
            {
                array = array with { Reference = at.IsKnown && at.Whole < elements.Length ? elements[(int)at.Whole] : null };
            }
        }
        else
        {
            array = Evaluate(((CUnary)node).Operand);
        }

        inAddress = before;
        return array;
    }

    /// <summary>Whether the element of a constant index has been loaded since its pointer moved and a loop began.</summary>
    private bool IsLoadedAgain(CIndex index) =>
        index is { Array: CName { Slot: >= 0 } name, Index: CNumber at } && !Frame.Loaded.Add((name.Slot, at.Value));

    private CHeld Load(CHeld array, bool again = false)
    {
        if (array.Reference is CFrame cell)
        {
            return cell.Slots[(int)array.Whole];
        }

        Count(
            again ? CUnit.Reload
            : array.Kind == CKind.Float || array.Pointers == 0 ? CUnit.Load
            : array.Whole == 2 ? CUnit.LoadHalf
            : array.Whole == 1 ? CUnit.LoadByte
            : CUnit.LoadWord);
        return array.Reference is int element ? CHeld.Known(element)
            : array.Pointers > 1 ? array with { Pointers = array.Pointers - 1 }
            : array.Kind == CKind.Integer ? new CHeld(CKind.Integer, 0, null, 0)
            : CHeld.Unknown;
    }

    private CHeld EvaluateUnary(CUnary unary)
    {
        switch (unary.Operator)
        {
            case "*":
                return Load(Element(unary));
            case "&" when unary.Operand is CName { Slot: >= 0 } name:
                CHeld own = Frame.Slots[name.Slot];
                return own.Kind == CKind.Structure || own.Pointers > 0 ? own : new CHeld(CKind.Integer, name.Slot, Frame, 1);
            case "&":
                return unary.Operand is CIndex ? Element(unary.Operand) : Evaluate(unary.Operand);
            case "p++" or "p--":
                CHeld before = Evaluate(unary.Operand);
                if (before.Pointers > 0)
                {
                    Count(CUnit.Address);
                    Frame.Moved((unary.Operand as CName)?.Slot ?? -1);
                }
                else
                {
                    Count(CUnit.Whole);
                    Assign(unary.Operand, before.IsKnown ? CHeld.Known(before.Whole + (unary.Operator == "p++" ? 1 : -1)) : before);
                }

                return before;
            default:
                CHeld value = Evaluate(unary.Operand);
                Count(value.Kind == CKind.Float ? CUnit.Bits : CUnit.Whole);
                return !value.IsKnown
                    ? value
                    : CHeld.Known(unary.Operator switch { "-" => -value.Whole, "~" => ~value.Whole, _ => value.Whole == 0 ? 1 : 0 });
        }
    }

    private CHeld EvaluateBinary(CBinary binary)
    {
        if (binary.Operator is "&&" or "||")
        {
            return Decide(binary) is { } known ? CHeld.Known(known ? 1 : 0) : new CHeld(CKind.Integer, 0, null, 0);
        }

        CHeld a = Evaluate(binary.Left), b = Evaluate(binary.Right);
        bool compares = binary.Operator is "<" or ">" or "<=" or ">=" or "==" or "!=";
        if (a.Pointers > 0 || b.Pointers > 0)
        {
            if (compares)
            {
                Count(CUnit.Decision);
                return a.IsNull || b.IsNull
                    ? CHeld.Known((a.IsNull == b.IsNull) == (binary.Operator == "==") ? 1 : 0)
                    : new CHeld(CKind.Integer, 0, null, 0);
            }

            Count(CUnit.Address);
            return (a.Pointers > 0 ? a : b).Elsewhere;
        }

        if (a.Kind == CKind.Float || b.Kind == CKind.Float)
        {
            Count(compares ? CUnit.Compare : binary.Operator switch { "*" => CUnit.Multiply, "/" => CUnit.Divide, _ => CUnit.Add });
            return compares ? new CHeld(CKind.Integer, 0, null, 0) : CHeld.Unknown;
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
            if (binary is { Operator: "*", Left: CCast { Type: { Kind: CKind.Integer, Bytes: 8, Pointers: 0 } } })
            {
                Count(CUnit.LongProduct);
            }
        }

        return a.IsKnown && b.IsKnown ? CHeld.Known(CHeld.Compute(binary.Operator, a.Whole, b.Whole)) : new CHeld(CKind.Integer, 0, null, 0);
    }

    private CHeld EvaluateSelect(CSelect select)
    {
        if (Decide(select.Condition) is { } known)
        {
            return Evaluate(known ? select.Then : select.Otherwise);
        }

        double before = Weight;
        // An element that the condition has read is in a register.
        CHeld then = EvaluateArm(select.Then), otherwise = EvaluateArm(select.Otherwise);
        Weight = before;
        return then.IsNull ? otherwise : then.IsKnown ? new CHeld(CKind.Integer, 0, null, 0) : then;

        CHeld EvaluateArm(CNode arm)
        {
            Weight = Contains(select.Condition, arm) ? 0 : before / 2;
            return Evaluate(arm);
        }
    }

    private static bool Contains(CNode node, CNode part) => node == part || CControl.Children(node).Any(child => Contains(child, part));

    private CHeld EvaluateAssign(CAssign assign)
    {
        CHeld value = Evaluate(assign.Value);
        if (assign.Operator.Length > 0)
        {
            CHeld old = Evaluate(assign.Target);
            if (old.Pointers > 0)
            {
                Count(CUnit.Address);
                Frame.Moved((assign.Target as CName)?.Slot ?? -1);
                return old;
            }

            bool isFloat = old.Kind == CKind.Float;
            Count(isFloat ? assign.Operator == "*" ? CUnit.Multiply : CUnit.Add : CUnit.Whole);
            value = isFloat ? CHeld.Unknown
                : old.IsKnown && value.IsKnown ? CHeld.Known(CHeld.Compute(assign.Operator, old.Whole, value.Whole))
                : new CHeld(CKind.Integer, 0, null, 0);
        }

        Assign(assign.Target, value);
        return value;
    }

    private void Assign(CNode target, CHeld value)
    {
        switch (target)
        {
            case CName { Slot: >= 0 } name:
                Frame.Slots[name.Slot] = Convert(Frame.Function.Slots[name.Slot], value);
                Frame.Moved(name.Slot);
                break;
            case CField field:
                Count(CUnit.Store);
                if (Evaluate(field.Object).Reference is Dictionary<string, CHeld> fields)
                {
                    fields[field.Name] = value;
                }

                break;
            case CIndex or CUnary { Operator: "*" }:
                CHeld array = Element(target);
                if (array.Reference is CFrame cell)
                {
                    cell.Slots[(int)array.Whole] = value;
                }

                Count(CUnit.Store);
                break;
        }
    }

    private CHeld EvaluateCall(CCall call)
    {
        CHeld callee = Evaluate(call.Function);
        string name = (call.Function as CName)?.Name ?? "";
        if (callee.Reference is not CFunction function || name is "EBP_M" or "EBP_SQRTF")
        {
            return EvaluateOutside(name, call.Arguments);
        }

        CHeld[] arguments = [.. call.Arguments.Select(Evaluate)];
        bool inlined = IsInlined(function, call.Function);
        if (!inlined)
        {
            Count(CUnit.Call);
            Count(CUnit.Whole, arguments.Length);
        }

        CHeld result = enter(function, arguments, inlined && integers && IsShort(function) && function.IsOfIntegers);
        return function.Type is { Pointers: 0, Kind: CKind.Float } ? CHeld.Unknown : result;
    }

    /// <summary>The compiler inlines what it is told to, what is called at one place only, and what is hardly longer than a call.</summary>
    private bool IsInlined(CFunction function, CNode called) =>
        called is CName { Slot: < 0 } && !function.IsApart
        && (IsShort(function) || (reader.Uses[function.Name] <= 2 && !Frame.Function.IsInline));

    private bool IsShort(CFunction function) =>
        function.IsInline || (function.Tokens <= Short && !CControl.Any(reader.Body(function), node => node is CCall { Function: CName name }
            && reader.Functions.TryGetValue(name.Name, out CFunction? callee) && callee.IsInline));

    /// <summary>Functions that are not in the file, and those whose C depends on the processor.</summary>
    private CHeld EvaluateOutside(string name, CNode[] given)
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

                return CHeld.Unknown;
            case "EBP_PRODUCT":
                foreach (CNode each in given)
                {
                    _ = Evaluate(each);
                }

                Count(CUnit.ByteProduct);
                return new CHeld(CKind.Integer, 0, null, 0);
            case "EBP_AGAIN":
                Frame.Moved((given[0] as CName)?.Slot ?? -1);
                return CHeld.Unknown;
            case "__asm__":
                Count(CUnit.Bits);
                return CHeld.Unknown;
            case ['_', '_', ..]:
                foreach (CNode each in given)
                {
                    _ = Evaluate(each);
                }

                Count(CUnit.Instruction);
                return new CHeld(CKind.Integer, 0, null, 0);
            case "EBP_SQRTF":
                _ = Evaluate(given[0]);
                Count(CUnit.SquareRoot);
                return CHeld.Unknown;
            case "memcpy" or "memset":
                CopyBytes(given, name == "memset" ? CUnit.ClearedWord : CUnit.CopiedWord);
                return default;
            case var _ when reader.IsMacro(name):
                // A hook, which is empty.
                return CHeld.Unknown;
            default:
                foreach (CNode each in given)
                {
                    _ = Evaluate(each);
                }

                Count(CUnit.Call);
                return CHeld.Unknown;
        }
    }

    private void CopyBytes(CNode[] given, CUnit word)
    {
        if (given[2] is CSizeOf)
        {
            // The bits of a number: a move between registers, or a word of bytes in memory.
            CHeld[] places = [Evaluate(given[0]), Evaluate(given[1])];
            Count(places[1] is { Kind: CKind.Integer, Reference: null, Whole: 1 or 2 } ? CUnit.Instruction : CUnit.Bits);
            foreach (CHeld place in places)
            {
                if (place.Reference is CFrame cell)
                {
                    cell.Slots[(int)place.Whole] = CHeld.Of(cell.Function.Slots[(int)place.Whole]);
                }
            }

            return;
        }

        _ = Evaluate(given[0]);
        _ = Evaluate(given[1]);
        CHeld bytes = Evaluate(given[2]);
        Count(CUnit.Copy);
        Count(word, bytes.IsKnown ? bytes.Whole / 4.0 : 1);
    }
}
