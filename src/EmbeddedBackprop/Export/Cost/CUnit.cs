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
