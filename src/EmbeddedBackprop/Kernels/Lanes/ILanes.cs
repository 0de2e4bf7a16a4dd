using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace EmbeddedBackprop.Kernels;

/// <summary>
/// One scalar or one vector of independent elements, so that a formula is written once and runs as scalar float,
/// as 4, 8 or 16 float lanes, as double (the oracle of accuracy and gradient checks), and is printed as C.
/// </summary>
/// <remarks>
/// Every operation acts on each lane by itself with one IEEE-754 rounding, so a formula gives the same bits at every width.
/// Formulas are evaluated in the order they are written; nothing is re-associated or contracted.
/// </remarks>
/// <typeparam name="T">The implementing type.</typeparam>
[SuppressMessage("Design", "CA1000", Justification = "Static members are how lanes are addressed.")]
public interface ILanes<T> where T : struct, ILanes<T>
{
    /// <summary>The constant in every lane, rounded once to the lane's precision.</summary>
    static abstract T Constant(double value);

    /// <summary>A float in every lane, exactly.</summary>
    static virtual T Broadcast(float value) => T.Constant(value);

    /// <summary>x itself. The exported C calls it by this name; no other reading of a formula sees it.</summary>
    /// <param name="x">A value that is used more than once, or that a reader should know by its name.</param>
    /// <param name="name">The field's word, or the letter of the equation.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static virtual T Named(T x, string name) => x;

    /// <summary>0 in every lane.</summary>
    static abstract T Zero { get; }

    /// <summary>1 in every lane.</summary>
    static abstract T One { get; }

    /// <summary>x + y.</summary>
    static abstract T operator +(T x, T y);

    /// <summary>x - y.</summary>
    static abstract T operator -(T x, T y);

    /// <summary>x * y.</summary>
    static abstract T operator *(T x, T y);

    /// <summary>x / y, the IEEE quotient, never an estimate.</summary>
    static abstract T operator /(T x, T y);

    /// <summary>-x: the sign bit flipped.</summary>
    static abstract T operator -(T x);

    /// <summary>M(a, b, c): a*b + c with one rounding in fused arithmetic, with two in separate arithmetic.</summary>
    static abstract T MultiplyAdd(T a, T b, T c);

    /// <summary>The IEEE square root.</summary>
    static abstract T SquareRoot(T x);

    /// <summary>|x|: the sign bit cleared.</summary>
    static abstract T Abs(T x);

    /// <summary>x &gt; y ? then : otherwise, lane by lane; a NaN compares false.</summary>
    static abstract T IfGreater(T x, T y, T then, T otherwise);

    /// <summary>x is NaN ? then : otherwise, lane by lane.</summary>
    static abstract T IfNaN(T x, T then, T otherwise);

    /// <summary>e^x by the engine's polynomial (in double: Math.Exp).</summary>
    static abstract T Exp(T x);

    /// <summary>The natural logarithm by the engine's polynomial (in double: Math.Log).</summary>
    static abstract T Log(T x);

    /// <summary>The hyperbolic tangent by the engine's polynomial (in double: Math.Tanh).</summary>
    static abstract T Tanh(T x);

    /// <summary>1 / (1 + e^-x) by the engine's polynomial.</summary>
    static abstract T Sigmoid(T x);

    /// <summary>The error function by the engine's polynomial.</summary>
    static abstract T Erf(T x);

    /// <summary>log(1 + x) for x &gt; -1 (at -1 it is -inf), accurate near 0 (softplus and the log-losses live there).</summary>
    static abstract T Log1P(T x);

    /// <summary>The sine by the engine's polynomial, for |x| &lt;= 12800 (in double: Math.Sin).</summary>
    static abstract T Sin(T x);

    /// <summary>The cosine by the engine's polynomial, for |x| &lt;= 12800 (in double: Math.Cos).</summary>
    static abstract T Cos(T x);
}
