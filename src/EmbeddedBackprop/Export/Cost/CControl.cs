namespace EmbeddedBackprop.Export.Cost;

/// <summary>
/// Which variables decide how often something runs: those in conditions, in what a function returns, and in whole numbers given to other functions,
/// and all from which these are computed. Where rounds of a loop differ in none of them, one round stands for all.
/// </summary>
internal static class CControl
{
    /// <summary>Finds the deciding variables of a function.</summary>
    public static void Find(CFunction function) => Close(function, function.Body!, function.Control);

    /// <summary>Whether every round of a loop does the same.</summary>
    public static bool IsUniform(CFunction function, CLoop loop)
    {
        HashSet<int> deciding = [];
        Close(function, loop.Body, deciding);
        HashSet<int> varying = [], reset = [], header = [];
        AddAssigned(loop.Next, header);
        AddAssigned(loop.Condition, header);
        varying.UnionWith(header);
        AddReset(loop.Body, reset);
        // A variable varies that goes on from the round before, or is set from one that varies.
        for (int before = -1; before != varying.Count;)
        {
            before = varying.Count;
            AddVarying(loop.Body, reset, varying);
        }

        return !deciding.Overlaps(varying) && !varying.Except(header).Any(function.Control.Contains);
    }

    /// <summary>Whether a node or one in it is meant.</summary>
    public static bool Any(CNode node, Func<CNode, bool> isMeant) => isMeant(node) || Children(node).Any(child => Any(child, isMeant));

    /// <summary>How many nodes are meant.</summary>
    public static int Count(CNode node, Func<CNode, bool> isMeant) => (isMeant(node) ? 1 : 0) + Children(node).Sum(child => Count(child, isMeant));

    /// <summary>The variables that statements assign.</summary>
    public static void AddAssigned(CNode? node, HashSet<int> assigned)
    {
        if (Assigned(node) is { } slot)
        {
            assigned.Add(slot);
        }

        foreach (CNode child in Children(node))
        {
            AddAssigned(child, assigned);
        }
    }

    public static IEnumerable<CNode> Children(CNode? node) => node switch
    {
        CUnary unary => [unary.Operand],
        CBinary binary => [binary.Left, binary.Right],
        CSelect select => [select.Condition, select.Then, select.Otherwise],
        CAssign assign => [assign.Target, assign.Value],
        CIndex index => [index.Array, index.Index],
        CField field => [field.Object],
        CCall call => [call.Function, .. call.Arguments],
        CCast cast => [cast.Operand],
        CSequence sequence => sequence.Statements,
        CDeclaration { Value: { } value } => [value],
        CIf condition => new[] { condition.Condition, condition.Then, condition.Otherwise }.OfType<CNode>(),
        CLoop loop => new[] { loop.First, loop.Condition, loop.Next, loop.Body }.OfType<CNode>(),
        CLeave { Value: { } value } => [value],
        CInitializer initializer => initializer.Values.Select(value => value.Value),
        _ => [],
    };

    private static int? Assigned(CNode? node) => node switch
    {
        CAssign { Target: CName { Slot: >= 0 } name } => name.Slot,
        CUnary { Operator: "p++" or "p--" or "&", Operand: CName { Slot: >= 0 } name } => name.Slot,
        CDeclaration { Value: not null } declaration => declaration.Name.Slot,
        _ => null,
    };

    private static void Close(CFunction function, CNode body, HashSet<int> deciding)
    {
        Seed(function, body, deciding);
        for (int before = -1; before != deciding.Count;)
        {
            before = deciding.Count;
            Spread(function, body, deciding);
        }
    }

