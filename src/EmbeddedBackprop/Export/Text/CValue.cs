using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Export.Text;

/// <summary>One value of a formula: nodes that compute the same are one value.</summary>
/// <param name="number">Its index; its operands have lower ones.</param>
/// <param name="node">Its node.</param>
/// <param name="arguments">Its operands.</param>
internal sealed class CValue(int number, Expression node, CValue[] arguments)
{
    public int Number => number;

    public Expression Node => node;

    public CValue[] Arguments => arguments;

    /// <summary>How often it is read.</summary>
    public int Uses { get; set; }

    /// <summary>How often its bits are read, and not the float.</summary>
    public int BitUses { get; set; }

    /// <summary>How often it is the whole of a result or of an arm, so that the statement that reads it can be written in the arms instead.</summary>
    public int TailUses { get; set; }

    /// <summary>Whether a multiply-add reads it as its first factor: a link of Horner's rule.</summary>
    public bool IsLink { get; set; }

    /// <summary>The innermost block that holds all that reads it.</summary>
    public CBlock? Block { get; set; }

    /// <summary>The arms of a select.</summary>
    public CBlock? Then { get; set; }

    /// <summary>The arms of a select.</summary>
    public CBlock? Otherwise { get; set; }

    /// <summary>Whether it is a variable of its own.</summary>
    public bool IsLocal { get; set; }

    /// <summary>Whether a select is an if with statements in its arms, and not a ?:.</summary>
    public bool IsBranch { get; set; }

    /// <summary>The name that the formula gives it; after printing, the variable's.</summary>
    public string? Name { get; set; }

    public bool IsSelect => node.Operation is Operation.IfGreater or Operation.IfNaN;

    /// <summary>Whether the variable holds bits.</summary>
    public bool IsInteger => node.IsBits && BitUses == Uses;

    /// <summary>Whether it is a select whose statements are written where it is read, in a result or an arm.</summary>
    public bool IsTail => IsBranch && !IsLocal;

    /// <summary>The next inner step of Horner's rule, where it is read by this one alone; else null.</summary>
    public CValue? Inner =>
        node.Operation == Operation.MultiplyAdd && arguments[0] is { Node.Operation: Operation.MultiplyAdd, IsInnerLink: true } inner ? inner : null;

    /// <summary>Whether it is a step of Horner's rule with a further one around it.</summary>
    public bool IsInnerLink => IsLink && Uses == 1 && Name is null;
}

/// <summary>A block of statements: the formula's own, or an arm of a select.</summary>
/// <param name="parent">The block around it; null for the formula's own.</param>
internal sealed class CBlock(CBlock? parent)
{
    private readonly int depth = parent is null ? 0 : parent.depth + 1;

    /// <summary>The variables that are declared in it.</summary>
    public List<CValue> Locals { get; } = [];

    /// <summary>The innermost block that holds both.</summary>
    public static CBlock Around(CBlock? a, CBlock b)
    {
        if (a is null)
        {
            return b;
        }

        while (a != b)
        {
            if (a!.depth > b.depth)
            {
                a = a.Parent;
            }
            else
            {
                b = b.Parent!;
            }
        }

        return b;
    }

    private CBlock? Parent => parent;
}
