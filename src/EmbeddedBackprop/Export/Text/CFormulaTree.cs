using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Export.Text;

/// <summary>
/// The values of a formula, and where each is computed: in place where it is read once, else in a variable of the innermost block that holds all its
/// readers.
/// </summary>
/// <remarks>A value that one arm of a select alone reads is computed in that arm. A select whose arm has a variable is an if.</remarks>
internal sealed class CFormulaTree
{
    /// <summary>So many steps of Horner's rule are written below each other, fewer inside each other.</summary>
    private const int LongChain = 3;

    private readonly Dictionary<Expression, CValue> valueOf = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<string, CValue> valueLike = new(StringComparer.Ordinal);
    private readonly List<CValue> values = [];

    /// <param name="results">The results, in the order in which they are assigned.</param>
    public CFormulaTree(ReadOnlySpan<CResult> results)
    {
        CValue[] roots = new CValue[results.Length];
        for (int i = 0; i < results.Length; i++)
        {
            roots[i] = ValueOf(results[i].Value.Node);
            Use(roots[i], Block, isTail: results[i].IsAssignment);
        }

        for (int i = values.Count - 1; i >= 0; i--)
        {
            UseArguments(values[i]);
        }

        foreach (CValue value in values)
        {
            Decide(value);
        }

        // Arrays may be the same memory: the elements that a later result reads are loaded before the first one is stored.
        foreach (CValue root in roots.Skip(1))
        {
            LoadFirst(root);
        }

        Results = roots;
    }

    /// <summary>The block of the formula.</summary>
    public CBlock Block { get; } = new(null);

    /// <summary>The values of the results.</summary>
    public IReadOnlyList<CValue> Results { get; }

    /// <summary>All values; each reads earlier ones.</summary>
    public IReadOnlyList<CValue> Values => values;

    private CValue ValueOf(Expression node)
    {
        if (valueOf.TryGetValue(node, out CValue? value))
        {
            return value;
        }

        CValue[] arguments = new CValue[node.Arguments.Length];
        for (int i = 0; i < arguments.Length; i++)
        {
            arguments[i] = ValueOf(node.Arguments[i]);
        }

        if (node.Operation == Operation.Named)
        {
            value = arguments[0];
            value.Name ??= node.Name;
        }
        else
        {
            string like =
                $"{node.Operation} {node.Bits} {node.Name} {node.Element} {string.Join(' ', arguments.Select(argument => argument.Number))}";
            if (!valueLike.TryGetValue(like, out value))
            {
                value = new CValue(values.Count, node, arguments);
                valueLike.Add(like, value);
                values.Add(value);
            }
        }

        valueOf.Add(node, value);
        return value;
    }

    private static void Use(CValue value, CBlock block, bool isTail = false, bool isBits = false)
    {
        value.Uses++;
        value.TailUses += isTail ? 1 : 0;
        value.BitUses += isBits ? 1 : 0;
        value.Block = CBlock.Around(value.Block, block);
    }

    private static void UseArguments(CValue value)
    {
        Operation operation = value.Node.Operation;
        int conditions = operation switch
        {
            Operation.IfGreater => 2,
            Operation.IfNaN => 1,
            _ => value.Arguments.Length,
        };
        foreach (CValue argument in value.Arguments.AsSpan(0, conditions))
        {
            Use(argument, value.Block!, isBits: value.Node.IsBits || operation == Operation.IfNaN);
        }

        if (value.IsSelect)
        {
            value.Then = new CBlock(value.Block);
            value.Otherwise = new CBlock(value.Block);
            Use(value.Arguments[^2], value.Then, isTail: true);
            Use(value.Arguments[^1], value.Otherwise, isTail: true);
        }

        if (operation == Operation.MultiplyAdd)
        {
            value.Arguments[0].IsLink = true;
        }
    }

    private void Decide(CValue value)
    {
        if (value.Node.Operation == Operation.Constant)
        {
            // A constant costs nothing where it is not read: it makes no block of an arm.
            value.Block = Block;
        }

        value.IsBranch = value.IsSelect
            && (value.Then!.Locals.Count > 0 || value.Otherwise!.Locals.Count > 0 || value.Arguments[^2].IsTail || value.Arguments[^1].IsTail);
        value.IsLocal = value.Node.Operation switch
        {
            Operation.Input => value.Node.Element is not null && value.Uses > 1,
            Operation.Constant => value.Name is not null,
            _ => value.Uses > 1
                || value.Name is not null
                || (value.IsBranch && value.TailUses == 0)
                || (!value.IsInnerLink && Steps(value) >= LongChain),
        };
        if (value.IsLocal)
        {
            value.Block!.Locals.Add(value);
        }
    }

    private static int Steps(CValue value) => value.Node.Operation != Operation.MultiplyAdd ? 0 : 1 + (value.Inner is { } inner ? Steps(inner) : 0);

    private void LoadFirst(CValue value)
    {
        if (value.Node is { Operation: Operation.Input, Element: not null } && (!value.IsLocal || value.Block != Block))
        {
            value.Block!.Locals.Remove(value);
            value.Block = Block;
            value.IsLocal = true;
            Block.Locals.Insert(0, value);
        }
        else if (!value.IsLocal || value.Block != Block)
        {
            foreach (CValue argument in value.Arguments)
            {
                LoadFirst(argument);
            }
        }
    }
}
