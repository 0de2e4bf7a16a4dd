namespace EmbeddedBackprop.Export.Cost;

/// <summary>
/// Runs the exported C without its numbers: loops, conditions and calls are followed, floats are not known, and every operation is counted. Of a
/// condition on floats both sides count half; a side that leaves the function is an exception and is not taken. Rounds of a loop that all do the same
/// are counted once, times their number.
/// </summary>
internal sealed class CWalk
{
    /// <summary>How many units there are.</summary>
    public const int Units = (int)CUnit.Instruction + 1;

    private readonly CReader reader;
    private readonly bool integers;
    private readonly CEvaluation evaluation;
    private readonly Dictionary<CLoop, bool> uniform = [];
    private readonly Dictionary<(CFunction Caller, CFunction Function), bool> alone = [];

    /// <param name="reader">The file.</param>
    /// <param name="fused">Whether EBP_M rounds once.</param>
    /// <param name="integers">Whether the network computes on integers.</param>
    /// <param name="tables">Tables of uint16_t whose elements decide how often loops run.</param>
    public CWalk(CReader reader, bool fused, bool integers, Dictionary<string, int[]> tables)
    {
        (this.reader, this.integers) = (reader, integers);
        evaluation = new CEvaluation(reader, fused, integers, tables, Enter);
    }

    /// <summary>The units so far, by the function that they are in.</summary>
    public Dictionary<string, double[]> Counts { get; } = new(StringComparer.Ordinal);

    private enum Flow
    {
        Next,
        Break,
        Continue,
        Return,
    }

    /// <summary>Counts one call of a function of the file.</summary>
    /// <param name="name">The function.</param>
    /// <param name="fields">Whole numbers in the structure that its first argument points to.</param>
    public void Call(string name, params (string Field, long Value)[] fields)
    {
        CFunction function = reader.Functions.GetValueOrDefault(name) ?? throw new FormatException($"'{name}' is not in the C that was read");
        CHeld[] arguments = [.. function.Parameters.Select(each => each.Type.Kind == CKind.Structure ? Structure(each.Type) : CHeld.Of(each.Type))];
        _ = Enter(function, arguments, isPart: false);

        CHeld Structure(CType type)
        {
            Dictionary<string, CHeld> known = fields.ToDictionary(field => field.Field, field => CHeld.Known(field.Value));
            foreach ((CType own, string name) in reader.Structures.GetValueOrDefault(type.Structure, []))
            {
                if (own is { Pointers: > 0, Kind: not CKind.Structure })
                {
                    known[name] = CHeld.Of(own);
                }
            }

            return new CHeld(CKind.Structure, 0, known, 1);
        }
    }

    /// <param name="function">The function.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <param name="isPart">Whether what it does is counted as done by its caller.</param>
    private CHeld Enter(CFunction function, CHeld[] arguments, bool isPart)
    {
        CFrame outer = evaluation.Frame;
        CNode body = reader.Body(function);
        bool isOnly = outer.IsOnly && IsCalledHereAlone(outer.Function, function);
        string name = integers && isOnly ? function.Name + CInstructionTable.Only : function.Name;
        double[]? units = isPart ? outer.Units : Counts.GetValueOrDefault(name);
        if (units is null)
        {
            Counts.Add(name, units = new double[Units]);
        }

        evaluation.Frame = new CFrame(function, units) { IsOnly = isOnly };
        for (int i = 0; i < arguments.Length && i < function.Parameters.Length; i++)
        {
            // A table of unknown type is what the parameter says.
            CType type = function.Parameters[i].Type;
            bool isTable = arguments[i] is { Pointers: > 0, Kind: not CKind.Structure, IsNull: false, Reference: null };
            evaluation.Frame.Slots[i] = isTable && type.Pointers > 0 ? CHeld.Of(type) : arguments[i];
        }

        _ = Run(body);
        CHeld result = evaluation.Frame.Result;
        evaluation.Frame = outer;
        return result;
    }

    /// <summary>Whether all calls of a function are in one other, or it is called at one place.</summary>
    private bool IsCalledHereAlone(CFunction caller, CFunction function)
    {
        if (!alone.TryGetValue((caller, function), out bool isAlone))
        {
            bool IsCall(CNode node) => node is CCall { Function: CName name } && name.Name == function.Name;
            int calls = caller.Body is { } body ? CControl.Count(body, IsCall) : 1;
            alone.Add((caller, function), isAlone = reader.Uses[function.Name] <= calls + 1);
        }

        return isAlone;
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
                    evaluation.Frame.Result = evaluation.Evaluate(value);
                }

