namespace EmbeddedBackprop.Kernels.Lanes;

/// <summary>The operation of a node of a formula's tree.</summary>
internal enum Operation
{
    /// <summary>A value from outside, by its name.</summary>
    Input,

    /// <summary>A float constant.</summary>
    Constant,

    /// <summary>The argument itself, which the formula gives a name.</summary>
    Named,

    /// <summary>x + y.</summary>
    Add,

    /// <summary>x - y.</summary>
    Subtract,

    /// <summary>x * y.</summary>
    Multiply,

    /// <summary>x / y.</summary>
    Divide,

    /// <summary>-x.</summary>
    Negate,

    /// <summary>M(a, b, c) in the model's arithmetic.</summary>
    MultiplyAdd,

    /// <summary>The square root.</summary>
    SquareRoot,

    /// <summary>x > y ? then : otherwise.</summary>
    IfGreater,

    /// <summary>x is NaN ? then : otherwise.</summary>
    IfNaN,

    /// <summary>A function of the engine, by its name.</summary>
    Call,

    /// <summary>bits(x) + Bits.</summary>
    AddBits,

    /// <summary>bits(x) &lt;&lt; Bits.</summary>
    ShiftLeft,

    /// <summary>bits(x) >> Bits, zeros coming in.</summary>
    ShiftRight,

    /// <summary>bits(x) &amp; Bits.</summary>
    AndBits,

    /// <summary>bits(x) | Bits.</summary>
    OrBits,

    /// <summary>bits(x) ^ Bits.</summary>
    XorBits,

    /// <summary>bits(x) | bits(y).</summary>
    Or,
}

/// <summary>
/// A node of the tree that a formula becomes when it is run over <see cref="LaneText"/>: an operation and its arguments. A node used twice is one
/// object with two users.
/// </summary>
/// <param name="operation">Its operation.</param>
/// <param name="arguments">Its operands, in the order of the formula.</param>
internal sealed class Expression(Operation operation, params Expression[] arguments)
{
    /// <summary>Its operation.</summary>
    public Operation Operation => operation;

    /// <summary>Its operands.</summary>
    public ReadOnlySpan<Expression> Arguments => arguments;

    /// <summary>The bits of a constant; the addend, mask or count of an operation on bits.</summary>
    public uint Bits { get; init; }

    /// <summary>The name of an input, of a function, or that the formula gives its argument.</summary>
    public string Name { get; init; } = "";

    /// <summary>The element of an array that an input is read from; null for a plain variable.</summary>
    public string? Element { get; init; }

    /// <summary>Whether the result is an integer operation on bits.</summary>
    public bool IsBits => operation >= Operation.AddBits;

    /// <summary>A constant.</summary>
    public static Expression Constant(float value) => new(Operation.Constant) { Bits = BitConverter.SingleToUInt32Bits(value) };

    /// <summary>Whether this is a constant with these bits.</summary>
    public bool IsConstant(float value) => operation == Operation.Constant && Bits == BitConverter.SingleToUInt32Bits(value);
}
