using System.Runtime.CompilerServices;

namespace EmbeddedBackprop.Kernels.Lanes;

/// <summary>Lanes of float whose bits a formula can take apart: exp, log, tanh, sigmoid and erf are written over them.</summary>
internal interface IBitLanes<T> : ILanes<T> where T : struct, IBitLanes<T>
{
    /// <summary>The ends of a logarithm y of x: x itself where it is +inf or NaN, NaN below 0, -inf at +0 and -0, y elsewhere.</summary>
    static abstract T LogEnds(T x, T y);

    /// <summary>low &gt; x ? low : x, so that a NaN stays one; for a low that is not 0 (whose sign would be the processor's choice).</summary>
    static virtual T AtLeast(T x, T low) => T.IfGreater(low, x, low, x);

    /// <summary>bits(x) + addend, as 32-bit integers.</summary>
    static abstract T AddBits(T x, int addend);

    /// <summary>bits(x) &lt;&lt; count.</summary>
    static abstract T ShiftBitsLeft(T x, int count);

    /// <summary>bits(x) &gt;&gt; count, arithmetic.</summary>
    static abstract T ShiftBitsRight(T x, int count);

    /// <summary>bits(x) &amp; mask.</summary>
    static abstract T AndBits(T x, int mask);

    /// <summary>bits(x) | mask.</summary>
    static abstract T OrBits(T x, int mask);

    /// <summary>The bits of magnitude with the sign bit of sign.</summary>
    static abstract T CopySign(T magnitude, T sign);

    // Parts that several functions share: computed in place, but functions of their own in C, which has them once.

    /// <summary>e^x for x of at most 89.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static virtual T ExpBelow(T x) => Transcendental.ExpBelow(x);

    /// <summary>e^x where neither x nor the result leaves the normal range.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static virtual T ExpNormal(T x) => Transcendental.ExpNormal(x);

    /// <summary>e^(x - n ln 2).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static virtual T ExpPolynomial(T x, T n) => Transcendental.ExpPolynomial(x, n);

    /// <summary>2^n from t = n + 1.5 * 2^23.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static virtual T PowerOfTwo(T t) => Transcendental.PowerOfTwo(t);
}
