namespace EmbeddedBackprop.Export.Cost;

/// <summary>A node of the exported C's syntax tree: an expression or a statement.</summary>
internal abstract record CNode;

/// <summary>A constant. That of a float is not needed.</summary>
internal sealed record CNumber(bool IsFloat, long Value) : CNode;

/// <summary>A variable, a function or a table.</summary>
internal sealed record CName(string Name) : CNode
{
    /// <summary>The variable's index in its function; -1 for what is declared outside.</summary>
    public int Slot { get; set; } = -1;
}

/// <summary>An operator before its operand (- ! ~ * &amp; ++ --), or after it (p++ p--).</summary>
internal sealed record CUnary(string Operator, CNode Operand) : CNode;

internal sealed record CBinary(string Operator, CNode Left, CNode Right) : CNode;

/// <summary>condition ? then : otherwise.</summary>
internal sealed record CSelect(CNode Condition, CNode Then, CNode Otherwise) : CNode;

/// <summary>An assignment; the operator is empty for a plain one, + for +=.</summary>
internal sealed record CAssign(string Operator, CNode Target, CNode Value) : CNode;

internal sealed record CIndex(CNode Array, CNode Index) : CNode;

/// <summary>object.name or object->name.</summary>
internal sealed record CField(CNode Object, string Name) : CNode;

internal sealed record CCall(CNode Function, CNode[] Arguments) : CNode;

internal sealed record CCast(CType Type, CNode Operand) : CNode;

/// <summary>sizeof; it marks a copy of bits.</summary>
internal sealed record CSizeOf : CNode;

internal sealed record CSequence(CNode[] Statements) : CNode;

/// <summary>A variable with or without a value; arrays and structures have none.</summary>
internal sealed record CDeclaration(CType Type, CName Name, bool IsArray, CNode? Value) : CNode;

internal sealed record CIf(CNode Condition, CNode Then, CNode? Otherwise) : CNode;

/// <summary>for and while.</summary>
internal sealed record CLoop(CNode? First, CNode? Condition, CNode? Next, CNode Body) : CNode;

/// <summary>return, break, continue.</summary>
internal sealed record CLeave(string Word, CNode? Value) : CNode;

/// <summary>{ .field = value, ... } or { value, ... }.</summary>
internal sealed record CInitializer((string? Field, CNode Value)[] Values) : CNode;

/// <summary>What an expression holds.</summary>
internal enum CKind
{
    Void,
    Integer,
    Float,
    Structure,
    Function,
}

/// <summary>A type: its kind, the size of an element in memory, the structure's name, and how often it is pointed at.</summary>
internal readonly record struct CType(CKind Kind, int Bytes, string Structure, int Pointers)
{
    /// <summary>Whether a number below 0 becomes a large one of 32 bits.</summary>
    public bool Wraps { get; init; }

    public bool IsScalarInteger => Kind == CKind.Integer && Pointers == 0;
}

/// <summary>A function of the file: its body is read when it is first called.</summary>
internal sealed class CFunction(string name, CType type, (CType Type, string Name)[] parameters, string marks, int tokens)
{
    public string Name => name;

    public CType Type => type;

    public (CType Type, string Name)[] Parameters => parameters;

    /// <summary>Whether the compiler may not inline it.</summary>
    public bool IsApart => marks.Contains("EBP_APART", StringComparison.Ordinal);

    /// <summary>Whether it has to.</summary>
    public bool IsInline => marks.Contains("EBP_INLINE", StringComparison.Ordinal);

    /// <summary>Whether it takes and gives no floats.</summary>
    public bool IsOfIntegers => type.Kind != CKind.Float && Array.TrueForAll(parameters, each => each.Type.Kind != CKind.Float);

    /// <summary>The length of its body.</summary>
    public int Tokens => tokens;

    public CNode? Body { get; set; }

    /// <summary>The types of its variables, parameters first.</summary>
    public List<CType> Slots { get; } = [];

    /// <summary>Which of them decide how often something runs.</summary>
    public HashSet<int> Control { get; } = [];
}