    private static void Seed(CFunction function, CNode node, HashSet<int> deciding)
    {
        switch (node)
        {
            case CIf condition:
                AddRead(function, condition.Condition, deciding);
                break;
            case CSelect select:
                AddRead(function, select.Condition, deciding);
                break;
            case CLoop { Condition: { } condition }:
                AddRead(function, condition, deciding);
                break;
            case CLeave { Value: { } value } when function.Type.IsScalarInteger:
                AddRead(function, value, deciding);
                break;
            case CAssign { Target: CField or CUnary } assign:
                AddRead(function, assign.Value, deciding);
                break;
            case CCall call:
                foreach (CNode argument in call.Arguments)
                {
                    AddRead(function, argument, deciding);
                }

                break;
        }

        foreach (CNode child in CControl.Children(node))
        {
            Seed(function, child, deciding);
        }
    }

    private static void Spread(CFunction function, CNode node, HashSet<int> deciding)
    {
        if (Assigned(node) is { } slot && deciding.Contains(slot) && (node as CAssign)?.Value is { } assigned)
        {
            AddRead(function, assigned, deciding);
        }
        else if (node is CDeclaration { Value: { } value } declaration && deciding.Contains(declaration.Name.Slot))
        {
            AddRead(function, value, deciding);
        }

        foreach (CNode child in Children(node))
        {
            Spread(function, child, deciding);
        }
    }

    /// <summary>The whole numbers that a value is computed from: not the addresses, nor what is in arrays but tables of uint16_t.</summary>
    private static void AddRead(CFunction function, CNode node, HashSet<int> read)
    {
        if (node is CIndex { Array: CName { Slot: >= 0 } table } index
            && function.Slots[table.Slot] is { Kind: CKind.Integer, Bytes: 2, Wraps: true, Pointers: 1 })
        {
            AddRead(function, index.Index, read);
            return;
        }

        if (IsAddress(function, node) || node is CIndex)
        {
            return;
        }

        if (node is CName { Slot: >= 0 } name && function.Slots[name.Slot].IsScalarInteger)
        {
            read.Add(name.Slot);
        }

        foreach (CNode child in Children(node))
        {
            AddRead(function, child, read);
        }
    }

    private static bool IsAddress(CFunction function, CNode node) => node switch
    {
        CName { Slot: >= 0 } name => function.Slots[name.Slot].Pointers > 0 || function.Slots[name.Slot].Kind == CKind.Float,
        CBinary { Operator: "+" or "-" } sum => IsAddress(function, sum.Left) || IsAddress(function, sum.Right),
        _ => false,
    };

    /// <summary>Variables that every round sets anew before it reads them: declared there, or first in a loop's head.</summary>
    private static void AddReset(CNode node, HashSet<int> reset)
    {
        switch (node)
        {
            case CDeclaration declaration:
                reset.Add(declaration.Name.Slot);
                break;
            case CAssign { Operator: "", Target: CName { Slot: >= 0 } name }:
                reset.Add(name.Slot);
                break;
            case CSequence sequence:
                foreach (CNode statement in sequence.Statements)
                {
                    AddReset(statement, reset);
                }

                break;
            case CLoop loop:
                if (loop.First is { } first)
                {
                    AddReset(first, reset);
                }

                AddDeclared(loop.Body, reset);
                break;
            case CIf condition:
                AddDeclared(condition, reset);
                break;
        }
    }

    private static void AddDeclared(CNode node, HashSet<int> reset)
    {
        foreach (CNode child in Children(node))
        {
            AddDeclared(child, reset);
        }

        if (node is CDeclaration declaration)
        {
            reset.Add(declaration.Name.Slot);
        }
        else if (node is CLoop { First: CAssign { Operator: "", Target: CName { Slot: >= 0 } name } })
        {
            reset.Add(name.Slot);
        }
    }

    private static void AddVarying(CNode node, HashSet<int> reset, HashSet<int> varying)
    {
        if (Assigned(node) is { } slot && (!reset.Contains(slot) || Children(node).Any(child => Reads(child, varying))))
        {
            varying.Add(slot);
        }

        foreach (CNode child in Children(node))
        {
            AddVarying(child, reset, varying);
        }
    }

    private static bool Reads(CNode node, HashSet<int> variables) =>
        node is CName name ? variables.Contains(name.Slot) : node is not CIndex && Children(node).Any(child => Reads(child, variables));
}
