namespace EmbeddedBackprop.Export.Cost;

/// <summary>What is known of the value of an expression: floats are not.</summary>
/// <param name="Kind">What it is, or what it points to.</param>
/// <param name="Whole">A whole number; of a pointer the bytes of an element, or the slot of a variable.</param>
/// <param name="Reference">
/// <see cref="Mark"/> of a known number; a structure's fields, a function, the frame of a variable that is pointed at, the elements of a table or one
/// of them.
/// </param>
/// <param name="Pointers">How often it points.</param>
internal readonly record struct CHeld(CKind Kind, long Whole, object? Reference, int Pointers)
{
    /// <summary>The mark of a whole number that is known.</summary>
    public static readonly object Mark = new();

    /// <summary>A float.</summary>
    public static readonly CHeld Unknown = new(CKind.Float, 0, null, 0);

    /// <summary>NULL.</summary>
    public static readonly CHeld Null = new(CKind.Void, 0, null, 1);

    /// <summary>The same without a table's elements: the pointer has moved.</summary>
    public CHeld Elsewhere => Reference is int[] ? this with { Reference = null } : this;

    public bool IsKnown => ReferenceEquals(Reference, Mark);

    public bool IsNull => Kind == CKind.Void && Pointers == 1 && Whole == 0 && Reference is null;

    /// <summary>A whole number that is known.</summary>
    public static CHeld Known(long whole) => new(CKind.Integer, whole, Mark, 0);

    /// <summary>A value of a type, not known.</summary>
    public static CHeld Of(CType type) =>
        type.Pointers > 0 ? new CHeld(type.Kind, type.Bytes, null, type.Pointers)
        : type.Kind == CKind.Integer ? new CHeld(CKind.Integer, 0, null, 0)
        : Unknown;

    /// <summary>A value that a variable of a type gets.</summary>
    public static CHeld Convert(CType type, CHeld value) =>
        type.Pointers > 0 && value is { Pointers: > 0, IsNull: false, Reference: null } ? Of(type)
        : type is { Pointers: 0, Kind: CKind.Float } ? Unknown
        : value;

    /// <summary>The same, of an unsigned variable never below 0.</summary>
    public static CHeld Wrap(CType type, CHeld value) =>
        type is { Wraps: true, Pointers: 0 } && value is { IsKnown: true, Whole: < 0 } ? Known(value.Whole & uint.MaxValue) : Convert(type, value);

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
}
