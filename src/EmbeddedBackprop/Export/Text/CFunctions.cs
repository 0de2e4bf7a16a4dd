namespace EmbeddedBackprop.Export.Text;

/// <summary>The functions that <see cref="CMath"/> can write as C.</summary>
[Flags]
internal enum CFunctions
{
    None = 0,

    /// <summary>EBP_M(a, b, c): the multiply-add of the model's arithmetic.</summary>
    MultiplyAdd = 1,

    /// <summary>EBP_SQRTF(x): the IEEE square root.</summary>
    SquareRoot = 1 << 1,

    Exp = 1 << 2,
    Log = 1 << 3,
    Log1P = 1 << 4,
    Tanh = 1 << 5,
    Sigmoid = 1 << 6,
    Erf = 1 << 7,
    Sin = 1 << 8,
    Cos = 1 << 9,

    /// <summary>All of them.</summary>
    All = (1 << 10) - 1,

    /// <summary>ebp_half(word): a float from the bits of an IEEE binary16; the engine has no such function.</summary>
    Half = 1 << 15,

    /// <summary>ebp_two_halves(table) and ebp_upper_half(word): two binary16 by one load; the lower one is ebp_half(word).</summary>
    HalfPair = 1 << 21,

    // Parts of the others, never asked for directly.
    Bits = 1 << 16,
    PowerOfTwo = 1 << 17,
    ExpPolynomial = 1 << 18,
    ExpNormal = 1 << 19,
    SinAtQuadrant = 1 << 20,
}