                return leave.Word switch { "break" => Flow.Break, "continue" => Flow.Continue, _ => Flow.Return };
            default:
                _ = evaluation.Evaluate(node);
                return Flow.Next;
        }
    }

    private void Declare(CDeclaration declaration)
    {
        CType type = declaration.Type;
        CHeld value = declaration.IsArray ? new CHeld(type.Kind, type.Bytes, null, 1) : CHeld.Of(type);
        if (type is { Kind: CKind.Structure, Pointers: 0 })
        {
            value = new CHeld(CKind.Structure, 0, new Dictionary<string, CHeld>(StringComparer.Ordinal), 1);
        }

        if (declaration.Value is CInitializer initializer)
        {
            value = evaluation.Initialize(type, initializer);
        }
        else if (declaration.Value is { } expression)
        {
            value = evaluation.Convert(type, evaluation.Evaluate(expression));
        }

        evaluation.Frame.Slots[declaration.Name.Slot] = value;
    }

    private Flow RunIf(CIf condition)
    {
        switch (evaluation.Decide(condition.Condition))
        {
            case true:
                return Run(condition.Then);
            case false:
                return condition.Otherwise is { } otherwise ? Run(otherwise) : Flow.Next;
        }

        // Not known: a side that leaves is the exception.
        bool thenLeaves = Leaves(condition.Then);
        double half = evaluation.Weight / 2, before = evaluation.Weight;
        evaluation.Weight = thenLeaves ? 0 : condition.Otherwise is { } other && Leaves(other) ? before : half;
        if (!thenLeaves)
        {
            _ = Run(condition.Then);
        }

        if (condition.Otherwise is { } rest && !Leaves(rest))
        {
            evaluation.Weight = thenLeaves ? before : half;
            _ = Run(rest);
        }

        evaluation.Weight = before;
        return Flow.Next;
    }

    private static bool Leaves(CNode node) => node is CLeave || (node is not CLoop && CControl.Children(node).Any(Leaves));

    private Flow RunLoop(CLoop loop)
    {
        evaluation.Frame.Loaded.Clear();

        if (loop.First is { } first)
        {
            _ = Run(first);
        }

        evaluation.Count(CUnit.Loop);
        CFunction function = evaluation.Frame.Function;
        if (!uniform.TryGetValue(loop, out bool same))
        {
            uniform.Add(loop, same = loop.Next is not null && CControl.IsUniform(function, loop));
        }

        Flow flow = same ? RunOnce(loop) : RunEach(loop);
        evaluation.Frame.Loaded.Clear();
        return flow;
    }

    /// <summary>Counts the rounds by the head alone, then runs the body once.</summary>
    private Flow RunOnce(CLoop loop)
    {
        double before = evaluation.Weight;
        HashSet<int> assigned = [];
        CControl.AddAssigned(loop.Next, assigned);
        CControl.AddAssigned(loop.Condition, assigned);
        Dictionary<int, CHeld> start = assigned.ToDictionary(slot => slot, slot => evaluation.Frame.Slots[slot]);
        evaluation.Weight = 0;
        long rounds = 0;
        while (evaluation.Decide(loop.Condition!) is { } goesOn ? goesOn : rounds == 0)
        {
            rounds++;
            _ = Run(loop.Next!);
        }

        Dictionary<int, CHeld> end = assigned.ToDictionary(slot => slot, slot => evaluation.Frame.Slots[slot]);
        Restore(start);
        if (rounds > 0)
        {
            evaluation.Weight = before * rounds;
            evaluation.Count(CUnit.Round);
            _ = Run(loop.Body);
        }

        HashSet<int> changed = [];
        CControl.AddAssigned(loop.Body, changed);
        foreach (int slot in changed.Where(slot => evaluation.Frame.Function.Slots[slot].IsScalarInteger))
        {
            evaluation.Frame.Slots[slot] = CHeld.Of(evaluation.Frame.Function.Slots[slot]);
        }

        Restore(end);
        evaluation.Weight = before;
        return Flow.Next;

        void Restore(Dictionary<int, CHeld> values)
        {
            foreach ((int slot, CHeld value) in values)
            {
                evaluation.Frame.Slots[slot] = value;
            }
        }
    }

    private Flow RunEach(CLoop loop)
    {
        const int Most = 1 << 24;
        for (int round = 0; round < Most; round++)
        {
            double before = evaluation.Weight;
            evaluation.Weight = 0;
            bool? goesOn = loop.Condition is null ? true : evaluation.Decide(loop.Condition);
            evaluation.Weight = before;
            if (goesOn is false || (goesOn is null && round > 0))
            {
                break;
            }

            evaluation.Count(CUnit.Round);
            evaluation.Frame.Loaded.Clear();
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
                evaluation.Weight = 0;
                _ = Run(next);
                evaluation.Weight = before;
            }
        }

        return Flow.Next;
    }
}
