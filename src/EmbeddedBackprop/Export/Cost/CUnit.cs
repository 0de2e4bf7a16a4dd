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

    /// <summary>EBP_PRODUCT: of two bytes.</summary>
    ByteProduct,

    /// <summary>A product of 64 bits; it is a <see cref="WholeMultiply"/>, too.</summary>
    LongProduct,

    /// <summary>A load of an integer that these statements have loaded before: it may still be in a register.</summary>
    Reload,

    /// <summary>An instruction that the compiler knows by name, or one of assembly, on integers.</summary>
    Instruction,
}
